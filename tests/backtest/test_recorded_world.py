"""What trades live and what replays are one: the same world, order by order and unit by unit.

The agent trades on paper in a world that the sandbox made, block by block: its own loop, gate, ledger and
chain. What it saw is then replayed by compiled code. Made equal by what both are told: an order meets the
next block's book (`late`), market orders alone in their auction, the market's fees, gas as it is expected.
The stops that the agent keeps on the chain for perpetuals are never sent here: nothing rests in a replay.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from defi_analytics.backtest.account import Rules
from defi_analytics.backtest.history import Books, checked_books
from defi_analytics.backtest.replay import Result, over_books
from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.decision import BUY, SELL, OrderKind, Why
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.agent import Agent, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.facts import maintenance_margin
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.engine.records import Kind
from defi_analytics.engine.terms import Terms
from defi_analytics.engine.trade import Decision
from defi_analytics.engine.views import grid_of, holding_of
from defi_analytics.ports import Strategy
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.gate import Approved
from defi_analytics.risk.limits import RiskLimits, bounded
from defi_analytics.sandbox.world import World
from defi_analytics.strategies.registry import STRATEGIES
from tests.backtest.recorded import EAGER, SEARCH, START, Recording, history_of, recorded
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock

WHYS = {"exit-liquidation": Why.EXIT_REDUCE, "exit-emergency": None}
"""Why an emergency exit was wanted at first, the agent does not say."""
CAPITAL = 1_000
GAS = 0.000048
CALM = RiskLimits(min_profit_threshold=-0.01, cooldown_period_s=0.0)
LIMITS = {
    "default": RiskLimits(),
    "calm": CALM,
    "few": CALM._replace(max_daily_trades=4, cooldown_period_s=10.0),
    "frugal": CALM._replace(max_gas_per_day=5 * GAS, max_orders_per_minute=3),
    "fresh": CALM._replace(max_oracle_age_s=0.5, max_prediction_age_s=400.0),
    "stopped": CALM._replace(max_slippage=0.004, stop_loss=0.0004),
    "banded": CALM._replace(oracle_band=0.003, mid_band=0.002),
    "losing": CALM._replace(max_daily_loss=0.0006, max_soft_drawdown=0.0008),
    "halting": CALM._replace(portfolio_stop_loss=0.0006, stop_loss=0.002),
    "capped": CALM._replace(max_loss=0.6, stop_loss=0.002),
    "filled": CALM._replace(fill_band=0.0004),
    "stuck": CALM._replace(
        max_failed_exits=1, max_slippage=0.0001, exit_width=1.0, stop_loss=0.0004, max_orders_per_minute=1_000
    ),
    "small": CALM._replace(max_trade_size=40.0, max_position_size=39.99),
}


class Order(NamedTuple):
    row: int
    side: int
    ticks: int
    lots: int
    why: Why | None
    code: Denial
    filled: int = 0
    cash: int = 0
    fee: int = 0


@dataclass(slots=True)
class Unguarded(Execution):
    """Sends no stop orders."""

    async def submit(self, orders: Any, cancels: Any = (), decision: str = "") -> Any:
        rests = [one for one in orders if one.request.kind is OrderKind.STOP]
        return None if rests else await Execution.submit(self, orders, cancels, decision)

    def refusal(self, transaction: Any) -> Any:
        return None if transaction is None else Execution.refusal(self, transaction)


class Live:
    """An agent on paper in a recorded world."""

    def __init__(self, recording: Recording, limits: RiskLimits, chosen: Strategy, params: Any) -> None:
        self.recording, self.clock = recording, FakeClock(START)
        self.ledger = Ledger.opened(MemoryJournal(), self.clock)
        start = {"USDT": Decimal(CAPITAL)}
        venue: Any = self
        chain = PaperChain(venue, self.latest, self.clock, self.ledger.books, start)
        terms = Terms(((chosen, params),), limits, gas_per_order=GAS)
        policy = Policy(recording.block_s, on_exit=OnExit.KEEP, settle_s=recording.block_s)
        self.agent = Agent(Unguarded(chain, self.ledger), self.look, terms, policy, self.clock)

    @property
    def row(self) -> int:
        return round(self.clock.elapsed / self.recording.block_s)

    async def latest(self) -> Block:
        return Block(1_000 + self.row, self.clock.now(), "injective-1")

    async def order_book(self, market: Market) -> OrderBook:
        return self.recording.seen[self.row].snapshot.books[market.key]

    async def look(self, backoff: Backoff) -> Seen:
        return self.recording.seen[self.row]

    async def run(self) -> list[Order]:
        """A round in every block; waiting for an order's proof takes it to the next by itself."""
        asked = []
        while self.row < len(self.recording.seen) - 1:
            row = self.row
            asked += [(row, *one) for one in self.asked(await self.agent.cycle())]
            if self.row == row:
                self.clock.elapsed = (row + 1) * self.recording.block_s
        filled = {
            fill["client_order_id"]: fill
            for _, _, body in self.ledger.journal.replay(Kind.FILLS)
            for fill in body["fills"]
        }
        return [self.order(*one, filled.get(one[1].client_order_id)) for one in asked]

    def asked(self, decision: Decision) -> Iterator[tuple[OrderRequest, Why | None, Denial]]:
        said = {one.client_order_id: one.said for one in decision.considered if one.client_order_id}
        for answer in decision.answers:
            passed = isinstance(answer, Approved)
            code = Denial.NONE if passed else answer.code
            for request in (order.request for order in answer.orders) if passed else answer.requests:
                if request.kind is not OrderKind.STOP:
                    word = said[request.client_order_id]
                    why = WHYS[word] if word in WHYS else Why[word.upper().replace("-", "_")]
                    yield request, why, code

    def order(self, row: int, request: OrderRequest, why: Why | None, code: Denial, fill: Any) -> Order:
        side = BUY if request.side is Side.BUY else SELL
        order = Order(row, side, request.ticks, request.lots, why, code)
        if fill is None:
            return order
        unit = request.market.price_tick * request.market.quantity_tick
        quantity, fee = Decimal(fill["quantity"]), Decimal(fill["fee"]) / unit
        cash = Decimal(fill["price"]) * quantity / unit
        # A mean price has eighteen places; cash units are whole.
        assert abs(cash - round(cash)) < Decimal("1e-6")
        assert fee == int(fee)
        return order._replace(filled=request.market.lots(quantity), cash=round(cash), fee=int(fee))


