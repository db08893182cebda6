"""What is on the book when a run has ended."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest, OrderState
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.agent import Agent, Cycle, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.decisions import STARTED, decided_again, terms_told
from defi_analytics.engine.leaving import Leaving
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.protection import unneeded
from defi_analytics.engine.records import Kind
from defi_analytics.errors import OrderRejected, OutcomeUnknown, Unavailable, WrongState
from defi_analytics.risk.codes import Denial
from defi_analytics.strategies.registry import STRATEGIES
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import PERP, Failing, World, an_agent, quantity


async def test_leaving_keeps_the_stop_of_a_position_that_stays_open_and_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2)
    await agent.run()
    assert quantity(agent, PERP.key) > 0
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    assert "INJ/USDT stays open, and its stop on the book" in caplog.text


@pytest.mark.parametrize("on_exit", [OnExit.CANCEL, OnExit.KEEP])
async def test_what_the_last_round_entered_gets_its_stop_before_the_run_ends(on_exit: OnExit) -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=1, on_exit=on_exit)
    await agent.run()
    held = quantity(agent, PERP.key)
    assert held > 0
    [stop] = agent.ledger.books.live
    assert (stop.request.kind, stop.request.quantity) == (OrderKind.STOP, held)


async def test_what_cannot_be_closed_and_was_just_entered_gets_its_stop_too() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=1, on_exit=OnExit.FLATTEN)
    watch = agent.watch

    def thin(cycle: Cycle) -> None:
        world.books[PERP.key] = ([], world.books[PERP.key][1])
        watch(cycle)

    agent.watch = thin
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.run()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]


async def test_a_signal_right_after_an_entry_leaves_it_guarded_too() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    journal = MemoryJournal()
    agent = an_agent(world, journal)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    agent.watch = lambda cycle: agent.leave.set()
    await agent.run()
    assert quantity(agent, PERP.key) > 0
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    replayed = list(decided_again(journal, world.clock, STRATEGIES))
    assert [one.same for one in replayed] == [True, True]


async def test_what_cannot_be_guarded_keeps_nobody_from_leaving_and_is_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=1)
    look = agent.look

    async def once(backoff: Backoff) -> Seen:
        agent.look = silent
        return await look(backoff)

    async def silent(backoff: Backoff) -> Seen:
        raise Unavailable("binance", "no answer")

    agent.look = once
    await agent.run()
    assert quantity(agent, PERP.key) > 0
    assert "INJ/USDT stays open, without a stop; `defi risk flatten` closes it" in caplog.text


async def closed_with_its_stop_left(world: World) -> Agent:
    """The position was closed by the last thing it did: its stop guards nothing any more."""
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2)
    await agent.cycle()
    await agent.cycle()
    await agent.flatten()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]
    return agent


async def test_leaving_takes_the_stop_of_what_was_closed_off_the_book() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    await agent.finish()
    assert not agent.ledger.books.live


async def test_what_could_open_a_position_again_goes_before_it_is_closed() -> None:
    world, journal = World(PERP), MemoryJournal()
    world.show(25.0, away=25.3)
    agent = an_agent(world, journal, on_exit=OnExit.FLATTEN)
    await agent.cycle()
    await agent.cycle()
    bid = OrderRequest("bid", PERP, Side.BUY, OrderKind.LIMIT, PERP.ticks(Decimal(20)), 1_000, "mine")
    await agent.execution.submit([ApprovedOrder(bid, 40, world.clock.now())])
    before = journal.kinds.count(Kind.SIGNED)
    await agent.finish()
    signed = [body for _, _, body in journal.replay(Kind.SIGNED)][before:]
    done = [(len(body["orders"]), [c["client_order_id"] for c in body["cancels"]]) for body in signed]
    assert done[:2] == [(0, ["bid"]), (1, [])]
    assert not agent.ledger.books.at_risk


async def test_what_cannot_be_closed_keeps_its_stop() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, on_exit=OnExit.FLATTEN)
    await agent.cycle()
    await agent.cycle()
    world.books[PERP.key] = ([], world.books[PERP.key][1])
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.finish()
    assert [o.request.strategy for o in agent.ledger.books.live] == ["stop"]


async def test_an_order_that_stays_on_the_book_is_not_said_to_be_gone() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    chain: Any = agent.execution.chain
    chain._cancelled = type("Deaf", (set,), {"__ior__": lambda self, other: self})()
    with pytest.raises(OutcomeUnknown, match="1 orders are still on the book"):
        await agent.finish()


async def test_an_order_that_went_while_it_was_cancelled_does_not_keep_the_others_on_the_book(
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    agent.execution.chain = Failing(agent.execution.chain, "sign", OrderRejected("order doesnt exist"))
    await agent.finish()
    assert not agent.ledger.books.live
    assert "not cancelled: order doesnt exist" in caplog.text


class TooLate:
    """The same chain, which took what is to be cancelled off the book itself in this very moment."""

    def __init__(self, chain: Any) -> None:
        self.chain, self.asked = chain, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    async def sign(self, orders: Any, cancels: Sequence[Cancel]) -> Any:
        self.asked += 1
        self.chain._cancelled |= {cancel.client_order_id for cancel in cancels}
        raise OrderRejected("order doesnt exist")


async def test_nobody_is_warned_that_what_is_gone_could_not_be_cancelled(
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    chain: Any = TooLate(agent.execution.chain)
    agent.execution.chain = chain
    await agent.finish()
    assert chain.asked == 1
    assert not agent.ledger.books.live
    assert "not cancelled" not in caplog.text


async def test_a_node_that_does_not_answer_at_the_end_is_asked_again() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    agent.execution.chain = Failing(agent.execution.chain, "block", Unavailable("injective", "down"))
    await agent.finish()
    assert not agent.ledger.books.live


async def test_a_run_that_ends_in_doubt_says_so() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    await agent.cycle()
    await agent.cycle()
    down = [Unavailable("injective", "down")] * 60
    agent.execution.chain = Failing(agent.execution.chain, "block", *down)
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await agent.finish()


async def test_where_nothing_was_sent_nobody_is_asked() -> None:
    agent = an_agent(World())
    down = [Unavailable("injective", "down")] * 100
    agent.execution.chain = Failing(agent.execution.chain, "block", *down)
    await Leaving(agent.execution, agent.clock, 0.5).proven()
    assert len(agent.execution.chain.left) == 100


async def test_a_node_that_stays_silent_leaves_doubt_for_so_long_and_no_longer() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    for _ in range(2):
        await agent.cycle()
    assert [order.state for order in agent.ledger.books.live] == [OrderState.OPEN]
    agent.execution.chain = Failing(
        agent.execution.chain, "block", *[Unavailable("injective", "down")] * 1000
    )
    began = world.clock.monotonic()
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await Leaving(agent.execution, agent.clock, 0.5).proven()
    assert world.clock.monotonic() - began == 30.0


async def test_what_is_needed_stays_on_the_book() -> None:
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    for _ in range(2):
        await agent.cycle()
    await Leaving(agent.execution, agent.clock, 0.5).cancelled(lambda: unneeded(agent.ledger.books))
    assert len(agent.ledger.books.live) == 1
    await Leaving(agent.execution, agent.clock, 0.5).cancelled(lambda: agent.ledger.books.live)
    assert not agent.ledger.books.live


async def test_whatever_ends_a_run_its_orders_are_taken_off_the_book_first() -> None:
    def gone(cycle: Cycle) -> None:
        raise BrokenPipeError

    agent = await closed_with_its_stop_left(World(PERP))
    agent.watch = gone
    with pytest.raises(BrokenPipeError):
        await agent.run()
    assert not unneeded(agent.ledger.books)


async def test_a_journal_that_is_busy_for_a_moment_ends_the_run_with_nothing_on_the_book() -> None:
    world = World(PERP)
    agent = await closed_with_its_stop_left(world)
    journal: Any = agent.ledger.journal
    written = journal.append

    def busy(kind: str, *rest: Any) -> None:
        journal.append = written
        raise WrongState("locked")

    journal.append = busy
    with pytest.raises(WrongState, match="locked"):
        await agent.run()
    assert not agent.ledger.books.live


async def test_a_journal_that_stays_full_ends_the_run_though_leaving_fails_too(
    caplog: pytest.LogCaptureFixture,
) -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    journal: Any = agent.ledger.journal
    journal.full = True
    signed = journal.kinds.count("signed")
    with pytest.raises(WrongState, match="disk full"):
        await agent.run()
    assert journal.kinds.count("signed") == signed
    assert "it was not left in order: disk full" in caplog.text


def leaving_at(agent: Agent, name: str) -> None:
    """Told to leave when the chain is asked for this, as by a signal that comes just then."""
    chain: Any = agent.execution.chain
    then = getattr(chain, name)

    async def called(*given: Any) -> Any:
        agent.leave.set()
        return await then(*given)

    agent.execution.chain = Failing(chain, "")
    setattr(agent.execution.chain, name, called)


def tempted(**policy: Any) -> tuple[World, Agent]:
    world = World(PERP)
    world.show(25.0, away=25.3)
    return world, an_agent(world, **policy)


async def test_who_is_told_to_leave_while_it_looks_waits_for_no_answer() -> None:
    _, agent = tempted()

    async def slow(backoff: Backoff) -> Seen:
        agent.leave.set()
        await asyncio.Event().wait()
        raise AssertionError

    agent.look = slow
    await asyncio.wait_for(agent.run(), 5)
    assert (agent.cycles, agent.ledger.books.orders) == (0, {})


async def test_who_is_told_to_leave_once_it_decided_sends_nothing() -> None:
    _, agent = tempted()
    journal: Any = agent.ledger.journal
    written = journal.append

    def told(kind: str, *rest: Any) -> None:
        written(kind, *rest)
        if kind == "decision":
            agent.leave.set()

    journal.append = told
    await agent.run()
    assert "decision" in journal.kinds
    assert "signed" not in journal.kinds


async def test_what_was_sent_when_the_signal_came_is_proven_and_nothing_follows_it_but_its_stop() -> None:
    world, agent = tempted()
    leaving_at(agent, "broadcast")
    began = world.clock.monotonic()
    await agent.run()
    assert agent.ledger.books.settled
    entry, stop = agent.ledger.books.orders.values()
    assert (entry.state, stop.request.kind) == (OrderState.DONE, OrderKind.STOP)
    assert world.clock.monotonic() - began < 5.0


async def test_what_was_sent_and_is_never_proven_is_waited_for_once_and_not_twice() -> None:
    world, agent = tempted()
    leaving_at(agent, "broadcast")

    async def unknown(tx_hash: str) -> None:
        return None

    chain: Any = agent.execution.chain
    chain.find, last = unknown, await chain.block()

    async def standing() -> Block:
        return last

    chain.block = standing
    began = world.clock.monotonic()
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await agent.run()
    assert world.clock.monotonic() - began < 35.0


async def test_who_is_told_to_leave_still_closes_what_it_was_told_to_close() -> None:
    _, agent = tempted(on_exit=OnExit.FLATTEN)
    await agent.cycle()
    assert quantity(agent, PERP.key) > 0
    agent.leave.set()
    await agent.run()
    assert quantity(agent, PERP.key) == 0


async def test_a_node_that_takes_its_time_to_fail_does_not_make_leaving_last_for_minutes() -> None:
    world, agent = tempted()
    for _ in range(2):
        await agent.cycle()

    async def late() -> None:
        world.clock.advance(10)
        raise Unavailable("injective", "no whole answer within 10 s")

    agent.execution.chain = chain = Failing(agent.execution.chain, "")
    chain.block = late
    began = world.clock.monotonic()
    with pytest.raises(OutcomeUnknown, match="not proven yet"):
        await agent.finish()
    assert world.clock.monotonic() - began <= 40.0


async def test_orders_are_taken_back_though_nobody_can_tell_how_much_of_others_was_filled() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    down = [Unavailable("injective", "down")] * 1000
    agent.execution.chain = Failing(agent.execution.chain, "fills", *down)
    with pytest.raises(OutcomeUnknown):
        await agent.finish()
    *_, last = [body for _, _, body in agent.ledger.journal.replay(Kind.SIGNED)]
    assert len(last["cancels"]) == 1


async def test_keeping_takes_nothing_back_whatever_cannot_be_told() -> None:
    agent = await closed_with_its_stop_left(World(PERP))
    agent.policy = replace(agent.policy, on_exit=OnExit.KEEP)
    down = [Unavailable("injective", "down")] * 1000
    agent.execution.chain = Failing(agent.execution.chain, "fills", *down)
    signed = [kind for _, kind, _ in agent.ledger.journal.replay(Kind.SIGNED)]
    with pytest.raises(OutcomeUnknown):
        await agent.finish()
    assert [kind for _, kind, _ in agent.ledger.journal.replay(Kind.SIGNED)] == signed


async def test_a_round_waits_for_proof_for_half_a_minute_and_the_next_one_waits_on() -> None:
    world, agent = tempted()
    agent.execution.chain = chain = Failing(agent.execution.chain, "")
    last = await chain.block()

    async def unknown(tx_hash: str) -> None:
        return None

    async def standing() -> Block:
        return last

    chain.find, chain.block = unknown, standing
    began = world.clock.monotonic()
    await agent.cycle()
    assert 30.0 <= world.clock.monotonic() - began <= 35.0
    decision = await agent.cycle()
    assert [refused.code for refused in decision.refused] == [Denial.UNRESOLVED_ORDER]
    assert len(agent.ledger.books.unresolved) == 1
