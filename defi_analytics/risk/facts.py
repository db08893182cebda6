"""From what the engine knows to what the rules see, order by order."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.risk.exposure import (
    Account,
    Exposures,
    MarketLots,
    equity,
    exposures,
    with_requests,
    worth,
)
from defi_analytics.risk.halting import market_text
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.liquidation import distance_after
from defi_analytics.risk.losses import RiskState, rolled
from defi_analytics.risk.views import NEVER_S, AccountFacts, MarketFacts, OrderFacts


@dataclass(frozen=True, slots=True)
class Expected:
    """What is said of a request by who made it."""

    net_edge: float = math.nan
    """A fraction; unknown refuses an order that does not reduce."""
    uses_prediction: bool = False
    by_person: bool = False
    protects: bool = False
    """A stop, or an exit because one was hit."""


@dataclass(frozen=True, slots=True)
class Context:
    """All that the gate may know in one snapshot."""

    account: Account
    state: RiskState
    markets: Mapping[MarketKey, MarketFacts]
    clock_skew_s: float
    """This machine's clock less the chain's; NaN when it was not measured."""
    orders_last_minute: int
    orders_this_block: int
    gas_per_order: float
    """INJ."""
    used_ids: frozenset[str]
    """Client order ids of orders that were signed before: all that live, and the last that are over."""
    in_flight: tuple[OrderRequest, ...] = ()
    """Sent, but not in `account` yet."""
    unresolved: frozenset[MarketKey] = frozenset()
    expected: Mapping[str, Expected] = field(default_factory=dict)
    """By client order id."""
    market_limits: Mapping[MarketKey, RiskLimits] = field(default_factory=dict)
    """Tighten the global ones; they cannot loosen them."""
    last_fills: Mapping[MarketKey, Fill] = field(default_factory=dict)
    """The account's newest on each market."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was approved so far in this snapshot, on top of what the account has."""

    exposures: Exposures
    ids: frozenset[str]
    spent: Mapping[str, float]
    """By denom."""
    orders: int = 0
    trades: int = 0


def opening_tally(context: Context) -> Tally:
    """Orders in flight count once: as open orders as soon as the venue shows them."""
    shown = {order.client_order_id for order in context.account.portfolio.open_orders}
    unseen = [r for r in context.in_flight if r.client_order_id not in shown]
    tally = Tally(exposures(context.account), context.used_ids, {})
    for request in unseen:
        tally = counted(tally, context, request, trade=False)
    return replace(tally, orders=0)


def counted(tally: Tally, context: Context, request: OrderRequest, *, trade: bool) -> Tally:
    """The tally with this order approved too; `trade` unless it reduces."""
    denom, amount = needs(request)
    return Tally(
        exposures=with_requests(tally.exposures, context.account, (request,)),
        ids=tally.ids | {request.client_order_id},
        spent={**tally.spent, denom: tally.spent.get(denom, 0.0) + amount},
        orders=tally.orders + 1,
        trades=tally.trades + int(trade),
    )


def order_facts(request: OrderRequest, context: Context) -> OrderFacts:
    expected = context.expected.get(request.client_order_id, Expected())
    market = context.markets[request.market.key]
    side = BUY if request.side is Side.BUY else SELL
    return OrderFacts(
        side=side,
        kind=int(request.kind),
        ticks=request.ticks,
        lots=request.lots,
        trigger=request.trigger_ticks,
        reduce_only=request.reduce_only,
        by_person=expected.by_person,
        uses_prediction=expected.uses_prediction,
        notional=worth(context.account, request),
        net_edge=expected.net_edge,
        slippage=_slippage(request, side, market),
        leverage=float(request.leverage),
        needs=needs(request)[1],
        gas=context.gas_per_order,
        protects=expected.protects,
    )


def account_facts(request: OrderRequest, context: Context, tally: Tally, at: datetime) -> AccountFacts:
    market, state = request.market, rolled(context.state, at)
    lots = tally.exposures.lots.get(market.key, MarketLots())
    asset_long, asset_short = tally.exposures.of_asset(market.base)
    apart, fill = state.apart, context.last_fills.get(market.key)
    return AccountFacts(
        state=int(state.trading),
        equity=equity(context.account) - apart,
        peak_equity=state.peak_equity - apart,
        day_start_equity=state.day_start_equity - apart,
        day_low_equity=state.day_low_equity - apart,
        exposure_total=tally.exposures.total,
        exposure_market=tally.exposures.of_market(market),
        asset_long=asset_long,
        asset_short=asset_short,
        position_lots=lots.position,
        pending_buys=lots.buys,
        pending_sells=lots.sells,
        active_positions=tally.exposures.active,
        trades_today=state.trades_today + tally.trades,
        since_exit_s=_since_exit(state, market.key, at),
        orders_last_minute=context.orders_last_minute + tally.orders,
        orders_this_block=context.orders_this_block + tally.orders,
        unresolved=market.key in context.unresolved,
        duplicate=request.client_order_id in tally.ids,
        free=_free(request, context, tally),
        gas_today=state.gas_today + tally.orders * context.gas_per_order,
        liquidation_distance=distance_after(
            request, context.account.portfolio.positions.get(market.key), context.markets[market.key]
        ),
        balance_age_s=(at - context.account.portfolio.at).total_seconds(),
        clock_skew_s=context.clock_skew_s,
        week_start_equity=state.week_start_equity - apart,
        week_low_equity=state.week_low_equity - apart,
        last_fill=float(fill.price) / float(market.price_tick) if fill else math.nan,
        since_fill_s=(at - fill.at).total_seconds() if fill else NEVER_S,
        day_lost=state.day_basis - equity(context.account),
    )


def needs(request: OrderRequest) -> tuple[str, float]:
    """The denom an order spends, and how much of it with fees: margin on perpetuals, the whole on spot."""
    market = request.market
    fee = max(market.taker_fee, Decimal(0))
    if market.kind is not MarketKind.SPOT:
        # Closing is paid for out of the position's own margin.
        share = Decimal(0) if request.reduce_only else 1 / request.leverage + fee
        return market.quote_denom, float(request.notional * share)
    if request.side is Side.SELL:
        return market.base_denom, float(request.quantity)
    return market.quote_denom, float(request.notional * (1 + fee))


def _free(request: OrderRequest, context: Context, tally: Tally) -> float:
    denom, _ = needs(request)
    balance = context.account.portfolio.balances.get(denom)
    return (float(balance.available) if balance else 0.0) - tally.spent.get(denom, 0.0)


def _since_exit(state: RiskState, key: MarketKey, at: datetime) -> float:
    left = state.exits.get(market_text(key))
    return NEVER_S if left is None else (at - left).total_seconds()


def _slippage(request: OrderRequest, side: int, market: MarketFacts) -> float:
    """How far the worst price lies beyond the best opposite one, or beyond the trigger of a stop."""
    best = market.ask if side == BUY else market.bid
    if request.kind is OrderKind.STOP:
        best = float(request.trigger_ticks)
    if request.kind is OrderKind.POST_ONLY and math.isnan(best):
        return 0.0
    return side * (request.ticks - best) / best if best > 0.0 else math.nan
