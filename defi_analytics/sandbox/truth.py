"""What is truly mispriced at a block, found by walking the very books that are served, in exact decimals."""

from collections.abc import Iterable, Iterator
from decimal import Decimal, localcontext
from typing import Literal, NamedTuple

from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS, Listing, Perpetual, Reference
from defi_analytics.sandbox.matching import Order
from defi_analytics.sandbox.world import World

_DIGITS = 60
_USDC_TICK = Decimal("0.0001")


class Planted(NamedTuple):
    """A mispricing that exists. Prices and profit are in the Injective market's quote (USDT)."""

    kind: Literal["cross-venue", "oracle"]
    market_id: str
    venue: str
    """What Injective disagrees with: the reference venue, or the oracle."""
    side: Literal["BUY", "SELL"]
    """What to do on Injective."""
    top_edge: Decimal
    """Fraction. Cross-venue: (proceeds - cost) / cost of the best levels, after both taker fees, and after
    both again where a perpetual has to be closed.
    Oracle: the distance of Injective's mid from the oracle's price, always positive."""
    best_quantity: Decimal
    """Base; where the marginal edge reaches zero, which is where the profit is greatest. Zero for oracle."""
    profit_quote: Decimal
    """Of trading `best_quantity` as a taker on both sides, after the same fees. Zero for oracle."""


def truth(world: World, block: int, min_edge: Decimal = Decimal(0)) -> list[Planted]:
    """Every mispricing with a top edge of more than `min_edge`, largest first.

    A market is compared with the instrument of its asset on every reference venue, spot or perpetual, and
    with the oracle's price of its asset in USDT. USDC is sold at Binance's best bid and bought at its best
    ask.
    """
    with localcontext(prec=_DIGITS):
        found = [*_cross_venue(world, block), *_oracle(world, block)]
    return sorted((one for one in found if one.top_edge > min_edge), key=lambda one: -one.top_edge)


def _cross_venue(world: World, block: int) -> Iterator[Planted]:
    for market_id, listing in LISTINGS.items():
        here = world.block(market_id, block).book
        for reference in _references(listing):
            there = world.reference(reference, block)
            sell_rate, buy_rate = _rates(world, reference)
            way_out = _way_out(listing, reference)
            yield _planted(
                (market_id, reference.venue, "BUY"),
                _worth(here.asks, 1 + listing.taker_fee),
                _worth(there.bids, sell_rate * (1 - reference.taker_fee)),
                way_out * here.asks[0].price,
            )
            yield _planted(
                (market_id, reference.venue, "SELL"),
                _worth(there.asks, buy_rate * (1 + reference.taker_fee)),
                _worth(here.bids, 1 - listing.taker_fee),
                way_out * there.asks[0].price * (sell_rate + buy_rate) / 2,
            )


def _references(listing: Listing) -> list[Reference]:
    """What trades the same asset elsewhere; nothing for an impostor, whatever its ticker says."""
    if listing.impostor:
        return []
    return [one for one in (*BINANCE.values(), *HYPERLIQUID.values()) if one.asset == listing.asset]


def _way_out(listing: Listing, reference: Reference) -> Decimal:
    """Closing both legs costs both taker fees again, as a fraction; spot against spot is simply kept."""
    if not isinstance(listing, Perpetual) and reference.venue == "binance":
        return Decimal(0)
    return listing.taker_fee + reference.taker_fee


def _rates(world: World, reference: Reference) -> tuple[Decimal, Decimal]:
    """USDT for selling and for buying one unit of the reference's quote."""
    if reference.quote == "USDT":
        return Decimal(1), Decimal(1)
    return world.prices.usdc_ticks * _USDC_TICK, (world.prices.usdc_ticks + 1) * _USDC_TICK


def _worth(orders: Iterable[Order], factor: Decimal) -> list[tuple[Decimal, Decimal]]:
    """(quote per base after fees and conversion, quantity), best first."""
    return [(order.price * factor, order.quantity) for order in orders]


def _planted(
    where: tuple[str, str, Literal["BUY", "SELL"]],
    costs: list[tuple[Decimal, Decimal]],
    proceeds: list[tuple[Decimal, Decimal]],
    way_out: Decimal,
) -> Planted:
    """`way_out` is what each base pays later, in quote."""
    quantity = profit = Decimal(0)
    top_edge = (proceeds[0][0] - way_out) / costs[0][0] - 1
    costs, proceeds = costs[::-1], proceeds[::-1]
    while costs and proceeds and proceeds[-1][0] - way_out > costs[-1][0]:
        (cost, offered), (gain, wanted) = costs.pop(), proceeds.pop()
        traded = min(offered, wanted)
        quantity += traded
        profit += traded * (gain - way_out - cost)
        if offered > traded:
            costs.append((cost, offered - traded))
        if wanted > traded:
            proceeds.append((gain, wanted - traded))
    market_id, venue, side = where
    return Planted("cross-venue", market_id, venue, side, top_edge, quantity, profit)


def _oracle(world: World, block: int) -> Iterator[Planted]:
    for market_id, listing in LISTINGS.items():
        mid = world.block(market_id, block).book.mid
        if listing.impostor or mid is None:
            continue
        if isinstance(listing, Perpetual):
            price = world.mark_price(listing, block)
        else:
            price = world.oracle(listing.asset, block) / world.oracle("USDT", block)
        edge = mid / price - 1
        side: Literal["BUY", "SELL"] = "BUY" if edge < 0 else "SELL"
        yield Planted("oracle", market_id, "pyth", side, abs(edge), Decimal(0), Decimal(0))
