from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels
from defi_analytics.domain.edge import Edge, Reason, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.cross_venue import cross_venue, screened
from defi_analytics.mispricing.limits import Limits, MarketBounds
from defi_analytics.mispricing.pairing import Pairing
from defi_analytics.mispricing.pricing import common_step
from tests.builders import LOOSE, a_book, a_market, a_quote, a_rate, a_snapshot, a_top
from tests.fakes import NOON

HOME, OTHER = a_market(), a_market("binance")
IN_USDC = a_market("binance", quote="USDC")
PAIR = Pairing(HOME, OTHER)

CHEAP = ([(24.9, 10)], [(25.0, 10)])
DEAR = ([(25.5, 10)], [(25.6, 10)])


def _snapshot(home=CHEAP, other=DEAR, pair: Pairing = PAIR, **more) -> Snapshot:
    return a_snapshot(
        [(pair.home, a_book(pair.home, *home)), (pair.reference, a_book(pair.reference, *other))], **more
    )


def _codes(edge: Edge) -> str:
    return edge.rejection.code if edge.rejection else "stands"


def test_cheaper_here_is_bought_here_and_sold_there() -> None:
    edge = cross_venue(_snapshot(), PAIR, LOOSE)
    assert edge.stands
    assert (edge.side, edge.against, edge.reference) == (Side.BUY, "binance", OTHER)
    assert edge.pricing is not None
    assert (edge.pricing.buy_price, edge.pricing.sell_price) == (25.0, 25.5)
    assert edge.pricing.quantity == 10
    assert edge.pricing.profit == pytest.approx(10 * (25.5 * 0.999 - 25.0 * 1.001))
    assert edge.indicative == pytest.approx((25.5 * 0.999 - 25.0 * 1.001) / 25.0)


def test_dearer_here_is_sold_here_and_bought_there() -> None:
    edge = cross_venue(_snapshot(DEAR, CHEAP), PAIR, LOOSE)
    assert edge.stands
    assert edge.side is Side.SELL
    assert edge.pricing is not None
    assert (edge.pricing.buy_price, edge.pricing.sell_price) == (25.0, 25.5)
    assert edge.pricing.profit == pytest.approx(10 * (25.5 * 0.999 - 25.0 * 1.001))


def test_each_leg_pays_its_own_venue_s_taker_fee() -> None:
    pair = Pairing(replace(HOME, taker_fee=Decimal("0.002")), replace(OTHER, taker_fee=Decimal("0.0005")))
    for books, fees in (((CHEAP, DEAR), (0.002, 0.0005)), ((DEAR, CHEAP), (0.0005, 0.002))):
        pricing = cross_venue(_snapshot(*books, pair), pair, LOOSE).pricing
        assert pricing is not None
        assert pricing.costs.buy_fee == pytest.approx(250.0 * fees[0])
        assert pricing.costs.sell_fee == pytest.approx(255.0 * fees[1])


@pytest.mark.parametrize(
    "rate",
    [a_rate("USDC", "USDT", 0.99, 1.01), a_rate("USDT", "USDC", 1 / 1.01, 1 / 0.99)],
    ids=["as is", "inverse"],
)
def test_the_other_quote_is_sold_at_the_bid_or_bought_at_the_ask_of_its_rate(rate) -> None:
    pair = Pairing(HOME, IN_USDC)
    bought = cross_venue(
        _snapshot(([(24.0, 9)], [(24.1, 9)]), DEAR, pair, rates=(rate,)), pair, LOOSE
    ).pricing
    sold = cross_venue(_snapshot(([(26.0, 9)], [(26.1, 9)]), CHEAP, pair, rates=(rate,)), pair, LOOSE).pricing
    assert bought is not None
    assert sold is not None
    mid = (rate.bid + rate.ask) / 2 if rate.base == "USDC" else (1 / rate.bid + 1 / rate.ask) / 2
    assert bought.profit == pytest.approx(9 * (25.5 * 0.99 * 0.999 - 24.1 * 1.001))
    assert bought.costs.conversion == pytest.approx(9 * 25.5 * (mid - 0.99))
    assert sold.profit == pytest.approx(9 * (26.0 * 0.999 - 25.0 * 1.01 * 1.001))
    assert sold.costs.conversion == pytest.approx(9 * 25.0 * (1.01 - mid))
    assert (bought.buy_price, bought.sell_price) == (24.1, 25.5)
    assert (bought.quote, sold.quote) == ("USDT", "USDT")


