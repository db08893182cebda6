"""From what the venues say to the terms of a trade, and from the priced trade to what people read."""

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal, localcontext

from defi_analytics.domain.book import Levels, OrderBook
from defi_analytics.domain.edge import Costs, Input, Pricing, Reason, Rejection, Side, SizePoint
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.quote import Rate
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.rates import find_rate, mid
from defi_analytics.mispricing.walk import Priced, Terms, held, price_at

# A venue's clock may run ahead of ours by this much before its times mean nothing.
MAX_AHEAD_S = 5.0

_CURVE_SHARES = (0.25, 0.5, 1.0)
_UNITS = {
    Reason.BELOW_MIN_QUANTITY: "base",
    Reason.BELOW_MIN_NOTIONAL: "quote",
    Reason.BELOW_MIN_PROFIT: "quote",
}


def common_step(steps: Sequence[Decimal]) -> Decimal:
    """The smallest step that is a multiple of each (zeros are no grid); 0 if none has a grid."""
    with localcontext(prec=60):
        result = Decimal(0)
        for step in steps:
            if step == 0:
                continue
            result = step if result == 0 else _lcm(result, step)
        return result


def _lcm(a: Decimal, b: Decimal) -> Decimal:
    scale = Decimal(1).scaleb(-min(int(a.as_tuple().exponent), int(b.as_tuple().exponent), 0))
    return Decimal(math.lcm(int(a * scale), int(b * scale))) / scale


def funding_hourly(snapshot: Snapshot, market: Market) -> float | None:
    """What a long of this market pays a short per hour; None if it pays none or nothing tells the rate."""
    if market.kind is not MarketKind.PERPETUAL:
        return None
    top = snapshot.tops.get(market.key)
    return snapshot.funding.get(market.key, top.funding_hourly if top else None)


def carry(snapshot: Snapshot, market: Market, side: Side, holding_h: float) -> float:
    """Funding that holding this side of a perpetual should cost; what it might earn is not counted."""
    paid_by_long = (funding_hourly(snapshot, market) or 0.0) * holding_h
    return max(0.0, paid_by_long if side is Side.BUY else -paid_by_long)


def exit_fee(one: Market, other: Market) -> float:
    """The fees of closing both legs, as a fraction of notional.

    A perpetual is never delivered: what it gained on the other leg is earned only when both are closed again.
    """
    if MarketKind.PERPETUAL not in {one.kind, other.kind}:
        return 0.0
    return float(one.taker_fee + other.taker_fee)


def gas_cost(snapshot: Snapshot, quote: str, limits: Limits) -> float | None:
    """Gas of one order in `quote`, by the newest price of INJ; None if nothing in the snapshot tells one.

    However old that is: what gas costs is too little for its price to matter, and too much to leave out.
    """
    if quote == "INJ":
        return limits.gas_inj
    told = [one for one in snapshot.quotes if one.base == "INJ" and 0 < one.price < math.inf]
    for published in sorted(told, key=lambda one: one.at, reverse=True):
        path = find_rate(snapshot.rates, published.quote, quote)
        if path is not None:
            return limits.gas_inj * published.price * mid(path)
    return None


def uncounted(snapshot: Snapshot, markets: Sequence[Market], limits: Limits) -> tuple[str, ...]:
    """What the costs leave out because nothing in the snapshot tells it; the first market is at home."""
    notes = [
        f"funding on {market.venue} is not counted: unknown"
        for market in markets
        if market.kind is MarketKind.PERPETUAL and funding_hourly(snapshot, market) is None
    ]
    if gas_cost(snapshot, markets[0].quote, limits) is None:
        notes.append("gas is not counted: nothing prices INJ")
    return tuple(notes)


def exhausted(book: OrderBook, side: Levels, quantity: float, step: float) -> bool:
    """Whether a trade of `quantity` took all that a book cut short by its venue shows on one side."""
    return book.truncated and held(side) - quantity <= step


def with_bounds(terms: Terms, home: Market, reference_price: float, limits: Limits) -> Terms:
    """Terms with the bounds of the settings on this market; `reference_price` in the home quote."""
    bounds = limits.of(home.key)
    most = min(limits.max_notional, bounds.max_notional)
    return terms._replace(
        max_quantity=most / reference_price,
        max_slippage=bounds.max_slippage,
        min_edge=limits.min_edge,
        min_profit=limits.min_profit,
    )


def pricing(
    trade: Priced, books: tuple[Levels, Levels], terms: Terms, step: Decimal, home: Market, limits: Limits
) -> Pricing:
    """`books` are (asks, bids) as they were walked."""
    asks, bids = books
    sizes = limits.sizes or tuple(share * trade.notional for share in _CURVE_SHARES)
    points = [price_at(asks, bids, terms, size / (asks.prices[0] * terms.buy_mid_rate)) for size in sizes]
    quantity = step * trade.lots if trade.lots else Decimal(repr(trade.quantity))
    return Pricing(
        quote=home.quote,
        quantity=quantity,
        notional=trade.notional,
        gross=trade.gross,
        costs=Costs(
            buy_fee=trade.buy_fee,
            sell_fee=trade.sell_fee,
            slippage=trade.slippage,
            conversion=trade.conversion,
            carry=trade.carry,
            exit_fee=trade.exit_fee,
            fixed=trade.fixed,
        ),
        profit=trade.profit,
        buy_price=trade.buy_price,
        sell_price=trade.sell_price,
        curve=tuple(
            SizePoint(p.quantity, p.notional, p.profit / p.notional, p.profit)
            for p in points
            if p.quantity > 0
        ),
    )


def rejection(trade: Priced) -> Rejection | None:
    reason = Reason(trade.reason)
    if reason is Reason.NONE:
        return None
    return Rejection(reason, trade.limit, trade.value, _UNITS.get(reason, "fraction"))


def seen(name: str, at: datetime, now: datetime) -> Input:
    return Input(name, at, (now - at).total_seconds())


def seen_rates(rates: Sequence[Rate], now: datetime) -> tuple[Input, ...]:
    return tuple(seen(f"{r.base}/{r.quote} {r.source}", r.at, now) for r in rates)


def too_old(inputs: Sequence[Input], max_age_s: float, reason: Reason) -> Rejection | None:
    """The first input older than allowed, or from the future: a clock that is wrong proves nothing."""
    for one in inputs:
        if one.age_s > max_age_s or one.age_s < -MAX_AHEAD_S:
            return Rejection(reason, max_age_s, one.age_s, "s", one.name)
    return None
