import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.prediction import PredictionKind
from defi_analytics.domain.quote import Quote
from defi_analytics.errors import Malformed, Unavailable
from defi_analytics.metrics.dispersion import Knot, knots
from defi_analytics.predictors.allora.inference import Reading
from defi_analytics.predictors.allora.interpret import interpret
from defi_analytics.predictors.allora.topics import bundled_registry
from defi_analytics.predictors.allora.wire import parse_network_inference
from tests.fakes import NOON
from tests.predictors.allora.payloads import v9_of_topic_13

PRICE = bundled_registry().find("mainnet", "BTC")
LOG_RETURN = bundled_registry().find("mainnet", "BTC", 1200)
VOLATILITY = bundled_registry().find("mainnet", "BTC", kinds=(PredictionKind.VOLATILITY,))
READING = Reading(
    value=Decimal("64000.5"),
    made_at=NOON,
    knots=knots([63900, 64000, 64100, 64050]),
    inferers=3,
    forecasters=1,
)
BASE = Quote("binance", "BTC", "USDT", 64_000.0, NOON)


SOON = NOON + timedelta(seconds=90)


def at(seconds):
    return NOON + timedelta(seconds=seconds)


def seen(topic=PRICE, base=BASE, now=SOON, level=0.95, **fields):
    return interpret(topic, replace(READING, **fields), base, now, level)


def test_the_worked_example_of_block_3834581():
    topic = bundled_registry().get("testnet", 58)
    made_at = datetime(2025, 5, 14, 12, 8, 53, 930000, tzinfo=UTC)
    prediction = seen(topic, now=made_at, value=Decimal("0.001"), made_at=made_at)
    assert prediction.base_time == datetime(2025, 5, 14, 12, 8, tzinfo=UTC)
    assert prediction.target_time == datetime(2025, 5, 14, 20, 8, tzinfo=UTC)


def test_the_worked_example_of_a_daily_topic_at_block_10297841():
    topic = bundled_registry().get("testnet", 61)
    made_at = datetime(2026, 7, 30, 22, 9, 0, 500000, tzinfo=UTC)
    prediction = seen(topic, now=made_at, value=Decimal("0.001"), made_at=made_at)
    assert prediction.base_time == datetime(2026, 7, 30, 22, 9, tzinfo=UTC)
    assert prediction.target_time == datetime(2026, 7, 31, 22, 9, tzinfo=UTC)


def test_blocks_are_some_six_seconds_apart_as_staleness_assumes():
    first, last = datetime(2025, 5, 14, 12, 8, 53, tzinfo=UTC), datetime(2026, 7, 30, 22, 9, tzinfo=UTC)
    assert round((last - first).total_seconds() / (10297841 - 3834581), 2) == 5.91


def test_the_real_bundle_of_topic_13_becomes_a_prediction_of_its_published_price():
    inference = parse_network_inference(v9_of_topic_13())
    topic = bundled_registry().get("testnet", 13)
    prediction = seen(
        topic,
        Quote("binance", "ETH", "USDT", 4258.0, NOON),
        value=inference.combined,
        knots=inference.knots(),
        inferers=6,
        forecasters=5,
    )
    assert round(prediction.predicted_price, 4) == 4260.0589
    assert prediction.value == Decimal("4260.058888453676459961899479786112")
    assert round(prediction.dispersion, 2) == 4.92
    assert prediction.interval.low < 4256.8562
    assert prediction.interval.high > 4266.6875
    assert (prediction.stale, prediction.notes) == (False, ())


def test_a_log_return_is_applied_to_the_base_price():
    prediction = seen(LOG_RETURN, value=Decimal("-0.01"), knots=knots([-0.02, -0.01, 0.01]))
    assert prediction.predicted_price == pytest.approx(64_000 * math.exp(-0.01))
    assert (prediction.base_price, prediction.base_price_source) == (64_000.0, "binance BTC/USDT")
    assert prediction.interval.low < 0 < prediction.interval.high


