import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.prediction import Prediction, PredictionKind
from defi_analytics.mispricing.prediction import MOST_CONFIDENT, prediction_gap, probability, uncertainty
from tests.builders import LOOSE, a_book, a_market, a_prediction, a_rate, a_snapshot, a_topic
from tests.fakes import NOON

MARKET = a_market()
PAR = a_rate("USDT", "USD")
# Half an hour is left: 0.001 a minute is 0.0055 in all.
MOVES = {"INJ": 0.001}
HALF_HOUR = 0.001 * math.sqrt(30)


def _snapshot(**more):
    book = a_book(MARKET, [(24.9, 10)], [(25.0, 10)])
    return a_snapshot([(MARKET, book)], **({"rates": (PAR,), "volatility": MOVES} | more))


def _gap(prediction: Prediction | None = None, limits=LOOSE, **more) -> Edge:
    return prediction_gap(_snapshot(**more), MARKET, prediction or a_prediction(25.5), limits)


def test_a_market_below_its_forecast_is_bought() -> None:
    edge = _gap()
    assert edge.stands
    assert (edge.kind, edge.side, edge.against) == (EdgeKind.PREDICTION, Side.BUY, "allora topic 7")
    assert edge.signal is not None
    assert edge.signal.fair == 25.5
    assert edge.signal.uncertainty == pytest.approx(math.hypot(0.01 / 25.5, HALF_HOUR))
    assert edge.signal.probability == probability(edge.signal.z)
    assert [i.name for i in edge.inputs] == ["injective book", "allora", "USD/USDT binance"]
    assert [i.age_s for i in edge.inputs] == [0.0, 1800.0, 0.0]


def test_a_market_above_its_forecast_is_sold() -> None:
    assert _gap(a_prediction(24.4)).side is Side.SELL


def test_dollars_of_the_forecast_are_converted_and_the_spread_of_the_rate_is_part_of_the_doubt() -> None:
    edge = _gap(a_prediction(25.0), rates=(a_rate("USD", "USDT", 1.01, 1.03),))
    assert edge.signal is not None
    assert edge.signal.fair == pytest.approx(25.0 * 1.02)
    assert edge.signal.uncertainty == pytest.approx(math.hypot(0.01 / 25.0, HALF_HOUR, 0.01 / 1.02))


@pytest.mark.parametrize("gone_min", [0, 30, 59])
def test_disagreement_and_usual_moves_over_the_time_left_are_joined(gone_min: int) -> None:
    made = a_prediction(25.0, base_time=NOON - timedelta(minutes=gone_min))
    made = replace(made, target_time=made.base_time + timedelta(hours=1))
    left = 0.001 * math.sqrt(60 - gone_min)
    assert uncertainty(_snapshot(), made) == pytest.approx(math.hypot(0.01 / 25.0, left))


def test_the_dispersion_of_a_log_return_is_a_fraction_already() -> None:
    made = a_prediction(25.0, a_topic(kind=PredictionKind.LOG_RETURN), dispersion=0.01)
    assert uncertainty(_snapshot(), made) == pytest.approx(math.hypot(0.01, HALF_HOUR))


@pytest.mark.parametrize("age_s", [0, 1, -5])
def test_a_forecast_of_just_now_is_acted_on_also_if_its_clock_runs_a_little_ahead(age_s: int) -> None:
    made = a_prediction(26.0, base_time=NOON - timedelta(seconds=age_s))
    assert _gap(made).stands


def test_past_its_target_only_the_disagreement_is_left() -> None:
    late = a_prediction(25.0, target_time=NOON - timedelta(minutes=1))
    assert uncertainty(_snapshot(), late) == 0.01 / 25.0


def test_where_nothing_tells_the_usual_moves_the_disagreement_is_left_alone() -> None:
    assert uncertainty(_snapshot(volatility={"BTC": 0.001}), a_prediction(25.0)) == 0.01 / 25.0


def test_the_disagreement_about_a_price_that_is_not_told_is_taken_as_it_is() -> None:
    late = a_prediction(None, target_time=NOON)
    assert uncertainty(_snapshot(), late) == 0.01