def test_a_conversion_by_two_rates_uses_both_and_shows_both() -> None:
    pair = Pairing(HOME, IN_USDC)
    rates = (a_rate("USDC", "USD", 0.995, 1.005), a_rate("USDT", "USD", 0.99, 1.01))
    edge = cross_venue(_snapshot(([(24.0, 9)], [(24.1, 9)]), DEAR, pair, rates=rates), pair, LOOSE)
    assert edge.pricing is not None
    assert edge.pricing.profit == pytest.approx(9 * (25.5 * 0.995 / 1.01 * 0.999 - 24.1 * 1.001))
    assert [(r.base, r.quote) for r in edge.rates] == [("USDC", "USD"), ("USD", "USDT")]
    assert [i.name for i in edge.inputs][2:] == ["USDC/USD binance", "USD/USDT binance"]


def test_without_a_rate_nothing_is_compared() -> None:
    pair = Pairing(HOME, IN_USDC)
    edge = cross_venue(_snapshot(pair=pair), pair, LOOSE)
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.detail) == ("NO_RATE", "USDC/USDT")


def test_a_perpetual_leg_is_charged_the_funding_of_its_side() -> None:
    perp = Pairing(replace(HOME, kind=MarketKind.PERPETUAL), replace(OTHER, kind=MarketKind.PERPETUAL))
    limits = replace(LOOSE, holding_h=8.0)
    tops = {
        HOME.key: a_top(HOME, 24.9, 25.0, funding_hourly=0.0001),
        OTHER.key: a_top(OTHER, 25.5, 25.6, funding_hourly=-0.0002),
    }
    long_here = cross_venue(_snapshot(pair=perp, tops=tops), perp, limits)
    assert long_here.pricing is not None
    assert long_here.pricing.costs.carry == pytest.approx(8 * (0.0001 + 0.0002) * 250.0)
    opposite = {k: replace(t, funding_hourly=-(t.funding_hourly or 0)) for k, t in tops.items()}
    earning = cross_venue(_snapshot(pair=perp, tops=opposite), perp, limits)
    assert earning.pricing is not None
    assert earning.pricing.costs.carry == 0.0
    assert earning.notes == long_here.notes
    assert "perpetual against perpetual: the gap need not close" in earning.notes


def test_a_perpetual_leg_means_that_both_legs_are_closed_again() -> None:
    perp = Pairing(HOME, replace(OTHER, kind=MarketKind.PERPETUAL))
    with_perp, spot = (cross_venue(_snapshot(pair=p), p, LOOSE).pricing for p in (perp, PAIR))
    assert with_perp is not None
    assert spot is not None
    assert spot.costs.exit_fee == 0.0
    assert with_perp.costs.exit_fee == pytest.approx(0.002 * with_perp.notional)
    assert with_perp.profit == pytest.approx(spot.profit - with_perp.costs.exit_fee)


def test_gas_of_one_order_is_paid_in_the_home_quote() -> None:
    limits = replace(LOOSE, gas_inj=0.01)
    edge = cross_venue(_snapshot(quotes=(a_quote(price=20.0, quote="USDT"),)), PAIR, limits)
    assert edge.pricing is not None
    assert edge.pricing.costs.fixed == pytest.approx(0.2)
    assert edge.notes == ()


