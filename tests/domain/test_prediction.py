from datetime import timedelta

import pytest

from tests.builders import a_prediction, a_topic
from tests.fakes import NOON


def test_age_counts_from_what_the_forecast_knew_not_from_when_it_was_read() -> None:
    made = a_prediction(base_time=NOON - timedelta(minutes=30), usable_at=NOON)
    assert made.age_s(NOON) == 1800


@pytest.mark.parametrize(("minutes", "share"), [(-5, 0.0), (0, 0.0), (15, 0.25), (60, 1.0), (90, 1.0)])
def test_the_share_of_the_horizon_gone_stays_between_none_and_all(minutes: int, share: float) -> None:
    made = a_prediction(topic=a_topic(horizon_s=3600), base_time=NOON - timedelta(minutes=minutes))
    assert made.share_gone(NOON) == share