@given(st.floats(-1.6, 1.6), st.floats(0.01, 1e6))
def test_a_log_return_and_its_price_tell_the_same(value, base):
    prediction = seen(LOG_RETURN, replace(BASE, price=base), value=Decimal(repr(value)))
    assert math.log(prediction.predicted_price / base) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize(
    ("base", "note"),
    [
        (None, "no base price: no source of price history"),
        (Unavailable("binance", "answered 503"), "no base price: binance: answered 503"),
    ],
)
def test_without_a_base_price_a_log_return_has_no_price_and_says_why(base, note):
    prediction = seen(LOG_RETURN, base, value=Decimal("-0.01"), knots=knots([-0.01] * 3))
    assert (prediction.predicted_price, prediction.base_price, prediction.base_price_source) == (
        None,
        None,
        "",
    )
    assert prediction.notes == (note,)


def test_a_price_needs_no_base_price():
    assert seen(base=None).predicted_price == 64000.5


def test_a_volatility_has_neither_base_nor_price():
    prediction = seen(VOLATILITY, None, value=Decimal("0.0004"), knots=knots([0.0003, 0.0004, 0.0005]))
    assert (prediction.predicted_price, prediction.notes) == (None, ())


@pytest.mark.parametrize(
    ("topic", "value", "words"),
    [
        (PRICE, "0", "is not a price"),
        (PRICE, "-5", "is not a price"),
        (PRICE, "64609501828101036794984", "is not a price"),
        (PRICE, "12800", "no forecast from 64000 USD"),
        (PRICE, "320000", "no forecast from 64000 USD"),
        (LOG_RETURN, "1.61", "is not a forecast"),
        (LOG_RETURN, "-1.61", "is not a forecast"),
        (LOG_RETURN, "64000", "is not a forecast"),
        (VOLATILITY, "-0.1", "is negative"),
    ],
)
def test_a_value_that_cannot_be_of_its_kind_is_malformed(topic, value, words):
    with pytest.raises(Malformed, match=words):
        seen(topic, value=Decimal(value))


def test_a_price_is_not_compared_with_a_base_that_is_missing():
    assert seen(base=None, value=Decimal(12800)).predicted_price == 12800


# Topic 14 is asked every 60 blocks: two epochs of 6 s blocks and the slack are 840 s.
@pytest.mark.parametrize(("age_s", "stale"), [(0, False), (839, False), (840, False), (841, True)])
def test_a_prediction_is_stale_after_two_epochs(age_s, stale):
    prediction = seen(now=at(age_s))
    assert prediction.stale is stale
    assert ("stale: 841 s old, more than two epochs (840 s)" in prediction.notes) is stale


def test_a_prediction_is_stale_once_its_target_has_come_however_long_its_epoch():
    topic = replace(LOG_RETURN, epoch_blocks=5760)
    last, late = (seen(topic, now=at(s), value=Decimal(0)) for s in (1199, 1200))
    assert not last.stale
    assert late.stale
    assert "stale: its target time has passed" in late.notes
    assert late.share_gone(at(1200)) == 1


def test_a_block_from_the_future_is_stale_not_fresh():
    assert not seen(now=at(-60)).stale
    assert "stale: made 61 s in our future; is the clock right?" in seen(now=at(-61)).notes


def test_what_cannot_prove_its_age_is_stale():
    assert "stale: its age cannot be told" in seen(age_proven=False).notes


def test_a_point_outside_its_own_interval_is_noted_and_kept():
    prediction = seen(value=Decimal(65000))
    assert prediction.interval.high < 65000
    assert prediction.notes == ("the value lies outside its own workers' interval",)


def test_without_workers_there_is_no_interval():
    prediction = seen(knots=(), inferers=None, forecasters=None)
    assert (prediction.interval, prediction.dispersion, prediction.inferers) == (None, None, 0)
    assert prediction.notes == ("no interval: the source names no workers' values",)


def test_percentiles_that_do_not_reach_the_level_give_no_interval():
    prediction = seen(knots=(Knot(0.25, 0.9), Knot(0.75, 1.1)))
    assert (prediction.interval, prediction.dispersion) == (None, None)
    assert "beyond the known percentiles" in prediction.notes[0]


@pytest.mark.parametrize(("inferers", "notes"), [(2, ("only 2 inferers",)), (3, ())])
def test_fewer_than_three_inferers_are_noted(inferers, notes):
    assert seen(inferers=inferers).notes == notes


def test_the_sources_own_doubts_are_kept():
    assert seen(notes=("mind the gap",)).notes == ("mind the gap",)


def test_it_is_usable_from_when_it_was_read_and_not_before():
    prediction = seen(now=at(100))
    assert prediction.usable_at == at(100)
    assert prediction.age_s(at(100)) == 100