def test_what_the_costs_leave_out_and_unlike_kinds_are_noted() -> None:
    pair = Pairing(HOME, replace(OTHER, kind=MarketKind.PERPETUAL))
    assert cross_venue(_snapshot(pair=pair), pair, LOOSE).notes == (
        "spot against perpetual: the gap need not close",
        "funding on binance is not counted: unknown",
        "gas is not counted: nothing prices INJ",
    )


def test_the_quantity_is_on_both_grids_and_above_both_minimums() -> None:
    pair = Pairing(replace(HOME, quantity_tick=Decimal("0.4")), replace(OTHER, quantity_tick=Decimal("0.6")))
    edge = cross_venue(_snapshot(pair=pair), pair, LOOSE)
    assert edge.pricing is not None
    assert edge.pricing.quantity == Decimal("9.6")
    small = replace(pair.reference, min_quantity=Decimal("9.7"))
    refused = cross_venue(
        _snapshot(pair=Pairing(pair.home, small)), Pairing(pair.home, small), LOOSE
    ).rejection
    assert refused is not None
    assert (refused.code, refused.limit, refused.value) == ("BELOW_MIN_QUANTITY", 9.7, pytest.approx(9.6))


@pytest.mark.parametrize("books", [(CHEAP, DEAR), (DEAR, CHEAP)], ids=["buying here", "selling here"])
@pytest.mark.parametrize("where", ["home", "reference", "settings"])
def test_the_minimum_notional_of_either_venue_and_of_the_settings_holds(books, where: str) -> None:
    pair, limits = PAIR, LOOSE
    minimum = Decimal(300)
    if where == "settings":
        limits = replace(limits, bounds={HOME.key: MarketBounds(min_notional=300.0)})
    else:
        pair = PAIR._replace(**{where: replace(getattr(PAIR, where), min_notional=minimum)})
    refused = cross_venue(_snapshot(*books, pair), pair, limits).rejection
    assert refused is not None
    assert (refused.code, refused.limit, refused.unit) == ("BELOW_MIN_NOTIONAL", 300.0, "quote")
    at_home = where != "reference"
    assert refused.value == (250.0 if at_home == (books[0] is CHEAP) else 255.0)


def test_the_largest_notional_allowed_caps_the_quantity() -> None:
    edge = cross_venue(_snapshot(), PAIR, replace(LOOSE, max_notional=100.0))
    assert edge.pricing is not None
    assert edge.pricing.quantity == 4
    assert edge.pricing.notional <= 100.0


def test_the_cap_and_the_sizes_are_in_the_home_quote() -> None:
    pair = Pairing(HOME, IN_USDC)
    snapshot = _snapshot(([(40.0, 10)], [(40.1, 10)]), CHEAP, pair, rates=(a_rate(bid=1.25, ask=1.25),))
    edge = cross_venue(snapshot, pair, replace(LOOSE, max_notional=125.0, sizes=(62.5,)))
    assert edge.pricing is not None
    assert [point.quantity for point in edge.pricing.curve] == [2.0]
    assert (edge.side, edge.pricing.quantity, edge.pricing.notional) == (Side.SELL, 4, 125.0)


def test_a_step_dearer_than_the_largest_notional_is_not_taken_instead() -> None:
    pair = PAIR._replace(home=replace(HOME, quantity_tick=Decimal(5)))
    edge = cross_venue(_snapshot(pair=pair), pair, replace(LOOSE, max_notional=100.0))
    assert edge.rejection is not None
    assert (edge.rejection.code, edge.rejection.limit, edge.rejection.value) == (
        "BELOW_MIN_QUANTITY",
        5.0,
        4.0,
    )
    assert edge.pricing is None