def test_without_workers_values_the_usual_moves_alone_are_the_unit() -> None:
    assert uncertainty(_snapshot(), a_prediction(25.0, dispersion=None)) == pytest.approx(HALF_HOUR)
    assert _gap(a_prediction(25.5, dispersion=None)).stands


@pytest.mark.parametrize("volatility", [{}, {"BTC": 0.001}, {"INJ": 0.0}, {"INJ": float("nan")}])
def test_agreement_among_workers_alone_is_never_a_measure_of_error(volatility: dict[str, float]) -> None:
    assert _gap(volatility=volatility).rejection == Rejection(
        Reason.NO_REFERENCE, detail="nothing tells how far the price usually moves"
    )


def test_a_dispersion_that_is_no_number_lets_nothing_pass() -> None:
    edge = _gap(a_prediction(25.5, dispersion=float("nan")))
    assert edge.rejection is not None
    assert edge.rejection.code == "BELOW_UNCERTAINTY"


@pytest.mark.parametrize(
    ("z", "expected"),
    [(0.0, 0.5), (1.0, 0.5 + 0.5 * 0.3413447460685429), (-1.0, 0.6706723730342715), (40.0, 0.75)],
)
def test_half_of_what_the_normal_law_says_of_the_direction_is_believed(z: float, expected: float) -> None:
    assert probability(z) == pytest.approx(expected)


@settings(max_examples=50)
@given(st.floats(-10, 10), st.floats(0, 10))
def test_a_larger_gap_is_never_less_probable_and_the_sign_does_not_matter(z: float, more: float) -> None:
    assert 0.5 <= probability(z) <= 0.75
    assert probability(z) == probability(-z)
    assert probability(abs(z) + more) >= probability(z)


def test_a_direction_that_is_not_probable_enough_is_refused() -> None:
    edge = _gap(limits=replace(LOOSE, min_confidence=0.76))
    assert edge.signal is not None
    assert edge.rejection == Rejection(Reason.LOW_CONFIDENCE, 0.76, edge.signal.probability, "probability")
    assert edge.pricing is None


def test_a_direction_that_is_just_probable_enough_stands() -> None:
    signal = _gap().signal
    assert signal is not None
    assert signal.probability is not None
    assert _gap(limits=replace(LOOSE, min_confidence=signal.probability)).stands


def test_no_forecast_is_believed_beyond_three_quarters() -> None:
    assert MOST_CONFIDENT == 0.75
    assert probability(40.0) == pytest.approx(MOST_CONFIDENT)
    assert probability(0.0) == 0.5


def test_funding_is_charged_for_the_time_that_is_left_to_the_target() -> None:
    """Half an hour of a thousandth an hour."""
    perpetual = replace(MARKET, kind=MarketKind.PERPETUAL)
    book = a_book(perpetual, [(24.9, 10)], [(25.0, 10)])
    snapshot = a_snapshot([(perpetual, book)], rates=(PAR,), volatility=MOVES, funding={MARKET.key: 0.001})
    edge = prediction_gap(snapshot, perpetual, a_prediction(25.5), LOOSE)
    assert edge.pricing is not None
    assert edge.pricing.costs.carry == pytest.approx(0.0005 * edge.pricing.notional)


def test_a_gap_within_the_uncertainty_is_refused_and_still_says_how_probable_it_is() -> None:
    edge = _gap(a_prediction(25.0))
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.unit) == ("BELOW_UNCERTAINTY", "z")
    assert edge.signal is not None
    assert edge.signal.probability == probability(edge.signal.z)
    unsure = _gap(a_prediction(25.0), replace(LOOSE, min_confidence=0.74))
    assert unsure.rejection == edge.rejection, "the first thing that is wrong is what is told"


