import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, OrderRequest, OrderState
from defi_analytics.domain.transaction import Sent, Submission
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.trade import Decision
from defi_analytics.errors import OutcomeUnknown, Unavailable, WrongState
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.gate import Approved
from defi_analytics.risk.losses import day_loss
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import CALM, HOME, PERP, World, an_agent, quantity


async def test_a_gap_is_bought_and_sold_again_once_it_has_closed() -> None:
    world = World()
    agent = an_agent(world)
    await agent.cycle()
    assert quantity(agent) == 0
    world.show(25.0, away=25.3)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["entry"]
    bought = quantity(agent)
    assert bought > 0
    world.show(25.3)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["exit-converged"]
    assert quantity(agent) == 0
    [held] = agent.ledger.books.net.values()
    assert held.realised > held.fees > 0


class Slow:
    """The same chain, which takes its time to take a transaction."""

    def __init__(self, chain: Any, world: World, takes_s: float) -> None:
        self.chain, self.world, self.takes_s = chain, world, takes_s

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    async def broadcast(self, transaction: Any) -> Any:
        self.world.clock.advance(self.takes_s)
        return await self.chain.broadcast(transaction)


@pytest.mark.parametrize(("takes_s", "sent"), [(4.0, ["a", "b", "out"]), (20.0, ["a", "out"])])
async def test_what_would_enter_by_old_books_stays_while_what_ends_something_goes(
    takes_s: float, sent: list[str]
) -> None:
    """Each group waits for the proof of the one before it."""
    world = World()
    agent = an_agent(world)
    agent.execution.chain = Slow(agent.execution.chain, world, takes_s)
    now = world.clock.now()
    bids = [OrderRequest(name, HOME, Side.BUY, OrderKind.LIMIT, 20_000, 1_000, "mine") for name in ("a", "b")]
    out = OrderRequest("out", HOME, Side.SELL, OrderKind.LIMIT, 30_000, 1_000, "mine", reduce_only=True)
    groups = tuple(Approved((ApprovedOrder(request, 40, now),)) for request in (*bids, out))
    await agent._act(Decision("d", now, (), groups, (HOME.key,)), TradingState.ACTIVE)
    assert list(agent.ledger.books.orders) == sent


class Mute:
    """No broadcast is answered, and nothing of it is found."""

    def __init__(self, agent: Agent) -> None:
        self.agent, self.chain = agent, agent.execution.chain
        self.sent_before, self.sent_after = 0, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    async def broadcast(self, transaction: Any) -> Submission:
        self.sent_after += self.agent.leave.is_set()
        self.sent_before += not self.agent.leave.is_set()
        return Submission(Sent.UNKNOWN)

    async def find(self, tx_hash: str) -> None:
        return None