def test_a_fixed_cost_no_size_can_cover_is_shown_at_the_best_size_not_at_one_step() -> None:
    snapshot = _snapshot(quotes=(a_quote(price=1.0, quote="USDT"),))
    edge = cross_venue(snapshot, PAIR, replace(LOOSE, gas_inj=10.0))
    assert edge.rejection is not None
    gain = 10 * (25.5 * 0.999 - 25.0 * 1.001)
    assert edge.rejection.code == "BELOW_MIN_EDGE"
    assert edge.rejection.value == pytest.approx((gain - 10.0) / 250.0)


@pytest.mark.parametrize("home_first", [True, False])
@pytest.mark.parametrize("cut_at_home", [True, False])
def test_a_walk_that_ended_where_a_cut_book_ends_says_so(home_first: bool, cut_at_home: bool) -> None:
    here, there = (CHEAP, DEAR) if home_first else (DEAR, CHEAP)
    snapshot = _snapshot(here, [[(price, 20) for price, _ in side] for side in there])
    cut = (HOME if cut_at_home else OTHER).key
    books = {k: replace(b, truncated=k == cut) for k, b in snapshot.books.items()}
    edge = cross_venue(replace(snapshot, books=books), PAIR, LOOSE)
    whole = cross_venue(snapshot, PAIR, LOOSE)
    limited = cross_venue(replace(snapshot, books=books), PAIR, replace(LOOSE, max_notional=100.0))
    assert [e.pricing.exhausted for e in (edge, whole, limited) if e.pricing] == [cut_at_home, False, False]


@pytest.mark.parametrize("missing", [HOME, OTHER])
def test_without_a_top_or_a_deep_book_the_venue_that_lacks_it_is_named(missing) -> None:
    snapshot = _snapshot()
    no_top = replace(snapshot, tops={k: t for k, t in snapshot.tops.items() if k != missing.key})
    no_book = replace(snapshot, books={k: b for k, b in snapshot.books.items() if k != missing.key})
    for broken, detail in ((no_top, "no quotes"), (no_book, "no order book")):
        rejection = cross_venue(broken, PAIR, LOOSE).rejection
        assert rejection is not None
        assert (rejection.code, rejection.detail) == ("NO_BOOK", f"{missing.venue}: {detail}")


@pytest.mark.parametrize(
    ("home", "other"),
    [(([], []), DEAR), (([(24.9, 1)], []), ([(25.5, 1)], [])), (([], [(25.0, 1)]), ([], [(25.6, 1)]))],
)
def test_books_with_no_direction_to_trade_have_no_edge_instead_of_a_made_up_one(home, other) -> None:
    for edge in (
        cross_venue(_snapshot(home, other), PAIR, LOOSE),
        cross_venue(_snapshot(home, other, tops=_snapshot().tops), PAIR, LOOSE),
    ):
        assert edge.rejection is not None
        assert (edge.rejection.code, edge.rejection.value) == ("NO_BOOK", None)
        assert edge.indicative != -1.0


def test_one_sided_books_are_traded_in_the_one_direction_they_allow() -> None:
    edge = cross_venue(_snapshot(([], [(25.0, 10)]), ([(25.5, 10)], [])), PAIR, LOOSE)
    assert (edge.stands, edge.side) == (True, Side.BUY)
    edge = cross_venue(_snapshot(([(1.0, 10)], []), ([], [(25.6, 10)])), PAIR, LOOSE)
    assert (_codes(edge), edge.side) == ("NOT_CROSSED", Side.SELL)


def test_a_lonely_bid_far_below_does_not_make_a_cheap_offer_implausible() -> None:
    edge = cross_venue(_snapshot(([(2.0, 10)], [(25.0, 10)])), PAIR, LOOSE)
    assert edge.stands


