"""Exits that come to nothing, and the one that then goes to the worst price that the limits allow."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest, OrderState
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.closing import closing_trades
from defi_analytics.engine.decisions import STARTED, decided_again, terms_told
from defi_analytics.engine.exits import EMERGENCY, failed_exits
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.records import Kind, Signed
from defi_analytics.errors import OrderRejected
from defi_analytics.strategies.registry import STRATEGIES
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, PERP, Failing, World, an_agent, quantity
from tests.fakes import NOON

OUTCOME = {"error_codespace", "error_code", "expiry_height", "closed_height"}
DONE, REJECTED, ABSENT = OrderState.DONE, OrderState.REJECTED, OrderState.ABSENT


def books(*orders: tuple[OrderState, int, dict[str, Any]]) -> Bookkeeping:
    """Market orders to sell ten lots, oldest first, each with how many were filled, and what else there is.

    What is none of the order's request is told of its outcome.
    """
    found = Bookkeeping()
    for number, (state, lots, more) in enumerate(orders):
        came = {name: more[name] for name in OUTCOME & more.keys()}
        told: dict[str, Any] = {"strategy": "oracle", "reduce_only": True, "kind": OrderKind.MARKET} | more
        told = {name: value for name, value in told.items() if name not in OUTCOME}
        request = OrderRequest(str(number), HOME, Side.SELL, ticks=1, lots=10, **told)
        filled = HOME.quantity(lots)
        found.orders[str(number)] = replace(TrackedOrder(request, "T", 0, NOON, state, filled=filled), **came)
    return found


def refused(codespace: str, code: int) -> tuple[OrderState, int, dict[str, Any]]:
    return REJECTED, 0, {"error_codespace": codespace, "error_code": code}


def resting(filled: int, closed_height: int) -> tuple[OrderState, int, dict[str, Any]]:
    """A limit order that is over, good up to block 20."""
    return DONE, filled, {"kind": OrderKind.LIMIT, "expiry_height": 20, "closed_height": closed_height}


ENTRY: dict[str, Any] = {"reduce_only": False}
FAILED = refused("exchange", 25)


@pytest.mark.parametrize(
    ("orders", "count"),
    [
        ((), 0),
        ((FAILED, refused("exchange", 24), (DONE, 0, {})), 3),
        (((DONE, 4, {}), FAILED), 2),
        ((FAILED, (DONE, 5, {}), FAILED), 1),
        ((FAILED, (DONE, 10, ENTRY), FAILED), 1),
        ((FAILED, (REJECTED, 0, ENTRY), FAILED), 2),
        ((FAILED, (OrderState.UNKNOWN, 0, {})), 1),
        ((FAILED, (DONE, 10, {"strategy": "other"})), 1),
        ((FAILED, (DONE, 0, {"kind": OrderKind.STOP})), 1),
        ((FAILED, resting(4, 0)), 2),
        ((FAILED, resting(4, 20)), 2),
        ((FAILED, resting(5, 0), FAILED), 1),
        ((FAILED, resting(4, 19)), 1),
    ],
)
def test_exits_are_counted_back_to_the_last_that_came_off_or_to_the_entry(orders: Any, count: int) -> None:
    assert failed_exits(books(*orders), "oracle", HOME.key) == count
    assert failed_exits(books(*orders), "oracle", PERP.key) == 0


@pytest.mark.parametrize(
    "other",
    [
        (ABSENT, 0, {}),
        refused("", 0),
        refused("local", 0),
        refused("sdk", 11),
        refused("sdk", 24),
        refused("sdk", 32),
        refused("authz", 2),
        refused("exchange", 41),
        refused("exchange", 59),
    ],
)
def test_an_exit_that_failed_by_no_price_makes_none_worse(other: Any) -> None:
    """Gas, a grant, a sequence, a paused market, a transaction that got lost."""
    assert failed_exits(books(other, other, other), "oracle", HOME.key) == 0
    assert failed_exits(books(FAILED, other, FAILED), "oracle", HOME.key) == 2


@pytest.mark.parametrize(
    ("found", "state", "codespace", "code", "count"),
    [
        ({"height": 5, "code": 25, "codespace": "exchange"}, REJECTED, "exchange", 25, 1),
        ({"height": 5, "code": 11, "codespace": "sdk"}, REJECTED, "sdk", 11, 0),
        ({"height": 5, "orders": ({"client_order_id": "1", "error_code": 24},)}, REJECTED, "exchange", 24, 1),
        ({"height": 0, "code": 24, "codespace": "sdk"}, REJECTED, "sdk", 24, 0),
        ({"height": 0}, ABSENT, "", 0, 0),
    ],
)
def test_whose_code_a_refusal_has_decides_what_it_means(
    found: dict[str, Any], state: OrderState, codespace: str, code: int, count: int
) -> None:
    request = OrderRequest(
        "1", HOME, Side.SELL, OrderKind.MARKET, ticks=1, lots=10, strategy="oracle", reduce_only=True
    )
    own = Bookkeeping()
    sent = SignedTransaction("T", b"", "inj1", 1, 30, ("1",), 1, Decimal(0), NOON)
    told = {"code": 0, "codespace": "", "log": "", "orders": (), "reason": "", "tx_hash": "T"}
    for kind, record in ((Kind.SIGNED, Signed(sent, (request,))), (Kind.RESOLVED, told | found)):
        own.apply(kind, msgspec.to_builtins(record, builtin_types=(bytes,)))
    order = own.orders["1"]
    assert (order.state, order.error_codespace, order.error_code) == (state, codespace, code)
    assert failed_exits(own, "oracle", HOME.key) == count


async def bought(agent: Agent, world: World) -> Decimal:
    world.show(25.0, away=25.3)
    await agent.cycle()
    assert quantity(agent, world.home.key) > 0
    return quantity(agent, world.home.key)


def refusing(agent: Agent) -> None:
    """A chain whose simulation lets no exit through."""

    class Refusing(PaperChain):
        async def sign(self, orders: Any, cancels: Any = ()) -> Any:
            if any(order.request.reduce_only for order in orders):
                raise OrderRejected("no offer at the worst price", order_code=25, codespace="exchange")
            return await PaperChain.sign(self, orders, cancels)

    paper: Any = agent.execution.chain
    agent.execution.chain = Refusing(paper.venue, paper.latest, paper.clock, paper.books, paper.start)


async def test_an_exit_that_is_refused_again_and_again_goes_to_the_worst_price_and_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, journal = World(HOME), MemoryJournal()
    agent = an_agent(world, journal)
    agent.tickers = {HOME.key: HOME.ticker}
    journal.append(STARTED, NOON, {"terms": terms_told(agent.terms)})
    agent.ledger.catch_up()
    own, willing = await bought(agent, world), agent.execution.chain
    refusing(agent)
    world.show(25.0)
    said, worst = [], []
    for number in range(5):
        if number == 4:
            agent.execution.chain = willing
        decision = await agent.cycle()
        said += [one.said for one in decision.considered]
        worst += [order.request.ticks for group in decision.approved for order in group.orders]
    assert said == ["exit-converged"] * 3 + [EMERGENCY] * 2
    # Three times the slippage of an entry, off the best bid of 24.997.
    assert worst[2] > worst[3] == worst[4] == 24_248
    assert quantity(agent) == 0 < own
    assert caplog.text.count(f"emergency exit of {HOME.ticker}") == 2
    assert [order.error_code for order in agent.ledger.books.orders.values()] == [0, 25, 25, 25, 25, 0]
    assert all(one.same for one in decided_again(journal, world.clock, STRATEGIES))
    await bought(agent, world)
    world.show(25.0)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["exit-converged"]


async def test_a_stop_that_fails_is_made_to_fit_the_bands_that_would_refuse_it() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent = an_agent(world, journal)
    await bought(agent, world)
    refusing(agent)
    for number in range(4):
        # Half a spread of 3.5 %: three per cent more are too far from the middle.
        wide = number == 3
        world.show(22.0)
        if wide:
            world.books[HOME.key] = ([(21.2, 100.0)], [(22.8, 100.0)])
        world.oracle = 22.0
        decision = await agent.cycle()
        assert [one.said for one in decision.considered] == [EMERGENCY if wide else "exit-stop"]
        assert len(decision.approved) == 1


async def test_exits_that_cost_more_gas_than_is_allowed_are_made_no_worse_by_it() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent = an_agent(world, journal)
    await bought(agent, world)
    dear = OrderRejected("it would need more gas than is allowed", codespace="local")
    agent.execution.chain = Failing(agent.execution.chain, "sign", *[dear] * 3)
    world.show(25.0)
    decisions = [await agent.cycle() for _ in range(4)]
    assert [one.said for each in decisions for one in each.considered] == ["exit-converged"] * 4
    assert quantity(agent) == 0


async def test_a_person_who_closes_is_given_the_same_after_as_many_failures() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent = an_agent(world, journal)
    await bought(agent, world)
    agent.terms = replace(agent.terms, limits=agent.terms.limits._replace(max_failed_exits=1))
    willing = agent.execution.chain
    refusing(agent)
    await agent._ending(closing_trades)
    agent.execution.chain = willing
    await agent._ending(closing_trades)
    ticks = [order.request.ticks for order in agent.ledger.books.orders.values()][1:]
    assert ticks[1] < ticks[0]
    assert quantity(agent) == 0
