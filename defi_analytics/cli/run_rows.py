"""What one round of a run did, as a row."""

import math
from collections import Counter
from datetime import datetime
from typing import NamedTuple

from defi_analytics.cli.figures import decimal_text, time_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.run_schema import OrderRow, RefusedRow, RunRow, SaidRow
from defi_analytics.cli.run_sizes import SAID, bound_by
from defi_analytics.domain.order import OrderRequest
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.engine.trade import Decision
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.gate import Refused
from defi_analytics.risk.losses import RiskState

PLANNED, UNSENT = "planned", "unsent"
_REASONS_SHOWN = 4
COLUMNS: tuple[Column[RunRow], ...] = (
    Column("Round", lambda row: str(row.cycle), number=True),
    Column("Time", lambda row: row.at.strftime("%H:%M:%S"), exact=lambda row: time_text(row.at)),
    Column("Trading", lambda row: row.trading),
    # Of the round's beginning and of its end: the money that was decided with, and what came of it.
    Column("Equity", lambda row: row.equity or "", number=True),
    Column("Held", lambda row: str(len(row.positions)), number=True),
    Column("What happened", lambda row: row.happened, fold=True),
)


def run_row(agent: Agent, cycle: Cycle, silent_since: datetime | None = None) -> RunRow:
    """`silent_since`: since when nobody answers."""
    ledger, decision = agent.ledger, cycle.decision
    orders = [_order(agent, request) for request in _approved(decision)]
    refused = [_refused(refused) for refused in decision.refused] if decision else []
    looked = _looked(agent, cycle)
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
        unreachable_since=silent_since,
        candidates=looked.candidates,
        standing=looked.standing,
        rejected=dict(looked.rejected.most_common()),
        happened=_told(
            cycle,
            _happened(orders, refused, _refusal(agent, decision)) or looked.said,
            _halted(ledger.risk),
            silent_since,
        ),
    )


class _Looked(NamedTuple):
    """What there was to decide on."""

    candidates: int
    standing: int
    rejected: Counter[str]
    idle: Counter[str]
    """What the strategies said of the markets they do nothing on."""

    @property
    def said(self) -> str:
        reasons = ", ".join(f"{code} {n}" for code, n in self.rejected.most_common(_REASONS_SHOWN))
        told = f"nothing to do: {self.standing} of {self.candidates} stand" + (
            f" ({reasons})" if reasons else ""
        )
        if not self.standing:
            return told
        # Something stands, so it is the strategies that know why nothing came of it.
        return f"{told}; strategies: {', '.join(f'{said} {n}' for said, n in self.idle.most_common())}"


def _looked(agent: Agent, cycle: Cycle) -> _Looked:
    edges = agent.seen.edges if agent.seen and cycle.decision else ()
    considered = cycle.decision.considered if cycle.decision else ()
    return _Looked(
        len(edges),
        sum(edge.stands for edge in edges),
        Counter(edge.rejection.code for edge in edges if edge.rejection is not None),
        Counter(one.said for one in considered),
    )


def _halted(risk: RiskState) -> str:
    return risk.reason if risk.trading is TradingState.HALTED else ""


def _told(cycle: Cycle, happened: str, halted: str, silent_since: datetime | None) -> str:
    """Why nothing may happen comes first: a person who reads on knows what the rest is worth."""
    if cycle.error:
        happened = cycle.error
        if silent_since is not None:
            happened = f"venue unreachable since {silent_since:%H:%M:%S} ({cycle.error})"
    return f"halted: {halted}; {happened}" if halted else happened


def _refusal(agent: Agent, decision: Decision | None) -> str:
    """Why an order of this round was not taken."""
    return agent.rejected_because if decision and agent.rejected_in == decision.id else ""


def _happened(orders: list[OrderRow], refused: list[RefusedRow], because: str) -> str:
    """`because` is why the chain, or who signs for it, took the last order not."""
    denied = [f"{r.market} {r.strategy}: refused, {r.code}" for r in refused]
    return "; ".join([*(_ordered(order, because) for order in orders), *denied])


def _ordered(order: OrderRow, because: str) -> str:
    bound = {"buy": "at most", "sell": "at least"}[order.side]
    why = f", {SAID[order.bound_by]}" if SAID.get(order.bound_by) else ""
    if order.state == PLANNED:
        done = f"would {order.side} {order.quantity} {bound} {order.price}"
        return f"{order.market} {order.strategy}: {done}{why}"
    if order.state == UNSENT:
        done = f"not sent: {order.side} {order.quantity} {bound} {order.price}"
        return f"{order.market} {order.strategy}: {done}{because and f' ({because})'}"
    done = f"{order.side} {order.filled} of {order.quantity} {bound} {order.price}"
    return f"{order.market} {order.strategy}: {done} ({order.state}{why})"


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
        state=tracked.state.value if tracked else UNSENT if agent.cycles else PLANNED,
        filled=f"{tracked.filled:f}" if tracked else "0",
        error_code=tracked.error_code if tracked else 0,
        bound_by=bound_by(agent, request),
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
