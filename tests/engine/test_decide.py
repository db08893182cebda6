import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels
from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Side
from defi_analytics.domain.market import Market, MarketKind, MarketStatus
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.decide import decide, wanted_books
from defi_analytics.mispricing.limits import Limits, MarketBounds, Scope
from tests.builders import (
    LOOSE,
    a_book,
    a_market,
    a_prediction,
    a_quote,
    a_rate,
    a_scope,
    a_snapshot,
    a_top,
    a_topic,
)
from tests.fakes import NOON

HOME, OTHER = a_market(), a_market("binance")
CHEAP, DEAR = ([(24.9, 10)], [(25.0, 10)]), ([(25.5, 10)], [(25.6, 10)])
PAR = a_rate("USDT", "USD")
GAIN = 25.5 * 0.999 - 25.0 * 1.001
World = tuple[Snapshot, Scope, Limits]


def _pair(
    home: Market = HOME, other: Market = OTHER, here=CHEAP, there=DEAR, limits: Limits = LOOSE, **more
) -> World:
    snapshot = a_snapshot([(home, a_book(home, *here)), (other, a_book(other, *there))], **more)
    return snapshot, a_scope([home], "binance", kinds=[EdgeKind.CROSS_VENUE]), limits


def _oracle(price: float = 25.5, age_s: float = 0.0, limits: Limits = LOOSE) -> World:
    quote = a_quote(price=price, at=NOON - timedelta(seconds=age_s))
    snapshot = a_snapshot([(HOME, a_book(HOME, *CHEAP))], quotes=(quote,), rates=(PAR,))
    return snapshot, a_scope([HOME], kinds=[EdgeKind.ORACLE]), limits


def _forecast(limits: Limits = LOOSE, **changes) -> World:
    snapshot = a_snapshot(
        [(HOME, a_book(HOME, *CHEAP))],
        predictions=(a_prediction(25.5, **changes),),
        rates=(PAR,),
        volatility={"INJ": 0.001},
    )
    return snapshot, a_scope([HOME], kinds=[EdgeKind.PREDICTION]), limits


def _unread() -> World:
    snapshot, scope, limits = _pair()
    return replace(snapshot, books={OTHER.key: snapshot.books[OTHER.key]}), scope, limits


def _aged() -> World:
    snapshot, scope, limits = _pair()
    old = replace(snapshot.books[OTHER.key], at=NOON - timedelta(seconds=11))
    return replace(snapshot, books={**snapshot.books, OTHER.key: old}), scope, limits


def _crowded() -> World:
    snapshot, scope, limits = _pair()
    return replace(snapshot, books={}), scope, replace(limits, max_candidates=0)


USDC = replace(OTHER, quote="USDC")
TEN_TIMES = ([(255.0, 10)], [(256.0, 10)])
STEEP = ([(24.9, 10)], [(25.0, 1), (25.2, 100)])
SLIPPING = Limits(min_edge=0.0, gas_inj=0.0, bounds={HOME.key: MarketBounds(max_slippage=0.001)})
COARSE = replace(HOME, quantity_tick=Decimal(10))

