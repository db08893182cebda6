"""What one round of a run did, as a row."""

import math

from defi_analytics.cli.figures import decimal_text, time_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.run_schema import OrderRow, RefusedRow, RunRow, SaidRow
from defi_analytics.domain.order import OrderRequest
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.engine.trade import Decision
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.gate import Refused
from defi_analytics.risk.halting import RiskState

COLUMNS: tuple[Column[RunRow], ...] = (
    Column("Round", lambda row: str(row.cycle), number=True),
    Column("Time", lambda row: row.at.strftime("%H:%M:%S"), exact=lambda row: time_text(row.at)),
    Column("Trading", lambda row: row.trading),
    Column("Equity", lambda row: row.equity or "", number=True),
    Column("Held", lambda row: str(len(row.positions)), number=True),
    Column("What happened", lambda row: row.happened, fold=True),
)


def run_row(agent: Agent, cycle: Cycle) -> RunRow:
    ledger, decision = agent.ledger, cycle.decision
    orders = [_order(agent, request) for request in _approved(decision)]
    refused = [_refused(refused) for refused in decision.refused] if decision else []
    held = {key.market_id: own.quantity for key, own in ledger.books.net.items() if own.quantity}
    return RunRow(
        cycle=cycle.number,
        at=agent.clock.now(),
        took_s=round(cycle.took_s, 3),
        decision=decision.id if decision else "",
        trading=ledger.risk.trading.name.lower(),
        equity=_figure(ledger.risk.equity),
        considered=_considered(agent, decision) if decision else [],
        orders=orders,
        refused=refused,
        positions={market_id: f"{quantity:f}" for market_id, quantity in held.items()},
        error=cycle.error,
        halted_because=_halted(ledger.risk),
        happened=_told(cycle, orders, refused, _halted(ledger.risk)),
    )


def _halted(risk: RiskState) -> str:
    return risk.reason if risk.trading is TradingState.HALTED else ""


def _told(cycle: Cycle, orders: list[OrderRow], refused: list[RefusedRow], halted: str) -> str:
    """Why nothing may happen comes first: a person who reads on knows what the rest is worth."""
    happened = cycle.error or _happened(orders, refused)
    return f"halted: {halted}; {happened}" if halted else happened


def _happened(orders: list[OrderRow], refused: list[RefusedRow]) -> str:
    bound = {"buy": "at most", "sell": "at least"}
    ordered = [
        f"{o.market} {o.strategy}: {o.side} {o.filled} of {o.quantity} {bound[o.side]} {o.price} ({o.state})"
        for o in orders
    ]
    denied = [f"{r.market} {r.strategy}: refused, {r.code}" for r in refused]
    return "; ".join([*ordered, *denied]) or "nothing to do"


def _approved(decision: Decision | None) -> list[OrderRequest]:
    groups = decision.approved if decision else ()
    return [order.request for group in groups for order in group.orders]


def _considered(agent: Agent, decision: Decision) -> list[SaidRow]:
    return [
        SaidRow(
            strategy=one.strategy,
            market=agent.tickers.get(one.market, ""),
            market_id=one.market.market_id,
            said=one.said,
        )
        for one in decision.considered
    ]


def _order(agent: Agent, request: OrderRequest) -> OrderRow:
    tracked = agent.ledger.books.orders.get(request.client_order_id)
    return OrderRow(
        client_order_id=request.client_order_id,
        strategy=request.strategy,
        market=request.market.ticker,
        market_id=request.market.market_id,
        side=request.side.value,
        kind=request.kind.name.lower(),
        price=f"{request.price:f}",
        quantity=f"{request.quantity:f}",
        reduce_only=request.reduce_only,
        state=tracked.state.value if tracked else "planned",
        filled=f"{tracked.filled:f}" if tracked else "0",
        error_code=tracked.error_code if tracked else 0,
    )


def _refused(refused: Refused) -> RefusedRow:
    return RefusedRow(
        client_order_id=refused.about.client_order_id,
        strategy=refused.about.strategy,
        market=refused.about.market.ticker,
        code=refused.code.name,
        limit=decimal_text(refused.limit),
        value=decimal_text(refused.value),
        unit=refused.unit,
    )


def _figure(value: float) -> str | None:
    return decimal_text(value) if math.isfinite(value) else None
