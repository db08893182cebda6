from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.prediction import Prediction
from tests.builders import a_prediction, a_topic
from tests.fakes import NOON


def test_age_counts_from_what_the_forecast_knew_not_from_when_it_was_read() -> None:
    made = a_prediction(base_time=NOON - timedelta(minutes=30), usable_at=NOON)
    assert made.age_s(NOON) == 1800


@pytest.mark.parametrize(("minutes", "share"), [(-5, 0.0), (0, 0.0), (15, 0.25), (60, 1.0), (90, 1.0)])
def test_the_share_of_the_horizon_gone_stays_between_none_and_all(minutes: int, share: float) -> None:
    made = a_prediction(topic=a_topic(horizon_s=3600), base_time=NOON - timedelta(minutes=minutes))
    assert made.share_gone(NOON) == share


def test_what_a_source_does_not_tell_of_a_forecast_is_not_made_up() -> None:
    made = Prediction("allora", a_topic(), Decimal("25.5"), NOON, NOON, NOON)
    assert (made.inferers, made.forecasters, made.stale, made.notes) == (0, 0, False, ())
    assert (made.predicted_price, made.base_price, made.interval, made.dispersion) == (None,) * 4
    assert not made.topic.playground