async def test_who_is_told_to_leave_sends_no_entry_again(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    agent.execution.chain = chain = Mute(agent)  # type: ignore[assignment]  # all of it, by another
    sleep = world.clock.sleep

    async def slept(seconds: float) -> None:
        if chain.sent_before > 1:
            agent.leave.set()
        await sleep(seconds)

    monkeypatch.setattr(world.clock, "sleep", slept)
    with suppress(OutcomeUnknown):
        await agent.run()
    assert chain.sent_before == 2, "it is sent again while it is wanted"
    assert chain.sent_after == 0


async def test_a_perpetual_is_sold_short_where_it_is_dear() -> None:
    world = World(PERP)
    agent = an_agent(world)
    world.show(25.4, away=25.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) < 0
    world.show(25.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) == 0


async def test_a_perpetual_position_gets_one_protective_stop_on_the_chain() -> None:
    world = World(PERP)
    agent = an_agent(world)
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    stops = [o for o in agent.ledger.books.live if o.request.strategy == "stop"]
    assert len(stops) == 1
    assert stops[0].state is OrderState.OPEN
    assert stops[0].request.trigger_price == pytest.approx(Decimal("23.75"), abs=Decimal("0.1"))


async def test_a_cooldown_keeps_from_entering_again_even_after_a_restart() -> None:
    world, journal = World(), MemoryJournal()
    limits: Any = an_agent(world).terms.limits._replace(cooldown_period_s=300.0)
    agent = an_agent(world, journal, limits=limits)
    world.show(25.0, away=25.3)
    await agent.cycle()
    world.show(25.3)
    await agent.cycle()
    world.clock.advance(60)
    world.show(25.0, away=25.3)
    again = an_agent(world, journal, limits=limits)
    decision = await again.cycle()
    assert [refused.code for refused in decision.refused] == [Denial.COOLDOWN]
    world.clock.advance(300)
    world.show(25.0, away=25.3)
    assert (await again.cycle()).approved


async def test_a_loss_beyond_the_hard_drawdown_halts_and_stays_halted() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    world.show(25.0, away=25.3)
    await agent.cycle()
    world.oracle = 6.0
    world.show(6.0)
    for again in range(20):
        agent = an_agent(world, journal)
        decision = await agent.cycle()
        assert agent.ledger.risk.trading is TradingState.HALTED
        assert bool(decision.approved) is (again == 0), "the stop-loss alone, and once"
    assert not quantity(agent)
    assert agent.ledger.risk.code is Denial.DRAWDOWN_HARD


@pytest.mark.parametrize("home", [HOME, PERP], ids=["spot", "perpetual"])
@pytest.mark.parametrize("told", ["", "the file STOP is there"])
async def test_a_halt_strands_nobody_the_stop_loss_still_goes_out(home: Market, told: str) -> None:
    world = World(home)
    said: list[str] = []
    agent = an_agent(world, stopped=lambda: "".join(said))
    world.show(25.0, away=25.3)
    await agent.cycle()
    said += [told] if told else []
    if not told:
        agent.ledger.write("risk.equity", {})
    world.show(24.9, away=25.3)
    decision = await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert [one.request.kind for group in decision.approved for one in group.orders] == (
        [OrderKind.STOP] if home is PERP else []
    )
    world.show(22.0, away=22.0)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["exit-stop"]
    assert not quantity(agent, home.key)
    world.show(22.0, away=25.0)
    decision = await agent.cycle()
    assert [refused.code for refused in decision.refused] == [Denial.HALTED]


async def test_a_clock_that_jumps_a_day_begins_no_new_one() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal, limits=CALM._replace(max_daily_loss=0.02, stop_loss=0.9))
    world.show(25.0, away=25.3)
    await agent.cycle()
    world.oracle = 18.5
    world.show(18.5)
    await agent.cycle()
    before = agent.ledger.risk
    assert day_loss(before) > 0.02
    world.fast = timedelta(days=1)
    world.clock.advance(86_400)
    decision = await agent.cycle()
    assert not decision.approved
    agent.ledger.write("risk.gas", {"inj": 0.0})
    agent.ledger.write("risk.exit", {"market": "m"})
    again = an_agent(world, journal).ledger.risk
    assert (again.day, again.day_start_equity) == (before.day, before.day_start_equity)
    assert journal.kinds.count("risk.equity") == 2
    world.fast = timedelta(0)
    await agent.cycle()
    assert agent.ledger.risk.day > before.day


async def test_a_stop_file_halts_before_anything_is_sent() -> None:
    world = World()
    world.show(25.0, away=25.3)
    agent = an_agent(world, stopped=lambda: "the file STOP is there")
    decision = await agent.cycle()
    assert [refused.code for refused in decision.refused] == [Denial.HALTED]
    assert agent.ledger.risk.reason == "the file STOP is there"
    assert not agent.ledger.books.orders


async def test_a_stop_between_the_decision_and_the_order_still_stops_it() -> None:
    world = World()
    world.show(25.0, away=25.3)
    asked = iter(["", "", "stopped now"])
    agent = an_agent(world, stopped=lambda: next(asked))
    decision = await agent.cycle()
    assert decision.approved
    assert not agent.ledger.books.orders


async def test_a_disk_that_is_full_ends_the_run_before_anything_is_sent() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    world.show(25.0, away=25.3)
    journal.full = True
    with pytest.raises(WrongState):
        await agent.run()
    assert not agent.ledger.books.orders