@pytest.mark.parametrize("factor", [10.0, 0.1, 1e6, 1e-12, 2.2, 0.4])
@pytest.mark.parametrize("deep_only", [True, False])
def test_prices_factors_apart_are_mixed_up_units(factor: float, deep_only: bool) -> None:
    off = tuple([(p * factor, q) for p, q in side] for side in DEAR)
    snapshot = _snapshot(other=off, **({"tops": _snapshot().tops} if deep_only else {}))
    rejection = cross_venue(snapshot, PAIR, LOOSE).rejection
    assert rejection is not None
    assert (rejection.code, rejection.limit, rejection.unit) == ("IMPLAUSIBLE", 2.0, "ratio")
    assert rejection.value == pytest.approx(25.5 * factor / 25.0 if factor > 1 else 24.9 / (25.6 * factor))


@pytest.mark.parametrize(("rate", "ratio"), [(4.0, 4 * 25.5 / 25.0), (0.25, 4 * 24.9 / 25.6)])
def test_plausibility_is_judged_after_conversion(rate: float, ratio: float) -> None:
    pair = Pairing(HOME, IN_USDC)
    rejection = cross_venue(_snapshot(pair=pair, rates=(a_rate(bid=rate, ask=rate),)), pair, LOOSE).rejection
    assert rejection is not None
    assert (rejection.code, rejection.value) == ("IMPLAUSIBLE", pytest.approx(ratio))


@pytest.mark.parametrize("which", [HOME, OTHER])
@pytest.mark.parametrize(
    ("age_s", "code"), [(10, "stands"), (11, "STALE_BOOK"), (-5, "stands"), (-6, "STALE_BOOK")]
)
def test_a_book_too_old_or_from_the_future_is_not_traded(which, age_s: float, code: str) -> None:
    snapshot = _snapshot()
    aged = replace(snapshot.books[which.key], at=NOON - timedelta(seconds=age_s))
    edge = cross_venue(replace(snapshot, books={**snapshot.books, which.key: aged}), PAIR, LOOSE)
    assert _codes(edge) == code
    assert {i.name: i.age_s for i in edge.inputs}[f"{which.venue} book"] == age_s


@pytest.mark.parametrize(("age_s", "code"), [(120, "stands"), (121, "STALE_RATE"), (-6, "STALE_RATE")])
def test_a_rate_too_old_or_from_the_future_converts_nothing(age_s: float, code: str) -> None:
    pair = Pairing(HOME, IN_USDC)
    snapshot = _snapshot(pair=pair, rates=(a_rate(at=NOON - timedelta(seconds=age_s)),))
    assert _codes(cross_venue(snapshot, pair, LOOSE)) == code


def test_screening_says_what_the_first_unit_would_earn() -> None:
    assert screened(_snapshot(), PAIR, LOOSE).indicative == pytest.approx(
        (25.5 * 0.999 - 25.0 * 1.001) / 25.0
    )
    dull = screened(_snapshot(other=CHEAP), PAIR, LOOSE)
    assert dull.rejection is not None
    assert (dull.rejection.code, dull.rejection.limit) == ("NOT_CROSSED", 0.0)
    assert dull.rejection.value == dull.indicative == pytest.approx((24.9 * 0.999 - 25.0 * 1.001) / 25.0)
    assert [i.name for i in dull.inputs] == ["injective top", "binance top"]


def test_screening_rejects_what_earns_less_than_is_asked_for() -> None:
    value = (25.5 * 0.999 - 25.0 * 1.001) / 25.0
    poor = screened(_snapshot(), PAIR, replace(LOOSE, min_edge=0.02))
    assert poor.rejection is not None
    assert (poor.rejection.code, poor.rejection.limit) == ("BELOW_MIN_EDGE", 0.02)
    assert poor.rejection.value == pytest.approx(value)
    assert screened(_snapshot(), PAIR, replace(LOOSE, min_edge=poor.rejection.value)).stands


def test_a_lone_middle_price_is_enough_to_screen() -> None:
    tops = {OTHER.key: a_top(OTHER, None, None, mid=25.55)}
    edge = screened(_snapshot(tops=tops), PAIR, LOOSE)
    assert edge.indicative == pytest.approx((25.55 * 0.999 - 25.0 * 1.001) / 25.0)


