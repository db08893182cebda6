"""Orders as a run asks for them: named by what decided them, and never more than is there."""

import hashlib
from collections.abc import Mapping
from decimal import Decimal

from defi_analytics.domain.decision import BUY, Intent, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import LONGEST_CLIENT_ORDER_ID, OrderRequest
from defi_analytics.domain.portfolio import Portfolio

_GAS_ASSET = "INJ"
_ZERO = Decimal(0)
PREFIX = "defi-"
"""Of the ids of all our orders."""


def order_id(decision: str, strategy: str, key: MarketKey) -> str:
    """Derived, so that deciding again makes the same; as long as the chain allows."""
    text = f"{decision}|{strategy}|{key.venue}|{key.market_id}"
    return f"{PREFIX}{hashlib.sha256(text.encode()).hexdigest()}"[:LONGEST_CLIENT_ORDER_ID]


def request_of(market: Market, strategy: str, intent: Intent, decision: str) -> OrderRequest:
    return OrderRequest(
        client_order_id=order_id(decision, strategy, market.key),
        market=market,
        side=Side.BUY if intent.side == BUY else Side.SELL,
        kind=OrderKind(intent.kind),
        ticks=intent.ticks,
        lots=intent.lots,
        strategy=strategy,
        trigger_ticks=intent.trigger,
        # Spot has no such order on the chain: there it is risk that keeps a sale within what is held.
        reduce_only=intent.reduce_only,
    )


def covered(intent: Intent, market: Market, portfolio: Portfolio, reserved: Mapping[str, Decimal]) -> Intent:
    """An order cut to what is there, on spot beyond `reserved`: of more the gate would let nothing go.

    Gas may have taken a lot of it, or the account's owner sold some. Nor is the owner's own spent where it is
    a market's quote.
    """
    if market.kind is not MarketKind.SPOT:
        return _reducing(intent, market, portfolio) if intent.reduce_only else intent
    if intent.side == BUY:
        per_lot = market.price(intent.ticks) * market.quantity_tick * (1 + max(_ZERO, market.taker_fee))
        spends = market.quote in reserved and per_lot > 0
        most = int(_free(market.quote, portfolio, reserved) / per_lot) if spends else intent.lots
        return intent._replace(lots=min(intent.lots, most))
    balance = portfolio.balances.get(market.base_denom)
    free = min(balance.available, _free(market.base, portfolio, reserved)) if balance else _ZERO
    return intent._replace(lots=min(intent.lots, int(max(_ZERO, free) / market.quantity_tick)))


def _reducing(intent: Intent, market: Market, portfolio: Portfolio) -> Intent:
    """No more than the venue tells of the position; unchanged where there is nothing to reduce."""
    position = portfolio.positions.get(market.key)
    there = int(-intent.side * position.quantity / market.quantity_tick) if position else 0
    return intent._replace(lots=min(intent.lots, there)) if there > 0 else intent


def _free(asset: str, portfolio: Portfolio, reserved: Mapping[str, Decimal]) -> Decimal:
    total = sum((own.total for own in portfolio.balances.values() if own.asset == asset), _ZERO)
    return max(_ZERO, total - reserved.get(asset, _ZERO))


def still_reserved(reserved: Mapping[str, Decimal], gas_paid: Decimal) -> dict[str, Decimal]:
    """Gas was paid out of what the account had, not out of what the strategies bought.

    `gas_paid` is what the account paid itself: nothing where another key does, or another subaccount.
    """
    left = dict(reserved)
    if _GAS_ASSET in left:
        left[_GAS_ASSET] = max(Decimal(0), left[_GAS_ASSET] - gas_paid)
    return left