SITUATIONS: dict[Reason, tuple[Callable[[], World], float | None, float | None, str]] = {
    Reason.NONE: (_pair, None, None, ""),
    Reason.MARKET_STATUS: (lambda: _pair(replace(HOME, status=MarketStatus.PAUSED)), None, None, ""),
    Reason.UNVERIFIED_ASSET: (lambda: _pair(replace(HOME, base="")), None, None, ""),
    Reason.NO_REFERENCE: (lambda: _pair(other=replace(OTHER, base="ATOM")), None, None, ""),
    Reason.NO_RATE: (lambda: _pair(other=USDC), None, None, ""),
    Reason.NO_BOOK: (_unread, None, None, ""),
    Reason.STALE_BOOK: (_aged, 10.0, 11.0, "s"),
    Reason.STALE_ORACLE: (lambda: _oracle(age_s=121), 120.0, 121.0, "s"),
    Reason.STALE_PREDICTION: (lambda: _forecast(target_time=NOON), 3600, 1800.0, "s"),
    Reason.STALE_RATE: (
        lambda: _pair(other=USDC, rates=(a_rate(at=NOON - timedelta(seconds=121)),)),
        120.0,
        121.0,
        "s",
    ),
    Reason.IMPLAUSIBLE: (lambda: _pair(there=TEN_TIMES), 2.0, 10.2, "ratio"),
    Reason.BELOW_UNCERTAINTY: (lambda: _oracle(25.0), 1.0, 0.4, "z"),
    Reason.LOW_CONFIDENCE: (
        lambda: _forecast(replace(LOOSE, min_confidence=0.8)),
        0.8,
        0.5 + 0.25 * math.erf((0.55 / 25.5) / math.hypot(0.01 / 25.5, 0.001 * math.sqrt(30)) / math.sqrt(2)),
        "probability",
    ),
    Reason.NOT_CROSSED: (lambda: _pair(there=CHEAP), 0.0, (24.9 * 0.999 - 25.0 * 1.001) / 25.0, "fraction"),
    Reason.BELOW_MIN_EDGE: (lambda: _pair(limits=Limits(min_edge=0.02)), 0.02, GAIN / 25.0, "fraction"),
    Reason.BELOW_MIN_QUANTITY: (
        lambda: _pair(replace(HOME, quantity_tick=Decimal(100))),
        100.0,
        10.0,
        "base",
    ),
    Reason.BELOW_MIN_NOTIONAL: (
        lambda: _pair(replace(HOME, min_notional=Decimal(1000))),
        1000.0,
        250.0,
        "quote",
    ),
    Reason.BELOW_MIN_PROFIT: (
        lambda: _pair(limits=replace(LOOSE, min_profit=100.0)),
        100.0,
        10 * GAIN,
        "quote",
    ),
    Reason.ABOVE_MAX_SLIPPAGE: (
        lambda: _pair(COARSE, here=STEEP, limits=SLIPPING),
        0.001,
        9 * 0.2 / 250.0,
        "fraction",
    ),
    Reason.NOT_EXAMINED: (_crowded, 0, None, "candidates"),
}


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_given_in_the_situation_it_names_and_no_other(reason: Reason) -> None:
    build, limit, value, unit = SITUATIONS[reason]
    (edge,) = decide(*build())
    if edge.rejection is None:
        assert reason is Reason.NONE
        return
    assert edge.rejection.reason is reason
    assert edge.rejection.limit == limit
    assert edge.rejection.value == (None if value is None else pytest.approx(value))
    assert edge.rejection.unit == unit
    assert edge.rejection.detail or limit is not None


def _everything() -> World:
    """Three home markets, two venues, an oracle and forecasts, with something of every kind to find."""
    atom, atom_there = a_market(base="ATOM"), a_market("binance", "ATOM")
    okx, dot = a_market("okx"), a_market(base="DOT")
    books = [
        (HOME, a_book(HOME, *CHEAP)),
        (OTHER, a_book(OTHER, *DEAR)),
        (okx, a_book(okx, [(25.3, 10)], [(25.4, 10)])),
        (atom, a_book(atom, [(10.0, 10)], [(10.1, 10)])),
        (atom_there, a_book(atom_there, [(9.0, 10)], [(9.1, 10)])),
        (dot, a_book(dot, [(4.99, 10)], [(5.01, 10)])),
    ]
    snapshot = a_snapshot(
        books,
        quotes=(a_quote(price=25.5), a_quote("DOT", 5.0)),
        rates=(PAR,),
        predictions=(
            a_prediction(25.6),
            a_prediction(9.0, a_topic("ATOM")),
            a_prediction(1e5, a_topic("BTC")),
        ),
        volatility={"INJ": 0.001, "ATOM": 0.001},
    )
    return snapshot, a_scope([HOME, atom, dot], "binance", "okx"), LOOSE


def _told(edges: list[Edge]) -> list[tuple[str, str, str, str]]:
    return [(e.market.base, str(e.kind), e.against, e.rejection.code if e.rejection else "") for e in edges]


def test_standing_edges_come_first_with_the_largest_profit_on_top() -> None:
    edges = decide(*_everything())
    stood = [e.stands for e in edges]
    assert stood == sorted(stood, reverse=True)
    profits = [e.pricing.profit for e in edges if e.stands and e.pricing]
    assert len(profits) == 6
    assert profits == sorted(profits, reverse=True)
    assert _told(edges)[0] == ("ATOM", "prediction", "allora topic 7", "")
    assert ("DOT", "cross-venue", "", "NO_REFERENCE") in _told(edges)
    assert ("DOT", "oracle", "pyth", "BELOW_MIN_EDGE") not in _told(edges)


def test_the_same_snapshot_gives_the_same_edges_and_is_left_as_it_was() -> None:
    first, again = _everything(), _everything()
    assert decide(*first) == decide(*first) == decide(*again)
    assert first == again


