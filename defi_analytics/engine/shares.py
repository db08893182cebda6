"""Whose a fill is, where several strategies trade one account."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal, localcontext

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill, OrderRequest

_DIGITS = 60


def shares(
    fill: Fill,
    request: OrderRequest | None,
    held: Mapping[tuple[str, MarketKey], Inventory],
    market: Market | None,
) -> Iterator[tuple[str, Fill]]:
    """The strategy of the order, but of a stop, a liquidation or another client (`request` is None for both).

    These take from the strategy that has the position, as far as they reduce it, and what is left is that of
    other clients (""); but coins that another client sells are its own.
    """
    left = fill
    if _reduces(request, market):
        for (strategy, key), own in list(held.items()):
            opposed = own.quantity < 0 if fill.side is Side.BUY else own.quantity > 0
            if strategy and key == fill.key and opposed and left.quantity:
                part, left = _split(left, min(left.quantity, abs(own.quantity)))
                yield strategy, part
    if left.quantity:
        yield request.strategy if request and request.kind is not OrderKind.STOP else "", left


def _reduces(request: OrderRequest | None, market: Market | None) -> bool:
    if request is not None:
        return request.kind is OrderKind.STOP
    return market is not None and market.kind is not MarketKind.SPOT


def _split(fill: Fill, quantity: Decimal) -> tuple[Fill, Fill]:
    """So much of a fill, and the rest; their fees come to the whole fee."""
    with localcontext(prec=_DIGITS):
        fee = fill.fee * quantity / fill.quantity
        rest = replace(fill, quantity=fill.quantity - quantity, fee=fill.fee - fee)
    return replace(fill, quantity=quantity, fee=fee), rest
