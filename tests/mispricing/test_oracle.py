from dataclasses import replace
from datetime import timedelta

import pytest

from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection, Side
from defi_analytics.domain.quote import Rate
from defi_analytics.mispricing.oracle import chosen_quote, oracle_deviation, oracle_screened
from tests.builders import LOOSE, a_book, a_market, a_quote, a_rate, a_snapshot, a_top
from tests.fakes import NOON

MARKET = a_market()
PAR = a_rate("USDT", "USD")


def _snapshot(rates: tuple[Rate, ...] = (PAR,), bids=((24.9, 10),), asks=((25.0, 10),), **more):
    return a_snapshot([(MARKET, a_book(MARKET, bids, asks))], rates=rates, **more)


def _deviation(snapshot=None, quote=None, limits=LOOSE) -> Edge:
    return oracle_deviation(snapshot or _snapshot(), MARKET, quote or a_quote(price=25.5), limits)


def test_a_market_below_its_oracle_is_bought() -> None:
    edge = _deviation()
    assert edge.stands
    assert (edge.kind, edge.against, edge.side, edge.reference) == (EdgeKind.ORACLE, "pyth", Side.BUY, None)
    assert edge.signal is not None
    assert edge.signal.z == pytest.approx((1 - 24.95 / 25.5) / 0.005)
    assert edge.signal.probability is None
    assert [i.name for i in edge.inputs] == ["injective book", "pyth", "USD/USDT binance"]


def test_a_market_above_its_oracle_is_sold() -> None:
    assert _deviation(quote=a_quote(price=24.5)).side is Side.SELL


def test_the_published_price_is_converted_at_the_middle_of_the_rate() -> None:
    edge = _deviation(_snapshot((a_rate("USDT", "USD", 0.979, 0.981),)), a_quote(price=25.0))
    assert edge.signal is not None
    assert edge.signal.fair == pytest.approx(25.0 * (1 / 0.979 + 1 / 0.981) / 2)


@pytest.mark.parametrize(
    ("confidence", "rate", "bids", "threshold", "unit"),
    [
        (None, PAR, ((24.9, 10),), 0.005, 0.005),
        (0.255, PAR, ((24.9, 10),), 0.005, 0.01),
        (0.255, PAR, ((24.9, 10),), 0.02, 0.02),
        (0.255, PAR, ((24.0, 10),), 0.005, 1.0 / 49.0),
        (0.255, a_rate("USD", "USDT", 0.97, 1.03), ((24.9, 10),), 0.005, 0.03),
    ],
    ids=["threshold", "confidence", "larger threshold", "half the spread", "half the spread of the rate"],
)
def test_the_unit_of_the_gap_is_the_widest_doubt(
    confidence, rate, bids, threshold: float, unit: float
) -> None:
    quote = a_quote(price=25.5, confidence=confidence)
    edge = _deviation(_snapshot((rate,), bids), quote, replace(LOOSE, oracle_threshold=threshold))
    assert edge.signal is not None
    assert edge.signal.uncertainty == pytest.approx(unit)


def test_without_a_rate_to_the_market_s_quote_nothing_is_compared() -> None:
    assert _deviation(_snapshot(())).rejection == Rejection(Reason.NO_RATE, detail="USD/USDT")


@pytest.mark.parametrize("age_s", [121, -6])
def test_an_oracle_that_is_silent_or_ahead_of_us_is_not_believed(age_s: float) -> None:
    edge = _deviation(quote=a_quote(price=25.5, at=NOON - timedelta(seconds=age_s)))
    assert edge.rejection == Rejection(Reason.STALE_ORACLE, 120.0, age_s, "s", "pyth")


@pytest.mark.parametrize("age_s", [121, -6])
def test_a_stale_rate_converts_nothing(age_s: float) -> None:
    rate = a_rate("USDT", "USD", at=NOON - timedelta(seconds=age_s))
    assert _deviation(_snapshot((rate,))).rejection == Rejection(
        Reason.STALE_RATE, 120.0, age_s, "s", "USD/USDT binance"
    )


@pytest.mark.parametrize("top", [None, a_top(MARKET, 24.9, None), a_top(MARKET, None, 25.0)])
def test_a_market_quoted_on_one_side_or_not_at_all_has_no_middle(top) -> None:
    snapshot = _snapshot()
    edge = _deviation(replace(snapshot, tops={MARKET.key: top} if top else {}))
    assert edge.rejection == Rejection(Reason.NO_BOOK, detail="injective: no two-sided quotes")


def test_a_middle_price_alone_is_enough_to_screen() -> None:
    snapshot = _snapshot(tops={MARKET.key: a_top(MARKET, None, None, mid=24.95)})
    assert oracle_screened(snapshot, MARKET, a_quote(price=25.5), LOOSE).stands


@pytest.mark.parametrize("sides", [(24.9, None), (None, 25.0)])
def test_a_middle_with_one_side_has_no_spread_to_doubt_it_by(sides) -> None:
    snapshot = _snapshot(tops={MARKET.key: a_top(MARKET, *sides, mid=24.95)})
    signal = oracle_screened(snapshot, MARKET, a_quote(price=25.5), LOOSE).signal
    assert signal is not None
    assert signal.uncertainty == 0.005


def test_a_gap_inside_the_unit_is_not_a_signal_and_no_book_is_read_for_it() -> None:
    edge = oracle_screened(_snapshot(), MARKET, a_quote(price=25.0), LOOSE)
    assert edge.rejection is not None
    assert edge.rejection.code == "BELOW_UNCERTAINTY"
    assert _deviation(replace(_snapshot(), books={}), a_quote(price=25.0)) == edge