def test_a_forecast_for_another_asset_is_compared_with_nothing() -> None:
    edges = decide(*_everything())
    assert {e.market.base for e in edges if e.kind is EdgeKind.PREDICTION} == {"INJ", "ATOM"}


def test_markets_outside_the_scope_never_appear() -> None:
    snapshot, scope, limits = _everything()
    edges = decide(snapshot, replace(scope, markets=frozenset([HOME.key])), limits)
    assert {e.market.key for e in edges} == {HOME.key}
    assert decide(snapshot, replace(scope, markets=frozenset()), limits) == []


@pytest.mark.parametrize("kind", EdgeKind)
@pytest.mark.parametrize("status", MarketStatus)
def test_kinds_outside_the_scope_never_appear(kind: EdgeKind, status: MarketStatus) -> None:
    snapshot, scope, limits = _everything()
    markets = {**snapshot.markets, HOME.key: replace(HOME, status=status)}
    edges = decide(replace(snapshot, markets=markets), replace(scope, kinds=frozenset([kind])), limits)
    assert {e.kind for e in edges} == {kind}


def test_an_imitation_with_the_same_ticker_is_rejected_and_never_compared() -> None:
    fake_home = replace(HOME, market_id="fake", base="")
    fake_there = replace(OTHER, market_id="fake", base="", ticker="INJ/USDT")
    snapshot, scope, limits = _everything()
    markets = {fake_home.key: fake_home, fake_there.key: fake_there, **snapshot.markets}
    tops = {m.key: a_top(m, 1.0, 1.1) for m in (fake_home, fake_there)}
    hostile = replace(snapshot, markets=markets, tops={**tops, **snapshot.tops})
    edges = decide(hostile, replace(scope, markets=scope.markets | {fake_home.key}), limits)
    assert [e.rejection.code for e in edges if e.market is fake_home and e.rejection] == ["UNVERIFIED_ASSET"]
    assert all(e.reference is not fake_there for e in edges)
    assert [e for e in edges if e.market is not fake_home] == decide(snapshot, scope, limits)


@pytest.mark.parametrize(
    ("against", "there", "detail"),
    [
        (("binance",), "ATOM", "not listed by binance"),
        (("binance", "okx"), "ATOM", "not listed by binance; could not read okx"),
        (("okx",), "INJ", "could not read okx"),
        ((), "INJ", "no venue to compare with"),
    ],
)
def test_a_venue_that_could_not_be_read_is_not_said_to_lack_the_market(
    against: tuple[str, ...], there: str, detail: str
) -> None:
    snapshot, scope, limits = _pair(other=replace(OTHER, base=there))
    (edge,) = decide(snapshot, replace(scope, against=against), limits)
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.detail) == ("NO_REFERENCE", detail)


def test_of_two_oracles_for_one_asset_the_first_is_asked() -> None:
    snapshot, scope, limits = _oracle()
    second = a_quote(price=30.0, source="other")
    (edge,) = decide(replace(snapshot, quotes=(*snapshot.quotes, second)), scope, limits)
    assert edge.against == "pyth"


def test_deep_books_are_wanted_of_what_the_tops_leave_open_best_first() -> None:
    snapshot, scope, limits = _everything()
    shallow = replace(snapshot, books={})
    wanted = wanted_books(shallow, scope, limits)
    atom = a_market(base="ATOM")
    assert wanted[:2] == [atom.key, replace(atom, venue="binance").key]
    assert set(wanted) == {k for k in snapshot.books if k.market_id != "DOT/USDT"}
    assert len(wanted) == len(set(wanted))
    assert wanted_books(shallow, scope, replace(limits, max_candidates=1)) == wanted[:2]
    assert wanted_books(shallow, replace(scope, kinds=frozenset([EdgeKind.PREDICTION])), limits) == []


def test_an_oracle_wants_only_the_market_s_own_book() -> None:
    assert wanted_books(*_oracle()) == [HOME.key]


def test_a_candidate_beyond_the_limit_was_not_examined_even_where_its_home_book_was_read() -> None:
    snapshot, scope, limits = _everything()
    scope = replace(scope, markets=frozenset([HOME.key]), kinds=frozenset([EdgeKind.CROSS_VENUE]))
    books = {k: b for k, b in snapshot.books.items() if k.venue != "okx"}
    edges = decide(replace(snapshot, books=books), scope, replace(limits, max_candidates=1))
    assert _told(edges) == [
        ("INJ", "cross-venue", "binance", ""),
        ("INJ", "cross-venue", "okx", "NOT_EXAMINED"),
    ]