@pytest.mark.parametrize(
    ("changes", "limit", "age_s", "detail"),
    [
        ({"target_time": NOON}, 3600, 1800.0, "target passed"),
        ({"target_time": NOON - timedelta(hours=1)}, 3600, 1800.0, "target passed"),
        ({"stale": True}, None, 1800.0, "its source calls it stale"),
        ({"fresh_until": NOON - timedelta(minutes=1)}, 1740.0, 1800.0, "a newer one is overdue"),
        ({"base_time": NOON + timedelta(seconds=6)}, None, -6.0, "not known yet at this time"),
        ({"usable_at": NOON + timedelta(seconds=1)}, None, 1800.0, "not known yet at this time"),
    ],
)
def test_a_forecast_that_is_over_or_not_yet_known_is_no_signal(
    changes, limit, age_s: float, detail: str
) -> None:
    edge = _gap(a_prediction(25.5, **changes))
    assert edge.rejection == Rejection(Reason.STALE_PREDICTION, limit, age_s, "s", detail)


@pytest.mark.parametrize("price", [None, 0.0])
def test_a_forecast_without_a_price_has_nothing_to_compare(price: float | None) -> None:
    assert _gap(a_prediction(price)).rejection == Rejection(Reason.NO_REFERENCE, detail="no predicted price")


def test_a_playground_topic_is_never_a_signal() -> None:
    edge = _gap(a_prediction(25.5, a_topic(playground=True)))
    assert edge.rejection == Rejection(Reason.NO_REFERENCE, detail="a playground topic is never a signal")


def test_without_a_rate_nothing_is_compared_and_a_stale_one_converts_nothing() -> None:
    assert _gap(rates=()).rejection == Rejection(Reason.NO_RATE, detail="USD/USDT")
    old = a_rate("USDT", "USD", at=NOON - timedelta(seconds=121))
    assert _gap(rates=(old,)).rejection == Rejection(Reason.STALE_RATE, 120.0, 121.0, "s", "USD/USDT binance")


def test_without_a_book_there_is_nothing_to_measure() -> None:
    snapshot = replace(_snapshot(), books={})
    edge = prediction_gap(snapshot, MARKET, a_prediction(25.5), LOOSE)
    assert edge.rejection == Rejection(Reason.NO_BOOK, detail="injective: no order book")
    assert edge.signal is None


@pytest.mark.parametrize("price", [2.55, 255.0, -25.5, float("nan"), float("inf")])
def test_a_forecast_in_other_units_is_implausible(price: float) -> None:
    edge = _gap(replace(a_prediction(25.5), predicted_price=price))
    assert edge.rejection is not None
    assert edge.rejection.code == "IMPLAUSIBLE"


def test_the_notes_of_the_forecast_are_kept() -> None:
    edge = _gap(a_prediction(25.5, notes=("only 2 inferers",)))
    assert edge.notes == ("only 2 inferers", "gas is not counted: nothing prices INJ")


@pytest.mark.parametrize("fresh_until", [None, NOON, NOON + timedelta(minutes=1)])
def test_a_forecast_is_used_until_a_newer_one_is_overdue(fresh_until) -> None:
    assert _gap(a_prediction(25.5, fresh_until=fresh_until)).stands


def test_a_log_return_on_a_base_price_in_the_markets_own_quote_needs_no_rate() -> None:
    made = a_prediction(25.5, a_topic(kind=PredictionKind.LOG_RETURN), quote="USDT")
    edge = _gap(made, rates=())
    assert edge.stands
    assert edge.rates == ()
    assert edge.signal is not None
    assert edge.signal.fair == 25.5


def test_a_rate_between_dollars_does_not_touch_a_forecast_in_the_markets_own_quote() -> None:
    made = a_prediction(25.5, a_topic(kind=PredictionKind.LOG_RETURN), quote="USDT")
    edge = _gap(made, rates=(a_rate("USDT", "USD", 0.95, 0.96),))
    assert edge.signal is not None
    assert edge.signal.fair == 25.5


def test_a_forecast_in_another_currency_names_the_rate_that_lacks() -> None:
    edge = _gap(a_prediction(25.5, quote="USDC"), rates=())
    assert edge.rejection == Rejection(Reason.NO_RATE, detail="USDC/USDT")