def test_a_standing_screen_keeps_its_signal_when_the_book_is_missing() -> None:
    edge = _deviation(replace(_snapshot(), books={}))
    assert edge.rejection == Rejection(Reason.NO_BOOK, detail="injective: no order book")
    assert edge.signal is not None


@pytest.mark.parametrize("factor", [0.1, 10.0])
def test_a_deep_book_in_other_units_is_refused_although_the_top_was_right(factor: float) -> None:
    top = {MARKET.key: a_top(MARKET, 24.9, 25.0)}
    off = _snapshot(bids=((24.9 * factor, 10),), asks=((25.0 * factor, 10),), tops=top)
    edge = _deviation(off)
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.value) == (
        "IMPLAUSIBLE",
        pytest.approx(24.95 * factor / 25.5),
    )


def test_a_gap_that_closed_before_the_deep_book_came_does_not_stand() -> None:
    closed = _snapshot(bids=((25.4, 10),), asks=((25.5, 10),), tops={MARKET.key: a_top(MARKET, 24.9, 25.0)})
    edge = _deviation(closed)
    assert edge.rejection is not None
    assert edge.rejection.code == "BELOW_UNCERTAINTY"
    assert edge.signal is not None
    assert edge.signal.z == pytest.approx((1 - 25.45 / 25.5) / 0.005)


def _aged(source: str, age_s: float, price: float = 25.5, **changes):
    return a_quote(price=price, at=NOON - timedelta(seconds=age_s), source=source, **changes)


@pytest.mark.parametrize(
    ("quotes", "chosen"),
    [
        ([_aged("pyth", 60), _aged("stork", 5)], "stork"),
        ([_aged("stork", 5), _aged("pyth", 60)], "stork"),
        ([_aged("pyth", 5), _aged("stork", 5)], "pyth"),
        ([_aged("pyth", 60), _aged("ahead", -6)], "pyth"),
        ([_aged("pyth", 60), _aged("stork", 5, price=2.55)], "pyth"),
        ([_aged("pyth", 60), _aged("stork", 5, quote="EUR")], "pyth"),
        ([_aged("pyth", 300), _aged("stork", 121)], "stork"),
        ([_aged("pyth", 300)], "pyth"),
    ],
    ids=["fresher", "order", "equally fresh", "ahead", "implausible", "no rate", "all stale", "only one"],
)
def test_of_several_sources_the_freshest_usable_one_is_compared_with(quotes, chosen: str) -> None:
    assert chosen_quote(_snapshot(), MARKET, quotes, LOOSE).source == chosen


@pytest.mark.parametrize("top", [None, a_top(MARKET, None, 25.0)])
def test_without_a_middle_to_hold_them_against_every_fresh_source_is_plausible(top) -> None:
    snapshot = replace(_snapshot(), tops={MARKET.key: top} if top else {}, books={})
    quotes = [_aged("pyth", 60), _aged("stork", 5, price=2.55)]
    assert chosen_quote(snapshot, MARKET, quotes, LOOSE).source == "stork"


@pytest.mark.parametrize(
    ("other", "notes"),
    [
        (_aged("stork", 9, price=25.7, confidence=0.1), ()),
        (
            _aged("stork", 9, price=25.71, confidence=0.1),
            ("stork says 25.71 USDT, pyth 25.5: further apart than both allow for",),
        ),
        (_aged("feed", 9, price=25.72), ()),
        (
            _aged("feed", 9, price=25.74),
            ("feed says 25.74 USDT, pyth 25.5: further apart than both allow for",),
        ),
        (
            _aged("stork", 9, price=2.55, confidence=0.1),
            ("stork says 2.55 USDT, pyth 25.5: further apart than both allow for",),
        ),
        (_aged("stork", 121, price=30.0), ()),
        (_aged("stork", 9, price=30.0, quote="EUR"), ()),
        (_aged("stork", 9, price=30.0, base="ATOM"), ()),
    ],
    ids=[
        "agrees",
        "differs",
        "silent agrees",
        "silent differs",
        "implausible",
        "stale",
        "no rate",
        "other asset",
    ],
)
def test_a_fresh_source_that_contradicts_the_chosen_one_is_named(other, notes) -> None:
    own = _aged("pyth", 1, confidence=0.105)
    edge = _deviation(_snapshot(quotes=(own, other)), own)
    assert edge.stands
    assert tuple(note for note in edge.notes if "says" in note) == notes


def test_sources_in_other_currencies_are_held_against_each_other_after_conversion() -> None:
    """A dollar is worth 1.05 of the market's quote here."""
    rates = (a_rate("USD", "USDT", 1.05, 1.05),)
    own, same, other = (
        _aged(name, age, price=p)
        for name, age, p in (("pyth", 1, 24.5), ("stork", 5, 24.5), ("feed", 9, 25.7))
    )
    edge = _deviation(_snapshot(rates, quotes=(own, same, other)), own)
    assert [note for note in edge.notes if "says" in note] == [
        "feed says 26.985 USDT, pyth 25.725: further apart than both allow for"
    ]
    dear = [_aged("pyth", 60, price=24.5), _aged("stork", 5, price=48.5)]
    assert chosen_quote(_snapshot(rates), MARKET, dear, LOOSE).source == "pyth"