def test_an_oracle_candidate_beyond_the_limit_was_not_examined() -> None:
    snapshot, scope, limits = _oracle()
    (edge,) = decide(replace(snapshot, books={}), scope, replace(limits, max_candidates=0))
    assert edge.rejection is not None
    assert edge.rejection.code == "NOT_EXAMINED"


def test_a_book_that_failed_is_not_called_unexamined() -> None:
    snapshot, scope, limits = _everything()
    (lone,) = decide(replace(_oracle()[0], books={}), *_oracle()[1:])
    assert lone.rejection is not None
    assert lone.rejection.code == "NO_BOOK"
    edges = decide(replace(snapshot, books={}), scope, limits)
    codes = {e.rejection.code for e in edges if e.rejection}
    assert "NOT_EXAMINED" not in codes
    assert "NO_BOOK" in codes
    assert not any(e.stands for e in edges)


# What follows re-derives, in exact arithmetic, every edge that stands in a snapshot something is wrong with.

Corruption = Callable[[Snapshot], Snapshot]
KEYS = [HOME.key, OTHER.key]


def _books(change: Callable) -> st.SearchStrategy[Corruption]:
    def corrupt(key) -> Corruption:
        return lambda s: replace(s, books={k: change(b) if k == key else b for k, b in s.books.items()})

    return st.sampled_from(KEYS).map(corrupt)


def _scaled(side: Levels, factor: float) -> Levels:
    return Levels(tuple(p * factor for p in side.prices), side.quantities)


def _times(factor: float) -> Callable:
    return lambda b: replace(b, bids=_scaled(b.bids, factor), asks=_scaled(b.asks, factor))


def _without(name: str, key) -> Corruption:
    return lambda s: replace(s, **{name: {k: v for k, v in getattr(s, name).items() if k != key}})


