import copy
import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.edge import EdgeKind, Reason
from defi_analytics.domain.market import MarketKind, OracleFeed
from defi_analytics.domain.prediction import Interval
from defi_analytics.domain.snapshot import Problem
from defi_analytics.engine.decide import decide
from defi_analytics.engine.replay import SCHEMA, Decided, recorded, replayed, used
from defi_analytics.errors import Malformed, WrongState
from defi_analytics.mispricing.limits import Limits, MarketBounds
from defi_analytics.storage.codec import decode, encode
from tests.builders import LOOSE, a_book, a_market, a_prediction, a_quote, a_rate, a_scope, a_snapshot, a_top
from tests.engine.test_decide import SITUATIONS
from tests.fakes import NOON

HOME, OTHER = a_market(), a_market("binance")
OUTSIDE = a_market(base="TIA")
CROWD = [a_market("binance", f"C{n}") for n in range(200)]
CHEAP, DEAR = ([(24.9, 10)], [(25.0, 10)]), ([(25.5, 10)], [(25.6, 10)])


def crowded(snapshot):
    """The same snapshot in company that no decision about its markets asks for."""
    strangers = [*CROWD, OUTSIDE, a_market("okx", "XYZ"), a_market("binance", "INJ", "USD")]
    strangers = [one for one in strangers if one.key not in snapshot.markets]
    return replace(
        snapshot,
        markets={**snapshot.markets, **{m.key: m for m in strangers}},
        tops={**snapshot.tops, **{m.key: a_top(m, 1.0, 1.1) for m in strangers}},
        books={**snapshot.books, OUTSIDE.key: a_book(OUTSIDE, *CHEAP)},
        funding={**snapshot.funding, OUTSIDE.key: 0.5},
        quotes=(*snapshot.quotes, a_quote("TIA", 5.0), a_quote("C7", 7.0)),
    )


def by_journal(snapshot, scope, limits):
    return replayed(decode(encode(recorded(snapshot, scope, limits))))


@pytest.mark.parametrize("reason", SITUATIONS, ids=lambda reason: reason.name)
def test_whatever_was_decided_is_decided_again_from_its_record(reason: Reason) -> None:
    snapshot, scope, limits = SITUATIONS[reason][0]()
    snapshot = crowded(snapshot)
    edges = decide(snapshot, scope, limits)
    assert decide(used(snapshot, scope), scope, limits) == edges
    again = decide(*by_journal(snapshot, scope, limits))
    assert again == edges
    assert repr(again) == repr(edges), "not a digit differs, not even the sign of a zero"


def test_what_no_decision_asks_for_is_not_kept() -> None:
    """Of 205 markets: the one in scope, the one it is compared with, and the names of the venues read."""
    snapshot = crowded(
        a_snapshot(
            [(HOME, a_book(HOME, *CHEAP)), (OTHER, a_book(OTHER, *DEAR))],
            quotes=(a_quote("BTC"), a_quote("INJ")),
            published=frozenset({"BTC", "INJ"}),
        )
    )
    kept = used(snapshot, a_scope([HOME], "binance"))
    assert list(kept.markets) == [HOME.key, OTHER.key]
    assert set(kept.tops) == {HOME.key, OTHER.key}
    assert kept.read == {"injective", "binance", "okx"}
    assert set(kept.books) == {HOME.key, OTHER.key}
    assert kept.funding == {}
    assert [quote.base for quote in kept.quotes] == ["INJ"]
    assert kept.published == {"INJ"}
    against_oracles = used(snapshot, a_scope([HOME], "binance", kinds=[EdgeKind.ORACLE]))
    assert list(against_oracles.markets) == [HOME.key]


def test_the_quote_that_prices_the_gas_is_kept_whatever_is_in_scope() -> None:
    atom, there = a_market(base="ATOM"), a_market("binance", "ATOM")
    snapshot = a_snapshot(
        [(atom, a_book(atom, *CHEAP)), (there, a_book(there, *DEAR))],
        quotes=(a_quote("BTC"), a_quote("INJ", quote="USDT")),
    )
    scope, limits = a_scope([atom], "binance"), Limits(gas_inj=0.01)
    (edge, *_) = decide(*by_journal(snapshot, scope, limits))
    assert edge.pricing is not None
    assert edge.pricing.costs.fixed == pytest.approx(0.25)