ticks = st.integers(1, 60)
sizes = st.integers(1, 40).map(lambda tenths: tenths / 10)


@st.composite
def books(draw: st.DrawFn, middle: st.SearchStrategy[int]):
    """Uncrossed books of up to four levels a side on a grid of a cent; either side may be empty."""
    cent = draw(middle)
    sides = []
    for sign in (-1, 1):
        gaps = draw(st.lists(ticks, max_size=4))
        prices = [cent + sign * sum(gaps[: i + 1]) for i in range(len(gaps))]
        sides.append([(price / 100, draw(sizes)) for price in prices if price > 0])
    return sides


@st.composite
def two_books(draw: st.DrawFn) -> tuple[Snapshot, Pairing, Limits]:
    home = replace(
        HOME,
        taker_fee=Decimal(draw(st.sampled_from(["0", "0.0005", "0.002"]))),
        kind=draw(st.sampled_from([MarketKind.SPOT, MarketKind.PERPETUAL])),
        quantity_tick=Decimal(draw(st.sampled_from(["0", "0.1", "0.4"]))),
    )
    other = replace(
        draw(st.sampled_from([OTHER, IN_USDC])),
        quantity_tick=Decimal(draw(st.sampled_from(["0", "0.01", "0.6"]))),
        kind=MarketKind.PERPETUAL,
    )
    pair = Pairing(home, other)
    low = draw(st.floats(0.97, 1.0))
    rates = (a_rate("USDC", "USDT", low, low * draw(st.floats(1.0, 1.01))),)
    snapshot = _snapshot(
        draw(books(st.integers(2300, 2700))), draw(books(st.integers(2450, 2550))), pair, rates=rates
    )
    tops = dict(snapshot.tops)
    for key, top in tops.items():
        funding = draw(st.one_of(st.none(), st.floats(-0.001, 0.001)))
        only_mid = {"bid": None, "ask": None} if draw(st.booleans()) and top.mid is not None else {}
        tops[key] = replace(top, funding_hourly=funding, **only_mid)
    limits = replace(LOOSE, min_edge=draw(st.sampled_from([0.0, 0.001, 0.01])), max_ratio=1.5)
    return replace(snapshot, tops=tops, quotes=(a_quote(quote="USDT"),)), pair, limits


def _funding(snapshot: Snapshot, pair: Pairing, side: Side, limits: Limits) -> Fraction:
    total = Fraction(0)
    for market, long in zip(pair, (side is Side.BUY, side is Side.SELL), strict=True):
        rate = snapshot.tops[market.key].funding_hourly or 0.0
        if market.kind is MarketKind.PERPETUAL:
            total += max(Fraction(0), Fraction(rate) * Fraction(limits.holding_h) * (1 if long else -1))
    return total


def _way_out(pair: Pairing) -> Fraction:
    """Both taker fees once more, where a perpetual has to be closed."""
    if MarketKind.PERPETUAL not in {market.kind for market in pair}:
        return Fraction(0)
    return sum((Fraction(market.taker_fee) for market in pair), Fraction(0))


def _swept(side: Levels, quantity: Fraction) -> Fraction:
    total = Fraction(0)
    for price, held in zip(*side, strict=True):
        part = min(quantity, Fraction(held))
        total, quantity = total + part * Fraction(price), quantity - part
    # The float grid may ask for a billionth of a step more than the floats of the book hold.
    assert quantity < Fraction(1, 10**9)
    return total