def _shifted(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


bad_ages = st.one_of(st.floats(121, 1e6), st.floats(-1e6, -6))
corruptions: st.SearchStrategy[Corruption] = st.one_of(
    bad_ages.flatmap(lambda age: _books(lambda b: replace(b, at=b.at - _shifted(age)))),
    st.sampled_from([0.1, 10.0, 1e-12, 1e12]).flatmap(lambda f: _books(_times(f))),
    _books(lambda b: replace(b, bids=Levels((), ()))),
    _books(lambda b: replace(b, asks=Levels((), ()))),
    st.sampled_from(KEYS).map(lambda key: _without("books", key)),
    st.sampled_from(KEYS).map(lambda key: _without("tops", key)),
    st.sampled_from(KEYS).map(
        lambda key: lambda s: replace(s, tops={**s.tops, key: a_top(s.markets[key], 1.0, 1.1)})
    ),
    bad_ages.map(
        lambda age: lambda s: replace(s, quotes=tuple(replace(q, at=q.at - _shifted(age)) for q in s.quotes))
    ),
    bad_ages.map(
        lambda age: lambda s: replace(s, rates=tuple(replace(r, at=r.at - _shifted(age)) for r in s.rates))
    ),
    st.sampled_from([0.1, 10.0, -1.0, math.inf, math.nan]).map(
        lambda f: lambda s: replace(s, quotes=tuple(replace(q, price=q.price * f) for q in s.quotes))
    ),
    st.sampled_from([0.1, 10.0]).map(
        lambda f: lambda s: replace(s, rates=tuple(replace(r, bid=r.bid * f, ask=r.ask * f) for r in s.rates))
    ),
    st.just(lambda s: replace(s, quotes=tuple(replace(q, confidence=math.nan) for q in s.quotes))),
    st.just(lambda s: replace(s, rates=())),
    st.just(lambda s: replace(s, quotes=())),
    st.just(lambda s: replace(s, volatility={})),
    st.sampled_from(
        [
            {"stale": True},
            {"target_time": NOON},
            {"usable_at": NOON + timedelta(seconds=1)},
            {"base_time": NOON + timedelta(minutes=1)},
            {"predicted_price": None},
            {"predicted_price": 2.5},
            {"predicted_price": math.nan},
            {"dispersion": math.nan},
            {"topic": a_topic(playground=True)},
            {"topic": a_topic("BTC")},
        ]
    ).map(lambda c: lambda s: replace(s, predictions=tuple(replace(p, **c) for p in s.predictions))),
)


@st.composite
def _sides(draw: st.DrawFn, cents: int) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    sides = []
    for sign in (-1, 1):
        gaps = draw(st.lists(st.integers(1, 20), min_size=1, max_size=3))
        prices = [(cents + sign * sum(gaps[: i + 1])) / 100 for i in range(len(gaps))]
        sides.append([(p, draw(st.integers(1, 50)) / 10) for p in prices])
    return sides[0], sides[1]


@st.composite
def spoilt_worlds(draw: st.DrawFn) -> tuple[Snapshot, Snapshot]:
    """A sound snapshot in which edges of all kinds are likely, and the same with up to two things wrong."""
    home = replace(
        HOME, quantity_tick=Decimal(draw(st.sampled_from(["0.1", "0.7"]))), kind=MarketKind.PERPETUAL
    )
    other = replace(OTHER, quote="USDC", quantity_tick=Decimal("0.2"), min_notional=Decimal(10))
    low = draw(st.floats(0.995, 1.0))
    here, there = (draw(_sides(draw(st.integers(2400, 2600)))) for _ in range(2))
    funding = draw(st.floats(-0.001, 0.001))
    sound = a_snapshot(
        [(home, a_book(home, *here)), (other, a_book(other, *there))],
        quotes=(a_quote(price=draw(st.floats(24.0, 26.0))),),
        rates=(a_rate("USDC", "USDT", low, 1.002), a_rate("USDT", "USD", low, 1.0)),
        predictions=(a_prediction(draw(st.floats(24.0, 26.0))),),
        volatility={"INJ": 0.0005},
    )
    tops = {**sound.tops, home.key: replace(sound.tops[home.key], funding_hourly=funding)}
    sound = spoilt = replace(sound, tops=tops)
    for corrupt in draw(st.lists(corruptions, min_size=1, max_size=2)):
        spoilt = corrupt(spoilt)
    return sound, spoilt


def _swept(side: Levels, quantity: Fraction) -> Fraction:
    total = Fraction(0)
    for price, held in zip(*side, strict=True):
        part = min(quantity, Fraction(held))
        total, quantity = total + part * Fraction(price), quantity - part
    # The float grid may ask for a billionth of a step more than the floats of the book hold.
    assert quantity < Fraction(1, 10**9)
    return total


def _dollar(s: Snapshot) -> Fraction:
    """The middle price of a USD in USDT, from the one rate that states it, backwards."""
    return (1 / Fraction(s.rates[1].bid) + 1 / Fraction(s.rates[1].ask)) / 2


def _exact_profit(edge: Edge, s: Snapshot, limits: Limits) -> Fraction:
    assert edge.pricing is not None
    quantity, buying = Fraction(edge.pricing.quantity), edge.side is Side.BUY
    book = s.books[HOME.key]
    fee = Fraction(edge.market.taker_fee)
    top = s.tops.get(HOME.key)
    funding = max(Fraction(0), Fraction((top and top.funding_hourly) or 0.0) * (1 if buying else -1))
    if edge.kind is EdgeKind.PREDICTION:
        # A forecast is held until its target, anything else for an hour.
        funding *= Fraction((s.predictions[0].target_time - s.time).total_seconds()) / 3600
    priced = [Fraction(q.price) for q in s.quotes if 0 < q.price < math.inf]
    gas = Fraction(limits.gas_inj) * priced[0] * _dollar(s) if priced and s.rates else Fraction(0)
    ours = _swept(book.asks if buying else book.bids, quantity)
    if edge.kind is EdgeKind.CROSS_VENUE:
        there, rate = s.books[OTHER.key], s.rates[0]
        theirs = _swept(there.bids if buying else there.asks, quantity) * Fraction(
            rate.bid if buying else rate.ask
        )
        best = Fraction((book.asks if buying else there.asks).prices[0])
        best *= 1 if buying else (Fraction(rate.bid) + Fraction(rate.ask)) / 2
        their_fee = Fraction(OTHER.taker_fee)
        kinds = {edge.market.kind, edge.reference.kind if edge.reference else None}
        way_out = fee + their_fee if MarketKind.PERPETUAL in kinds else Fraction(0)
    else:
        told = s.quotes[0].price if edge.kind is EdgeKind.ORACLE else s.predictions[0].predicted_price
        fair = Fraction(told or 0.0) * _dollar(s)
        theirs, their_fee, gas, way_out = fair * quantity, fee, 2 * gas, Fraction(0)
        best = Fraction(book.asks.prices[0]) if buying else fair
    paid, got = (
        (ours * (1 + fee), theirs * (1 - their_fee))
        if buying
        else (theirs * (1 + their_fee), ours * (1 - fee))
    )
    return got - paid - (funding + way_out) * best * quantity - gas


def _check_inputs(edge: Edge, s: Snapshot, limits: Limits) -> None:
    for one in edge.inputs:
        assert -5 <= one.age_s <= (limits.max_age_s if one.name.endswith("book") else 1800)
    names = {i.name for i in edge.inputs}
    assert "injective book" in names
    if edge.kind is EdgeKind.CROSS_VENUE:
        assert {"binance book", "USDC/USDT binance"} <= names
        return
    assert "USD/USDT binance" in names
    assert edge.signal is not None
    assert math.isfinite(edge.signal.z)
    assert abs(edge.signal.z) >= limits.min_z
    if edge.kind is EdgeKind.PREDICTION:
        (made,) = s.predictions
        assert not made.stale
        assert not made.topic.playground
        assert made.topic.asset == "INJ"
        assert made.base_time <= made.usable_at <= s.time < made.target_time
        assert s.volatility["INJ"] > 0


@settings(max_examples=200)
@given(spoilt_worlds())
def test_an_edge_that_stands_among_bad_inputs_is_exact_and_made_of_good_ones(worlds) -> None:
    limits = Limits(min_edge=0.001, gas_inj=0.001)
    for snapshot in worlds:
        home = snapshot.markets[HOME.key]
        for edge in decide(snapshot, a_scope([home], "binance"), limits):
            if not edge.stands:
                assert edge.rejection is not None
                continue
            assert edge.pricing is not None
            exact = float(_exact_profit(edge, snapshot, limits))
            assert edge.pricing.profit == pytest.approx(exact, rel=1e-9)
            assert exact >= limits.min_edge * edge.pricing.notional * (1 - 1e-9)
            assert 0 < edge.pricing.gross_edge < 1
            legs = [home] if edge.reference is None else [home, edge.reference]
            assert all(edge.pricing.quantity % leg.quantity_tick == 0 for leg in legs)
            bought, sold = (home, edge.reference or home)[:: 1 if edge.side is Side.BUY else -1]
            amount = float(edge.pricing.quantity)
            assert amount * edge.pricing.buy_price >= float(bought.min_notional) * (1 - 1e-12)
            assert amount * edge.pricing.sell_price >= float(sold.min_notional) * (1 - 1e-12)
            _check_inputs(edge, snapshot, limits)


def test_sound_worlds_do_hold_edges_of_every_kind() -> None:
    """Else the property above would prove nothing."""
    snapshot, scope, limits = _everything()
    assert {e.kind for e in decide(snapshot, scope, limits) if e.stands} == set(EdgeKind)


def test_an_old_quote_of_one_source_does_not_hide_a_fresh_one_of_another() -> None:
    snapshot, scope, limits = _oracle(age_s=121)
    fresh = a_quote(price=25.4, source="stork")
    (edge,) = decide(replace(snapshot, quotes=(*snapshot.quotes, fresh)), scope, limits)
    assert edge.stands
    assert edge.against == "stork"


def test_an_old_top_is_a_hint_where_to_look_but_only_after_the_fresh_ones() -> None:
    snapshot, scope, limits = _pair()
    old = {key: replace(top, at=NOON - timedelta(seconds=60)) for key, top in snapshot.tops.items()}
    atom, there = a_market(base="ATOM"), a_market("binance", "ATOM")
    fresh = {atom.key: a_top(atom, 24.9, 25.0), there.key: a_top(there, 25.2, 25.3)}
    snapshot = replace(
        snapshot,
        books={},
        markets={**snapshot.markets, atom.key: atom, there.key: there},
        tops=old | fresh,
    )
    scope = a_scope([HOME, atom], "binance", kinds=[EdgeKind.CROSS_VENUE])
    assert wanted_books(snapshot, scope, limits) == [atom.key, there.key, HOME.key, OTHER.key]
    assert wanted_books(snapshot, scope, replace(limits, max_candidates=1)) == [atom.key, there.key]
    codes = {
        edge.market.base: edge.rejection and edge.rejection.code for edge in decide(snapshot, scope, limits)
    }
    assert codes == {"INJ": "STALE_BOOK", "ATOM": "NO_BOOK"}