FULL = (
    a_snapshot(
        [(HOME, replace(a_book(HOME, *CHEAP), sequence=7, truncated=True))],
        markets={
            (perp := replace(HOME, market_id="p", kind=MarketKind.PERPETUAL)).key: replace(
                perp, oracle=OracleFeed("Pyth", "0xa", "0xb"), price_tick=Decimal("1E-7"), base_denom="inj"
            )
        },
        tops={perp.key: a_top(perp, 1.0, None, mark=0.1 + 0.2, funding_hourly=-0.0)},
        funding={perp.key: -1e-300},
        quotes=(a_quote(confidence=0.01), a_quote(price=5e-324)),
        rates=(a_rate(bid=0.1 + 0.2, ask=1.0),),
        predictions=(
            a_prediction(
                25.0, interval=Interval(0.95, 1.0, 2.0), notes=("a",), naive=Decimal("1.10"), fresh_until=NOON
            ),
        ),
        volatility={"INJ": 1 / 3},
        problems=(Problem("okx", "TIMED_OUT", "late", retryable=True),),
        published=frozenset({"INJ"}),
    ),
    a_scope([HOME, perp], "binance", "okx"),
    Limits(sizes=(5.0, 0.1), bounds={HOME.key: MarketBounds(1.0), perp.key: MarketBounds(max_slippage=0.1)}),
)


def test_every_field_comes_back_as_the_type_it_had() -> None:
    snapshot, scope, limits = FULL
    snapshot = replace(snapshot, read=frozenset(key.venue for key in snapshot.markets))
    found = by_journal(*FULL)
    assert found == Decided(snapshot, scope, limits)
    # A set has no order to be read back in.
    assert repr(replace(found.snapshot, read=frozenset())) == repr(replace(snapshot, read=frozenset()))
    assert (repr(found.limits), found.scope) == (repr(limits), scope)


def test_the_same_decision_makes_the_same_record() -> None:
    assert encode(recorded(*FULL)) == encode(recorded(*copy.deepcopy(FULL)))


@settings(max_examples=100, deadline=None)
@given(
    st.floats(0, allow_nan=False, allow_infinity=False),
    st.floats(0, exclude_min=True, allow_nan=False),
    st.lists(st.floats(0, allow_nan=False, allow_infinity=False), max_size=3),
)
def test_any_limits_come_back(least: float, most: float, sizes: list[float]) -> None:
    limits = replace(
        LOOSE,
        min_profit=least,
        max_notional=most,
        sizes=tuple(sizes),
        bounds={HOME.key: MarketBounds(least, most, most)},
    )
    assert by_journal(a_snapshot(), a_scope([HOME]), limits).limits == limits


def test_an_infinity_that_is_no_default_is_not_silently_another_number() -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        encode(recorded(a_snapshot(), a_scope([]), Limits(max_ratio=math.inf)))


@pytest.mark.parametrize("schema", [None, 0, SCHEMA + 1, "1", [], "x" * 1000])
def test_a_record_of_another_schema_is_refused(schema) -> None:
    body = decode(encode(recorded(*FULL))) | {"schema": schema}
    if schema is None:
        del body["schema"]
    with pytest.raises(WrongState, match="cannot be replayed") as raised:
        replayed(body)
    assert len(raised.value.message) < 100


def harmed(*path, to):
    body = decode(encode(recorded(*FULL)))
    *way, last = path
    place = body
    for step in way:
        place = place[step]
    place[last] = to
    return body


@pytest.mark.parametrize(
    "body",
    [
        {"schema": SCHEMA},
        harmed("snapshot", to=7),
        harmed("snapshot", "more", to=[]),
        harmed("snapshot", "time", to="noon"),
        harmed("snapshot", "markets", 0, "kind", to="swap"),
        harmed("snapshot", "markets", 0, "price_tick", to="a"),
        harmed("snapshot", "books", 0, "bids", to=[[25.1], [1.0]]),
        harmed("snapshot", "books", 0, "bids", to=[[24.9], [-1.0]]),
        harmed("snapshot", "tops", 0, "bid", to=99.0),
        harmed("scope", "kinds", to=["luck"]),
        harmed("limits", "min_edge", to="a"),
        harmed("bounds", 0, to=[["injective", "x"], {"max_notional": "a"}]),
    ],
    ids=range(12),
)
def test_a_record_that_is_not_what_was_written_is_malformed(body) -> None:
    with pytest.raises(Malformed, match="journal"):
        replayed(body)