def exact_profit(
    snapshot: Snapshot, pair: Pairing, side: Side, quantity: Decimal, limits: Limits
) -> Fraction:
    """What a quantity brings, in exact arithmetic, straight from books, fees, the one rate, funding and gas."""
    here, there = snapshot.books[pair.home.key], snapshot.books[pair.reference.key]
    amount = Fraction(quantity)
    asks, bids = (here.asks, there.bids) if side is Side.BUY else (there.asks, here.bids)
    pays, gets = (pair.home, pair.reference) if side is Side.BUY else (pair.reference, pair.home)
    rate = snapshot.rates[0]
    pay_rate = Fraction(rate.ask) if pays.quote == "USDC" else Fraction(1)
    get_rate = Fraction(rate.bid) if gets.quote == "USDC" else Fraction(1)
    middle = (Fraction(rate.bid) + Fraction(rate.ask)) / 2 if pays.quote == "USDC" else Fraction(1)
    return (
        _swept(bids, amount) * get_rate * (1 - Fraction(gets.taker_fee))
        - _swept(asks, amount) * pay_rate * (1 + Fraction(pays.taker_fee))
        - (_funding(snapshot, pair, side, limits) + _way_out(pair))
        * Fraction(asks.prices[0])
        * middle
        * amount
        - Fraction(limits.gas_inj) * 25
    )


@settings(max_examples=120)
@given(two_books(), st.sampled_from([0.0, 0.001]))
def test_what_stands_brings_exactly_what_is_said_on_both_grids(world, gas: float) -> None:
    snapshot, pair, limits = world
    limits = replace(limits, gas_inj=gas)
    edge = cross_venue(snapshot, pair, limits)
    if not edge.stands:
        return
    assert edge.pricing is not None
    assert edge.side is not None
    quantity = edge.pricing.quantity
    exact = float(exact_profit(snapshot, pair, edge.side, quantity, limits))
    assert edge.pricing.profit == pytest.approx(exact, rel=1e-9, abs=1e-12 * edge.pricing.notional)
    assert edge.pricing.costs.conversion >= -1e-12
    assert exact > 0
    assert exact >= limits.min_edge * edge.pricing.notional * (1 - 1e-9)
    for market in pair:
        assert not market.quantity_tick or quantity % market.quantity_tick == 0
        assert float(quantity) * min(edge.pricing.buy_price, edge.pricing.sell_price) >= float(
            market.min_notional
        )


@settings(max_examples=120)
@given(two_books())
def test_no_multiple_of_the_common_step_below_the_best_brings_more(world) -> None:
    snapshot, pair, limits = world
    edge = cross_venue(snapshot, pair, limits)
    if not edge.stands:
        return
    assert edge.pricing is not None
    assert edge.side is not None
    step = common_step([m.quantity_tick for m in pair]) or edge.pricing.quantity / 10
    smaller = [step * n for n in range(1, 10) if step * n < edge.pricing.quantity]
    for quantity in smaller:
        assert float(exact_profit(snapshot, pair, edge.side, quantity, limits)) <= edge.pricing.profit + 1e-9


@settings(max_examples=120)
@given(two_books())
def test_what_the_tops_rule_out_the_deep_books_rule_out_too(world) -> None:
    """Every quantity of one tenth, in both directions: none of a candidate rejected by its tops may earn enough."""
    snapshot, pair, limits = world
    refused = screened(snapshot, pair, limits)
    if refused.rejection is None:
        return
    assert refused.rejection.reason in {Reason.NO_BOOK, Reason.NOT_CROSSED, Reason.BELOW_MIN_EDGE}
    here, there = snapshot.books[pair.home.key], snapshot.books[pair.reference.key]
    for side, asks, bids in ((Side.BUY, here.asks, there.bids), (Side.SELL, there.asks, here.bids)):
        largest = min(sum(asks.quantities), sum(bids.quantities))
        for share in (0.01, 0.1, 0.5, 0.99):
            quantity = Decimal(repr(largest * share))
            if quantity > 0:
                profit = float(exact_profit(snapshot, pair, side, quantity, replace(limits, gas_inj=0.0)))
                rate = (
                    snapshot.rates[0].ask if (side is Side.SELL and pair.reference.quote == "USDC") else 1.0
                )
                assert profit <= limits.min_edge * asks.prices[0] * rate * float(quantity) + 1e-9