def orders_of(result: Result) -> list[Order]:
    columns = zip(*(getattr(result.orders, name).tolist() for name in Order._fields), strict=True)
    return [Order(*row)._replace(why=Why(row[4]), code=Denial(row[5])) for row in columns]


def eager(params: Any) -> Any:
    """Trades whatever it can, and not for long."""
    gap = {"min_gap": 0.0} if hasattr(params, "min_gap") else {}
    return params._replace(min_z=0.0, min_edge=-0.01, max_holding_s=20.0, **gap)


class Case(NamedTuple):
    strategy: str
    ticker: str
    seed: int
    block_s: float
    blocks: int
    limits: tuple[str, ...]
    fills: int
    """At least so many, over all limits."""
    denials: frozenset[Denial]
    whys: frozenset[Why | None]
    is_eager: bool = True


COMMON = frozenset({
    Denial.COOLDOWN, Denial.DRAWDOWN_SOFT, Denial.HALTED, Denial.PRICE_BAND_MID,
    Denial.RATE_LIMIT, Denial.STALE_ORACLE,
})  # fmt: skip
SHORT = frozenset({Why.ENTRY, Why.EXIT_STOP, Why.EXIT_TIME})
STUCK = SHORT | {None}
"""Also exits at the worst price, after one that nobody took."""
LATER = COMMON | {Denial.DAILY_TRADES, Denial.GAS_BUDGET}
CONVERGED = frozenset({Why.ENTRY, Why.EXIT_CONVERGED})
CASES = [
    Case(
        "convergence", "INJ/USDT PERP", 3, 0.65, 80, ("default",), 2, frozenset(), CONVERGED, is_eager=False
    ),
    Case("prediction", "SOL/USDT", 0, 30.0, 60, ("fresh", "stopped"), 80, frozenset(), SHORT),
    Case("oracle", "INJ/USDT", 76, 5.25, 60, tuple(LIMITS), 70, COMMON, STUCK),
    Case("oracle", "SOL/USDT PERP", 58, 5.25, 95, tuple(LIMITS), 180, LATER, STUCK),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.strategy} {case.ticker} {case.seed}")
def test_every_order_and_every_unit_of_a_replay_is_the_agent_s(case):
    chosen = STRATEGIES[case.strategy]
    params = eager(chosen.params) if case.is_eager else chosen.params
    recording = record_of(case)
    history, fills, denials, whys = history_of(recording), 0, set(), set()
    for name in case.limits:
        live = Live(recording, LIMITS[name], chosen, params)
        orders = asyncio.run(live.run())
        result = replay_of(recording, history, LIMITS[name], chosen, params)
        assert result.compiled
        # In the last block the agent only learns what became of what it sent.
        again = [one for one in orders_of(result) if one.row < live.row]
        unsaid = [order.why is None for order in orders]
        assert len(again) == len(orders), name
        assert [
            one._replace(why=None) if hidden else one for one, hidden in zip(again, unsaid, strict=True)
        ] == orders, name
        held = live.ledger.books.net.get(recording.market.key, Inventory())
        holding = holding_of(held, recording.market)
        for part in ("lots", "cost", "cash", "fees"):
            assert getattr(result.holding, part) == getattr(holding, part), (name, part)
        assert result.trading == live.ledger.risk.trading
        fills += sum(order.filled > 0 for order in orders)
        denials |= {order.code for order in orders}
        whys |= {order.why for order in orders}
    # Not vacuous.
    assert fills >= case.fills
    assert denials >= case.denials
    assert whys >= case.whys


def test_a_replay_that_is_not_told_the_oracle_decides_otherwise():
    case = CASES[-1]
    chosen, recording = STRATEGIES[case.strategy], record_of(case)
    told = history_of(recording)
    bids = told.bid_from, told.bid_ticks, told.bid_lots
    asks = told.ask_from, told.ask_ticks, told.ask_lots
    untold = checked_books(told.time_s, bids, asks, told.signal)
    params, limits = eager(chosen.params), LIMITS["fresh"]
    knowing, guessing = (replay_of(recording, one, limits, chosen, params) for one in (told, untold))
    assert orders_of(knowing) != orders_of(guessing)


def record_of(case: Case) -> Recording:
    world, search = World(case.seed, 0.95, case.block_s), EAGER if case.is_eager else SEARCH
    return recorded(world, case.ticker, STRATEGIES[case.strategy].kind, case.blocks, search)


def replay_of(
    recording: Recording, history: Books, limits: RiskLimits, chosen: Strategy, params: Any
) -> Result:
    market = recording.market
    rules = Rules(grid_of(market), limits, float(CAPITAL), 1.0, maintenance_margin(market), GAS)
    return over_books(chosen, bounded(params, limits, limits.max_trade_size), history, rules)