async def test_a_market_that_cannot_be_read_is_left_alone_longer_each_time() -> None:
    world, cycles = World(), list[Cycle]()
    world.failure = Unavailable("injective", "no answer")
    await an_agent(world, cycles=4, watch=cycles.append).run()
    assert world.clock.slept[:3] == [10.0, 10.0, 20.0]
    assert [cycle.error for cycle in cycles] == ["injective: no answer"] * 4


async def test_who_holds_something_looks_again_soon_however_often_it_failed() -> None:
    world = World()
    agent = an_agent(world, cycles=9)
    world.show(25.0, away=25.3)
    await agent.cycle()
    assert agent.ledger.books.at_risk == {HOME.key}
    world.failure, world.clock.slept = Unavailable("injective", "no answer"), []
    agent.policy = replace(agent.policy, on_exit=OnExit.KEEP)
    await agent.run()
    assert world.clock.slept == [10.0, 10.0, *[15.0] * 6]


async def test_a_run_ends_after_its_cycles_or_its_time() -> None:
    world = World()
    agent = an_agent(world, cycles=3)
    await agent.run()
    assert agent.cycles == 3
    agent = an_agent(world, duration_s=25.0)
    await agent.run()
    assert agent.cycles == 3


async def test_a_run_that_is_told_to_leave_does_so_without_waiting_for_the_next_round() -> None:
    world, pausing = World(), asyncio.Event()
    agent = an_agent(world)

    async def never(seconds: float) -> None:
        pausing.set()
        await asyncio.Event().wait()

    world.clock.sleep = never  # type: ignore[method-assign]  # a pause that only the signal can end
    running = asyncio.ensure_future(agent.run())
    await pausing.wait()
    agent.leave.set()
    await asyncio.wait_for(running, 5)
    assert agent.cycles == 1


async def test_flattening_at_the_end_leaves_nothing_held_and_nothing_resting() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2, on_exit=OnExit.FLATTEN)
    await agent.run()
    assert quantity(agent, PERP.key) == 0
    assert not agent.ledger.books.live


async def test_what_cannot_be_closed_is_said() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=1)
    await agent.cycle()
    world.books[PERP.key] = ([], world.books[PERP.key][1])
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.flatten()


async def test_keeping_at_the_end_leaves_the_stop_where_it_is() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2, on_exit=OnExit.KEEP)
    await agent.run()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]


class _HaltedBetween:
    """A watcher of the journal that halts as another process would, once the first order is written."""

    def __init__(self, journal: MemoryJournal, world: World) -> None:
        self.journal, self.world, self.append = journal, world, journal.append

    def __call__(self, kind: str, *rest: Any) -> None:
        self.append(kind, *rest)
        if kind == "decision":
            body = {"code": "HALTED", "reason": "told to", "by": "a person"}
            self.append("risk.halt", self.world.clock.now(), body)


async def test_a_halt_by_another_process_is_seen_right_before_an_order_would_be_signed() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    world.show(25.0, away=25.3)
    journal.append = _HaltedBetween(journal, world)  # type: ignore[method-assign]  # another process
    decision = await agent.cycle()
    assert decision.approved
    assert "signed" not in journal.kinds


async def test_a_resume_by_another_process_lets_the_next_round_trade() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    other = Ledger.opened(journal, world.clock)
    world.show(25.0, away=25.3)
    other.write("risk.halt", {"code": "HALTED", "reason": "told to", "by": "a person"})
    await agent.cycle()
    assert "signed" not in journal.kinds
    other.catch_up()
    other.write("risk.resume", {"ack": "HALTED", "by": "a person", "rebase": 0})
    await agent.cycle()
    assert "signed" in journal.kinds


async def test_a_halted_account_is_flattened_when_a_person_asks_though_the_file_is_there() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    told: list[str] = []
    agent = an_agent(world, stopped=lambda: "".join(told))
    await agent.cycle()
    assert quantity(agent, PERP.key) > 0
    told.append("the file STOP is there")
    await agent.flatten()
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert quantity(agent, PERP.key) == 0
