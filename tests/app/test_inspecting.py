from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.inspecting import (
    ASKED_AGAIN_ROUNDS,
    ASKED_AGAIN_S,
    COMPARED_ROUNDS,
    Inspection,
    verdict,
)
from defi_analytics.app.starting import reserved_of
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import Sent, Submission
from defi_analytics.engine.agent import Agent
from defi_analytics.errors import AuthError, OrderRejected, Unavailable
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import resume
from tests.engine.trading import HOME, Failing, World, an_agent
from tests.fakes import NOON

HOUR = timedelta(hours=1)


class Inspected:
    """An agent on paper that is inspected, whose grant is the test's to give."""

    def __init__(self, until: timedelta | None = None) -> None:
        self.world = World()
        self.agent: Agent = an_agent(self.world)
        self.have = {"USDT": Decimal(1000)}
        chain: Any = self.agent.execution.chain
        chain.start = self.have
        self.until = None if until is None else self.world.clock.now() + until
        self.answer: datetime | Exception | None = self.until
        self.asked = 0
        self.inspection = Inspection(self.agent, [HOME], self.may_trade, self.until, pays_gas=True)
        self.agent.inspect = self.inspection.round

    async def may_trade(self, markets: Sequence[Market]) -> datetime | None:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def rounds(self, count: int = 1) -> None:
        for _ in range(count):
            await self.agent.cycle()

    @property
    def standing(self) -> tuple[TradingState, Denial, str]:
        risk = self.agent.ledger.risk
        return risk.trading, risk.code, risk.by


def hand(height: int, side: Side, price: str) -> Fill:
    """A trade of the account's owner."""
    one, name = Decimal(1), f"web-{height}"
    return Fill(name, HOME.key, "", f"0x{name}", side, Decimal(price), one, Decimal(0), NOON, height)


class Told:
    """The same chain, whose blocks tell of these fills too."""

    def __init__(self, chain: Any, fills: Sequence[Fill]) -> None:
        self.chain, self.theirs = chain, fills
        self.heard: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.chain, name)

    async def fills(self, markets: Sequence[Market], first: int, last: int) -> Sequence[Fill]:
        self.heard()
        own = await self.chain.fills(markets, first, last)
        return [*own, *(fill for fill in self.theirs if first <= fill.height <= last)]


@pytest.fixture
async def run() -> Inspected:
    run = Inspected()
    await reserved_of(run.agent.ledger, run.agent.execution.chain, [HOME], "USDT")
    return run


async def test_an_account_that_agrees_with_its_journal_goes_on(run: Inspected) -> None:
    await run.rounds(2 * COMPARED_ROUNDS)
    assert run.standing == (TradingState.ACTIVE, Denial.NONE, "")
    assert run.asked == 0


async def test_what_somebody_else_moved_during_a_run_halts_it(
    run: Inspected, caplog: pytest.LogCaptureFixture
) -> None:
    run.have["USDT"] -= 5
    await run.rounds(COMPARED_ROUNDS - 1)
    assert run.standing[0] is TradingState.ACTIVE
    await run.rounds(2)
    assert run.standing == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN, "reconcile")
    assert "first BALANCE USDT: 1000 here, 995 USDT there" in run.agent.ledger.risk.reason
    assert "trading is stopped by reconcile" in caplog.text
    run.world.show(25.0, away=25.3)
    decision = await run.agent.cycle()
    assert not decision.approved


async def test_what_somebody_else_traded_since_the_last_look_halts_nobody(run: Inspected) -> None:
    """There and back again: the quantities do not tell of it, the cash does."""
    fills = [hand(run.world.height + 5, Side.BUY, "25"), hand(run.world.height + 6, Side.SELL, "24")]
    chain = Told(run.agent.execution.chain, fills)
    run.agent.execution.chain = chain
    await run.rounds(COMPARED_ROUNDS - 1)
    # Paper has what its books come to: this is what it has before they hear of the loss.
    run.have["USDT"] -= 1
    chain.heard = lambda: run.have.update(USDT=Decimal(1000))
    await run.rounds(2)
    assert run.standing == (TradingState.ACTIVE, Denial.NONE, "")
    assert run.agent.ledger.books.held["", HOME.key].quantity == 0


async def test_a_difference_does_not_take_the_place_of_the_halt_that_stands(run: Inspected) -> None:
    run.have["USDT"] -= 5
    body = {"code": "HALTED", "reason": "a person", "by": "person"}
    run.agent.ledger.write("risk.halt", body)
    await run.rounds(COMPARED_ROUNDS)
    assert run.standing == (TradingState.HALTED, Denial.HALTED, "person")


async def test_a_venue_that_is_silent_is_compared_with_some_rounds_later(run: Inspected) -> None:
    await run.rounds(COMPARED_ROUNDS - 1)
    run.have["USDT"] -= 5
    chain = run.agent.execution.chain
    twice = [Unavailable("injective", "down")] * 2
    run.agent.execution.chain = Failing(chain, "portfolio", *twice)
    await run.rounds(ASKED_AGAIN_ROUNDS)
    assert run.standing[0] is TradingState.ACTIVE
    await run.rounds()
    assert run.standing[0] is TradingState.HALTED


async def test_an_outage_has_no_round_wait_for_answers_but_some(run: Inspected) -> None:
    """Of the comparison and of the key alike: a silent node may keep each of them for most of a minute."""
    run.inspection.until = run.world.clock.now() + 100 * HOUR
    waited: list[int] = []

    class Silent(Told):
        async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
            waited.append(run.inspection._rounds)
            raise Unavailable("injective", "down")

    up = run.agent.execution.chain
    down: Any = Silent(up, ())
    run.agent.execution.chain = down
    for _ in range(COMPARED_ROUNDS + 3 * ASKED_AGAIN_ROUNDS - 1):
        await run.inspection.round()
    assert sorted(set(waited)) == [COMPARED_ROUNDS + n * ASKED_AGAIN_ROUNDS for n in range(3)]
    run.agent.execution.chain = up
    await run.inspection.round()
    assert run.inspection._rounds == 0, "agreed"
    run.answer = Unavailable("injective", "down")
    run.world.clock.advance(ASKED_AGAIN_S)
    for _ in range(2 * ASKED_AGAIN_ROUNDS):
        await run.inspection.round()
    assert run.asked == 2


async def test_the_key_is_asked_about_every_hour() -> None:
    run = Inspected(100 * HOUR)
    for _ in range(3):
        run.world.clock.advance(ASKED_AGAIN_S)
        await run.rounds(2)
    assert run.asked == 3


async def test_a_grant_that_is_gone_leaves_only_reducing_orders() -> None:
    run = Inspected(100 * HOUR)
    run.answer = AuthError("the account grants this key no trading, or no longer")
    run.world.clock.advance(ASKED_AGAIN_S)
    await run.rounds(2)
    assert run.standing == (TradingState.REDUCING, Denial.REDUCE_ONLY, "grant")
    assert run.agent.ledger.risk.reason == "the account grants this key no trading, or no longer"
    assert run.asked == 1


async def test_a_grant_that_ends_soon_is_warned_of_once_and_then_leaves_only_reducing_orders(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Inspected(25 * HOUR)
    await run.rounds()
    assert "the grant ends" not in caplog.text
    run.world.clock.advance(3600)
    await run.rounds(2)
    assert caplog.text.count("the grant ends at") == 1
    run.world.clock.advance(21 * 3600)
    await run.rounds()
    assert run.standing[0] is TradingState.ACTIVE
    run.world.clock.advance(3600)
    await run.rounds()
    assert run.standing == (TradingState.REDUCING, Denial.REDUCE_ONLY, "grant")
    assert run.agent.ledger.risk.reason.startswith("the grant ends at ")


async def test_a_grant_that_was_given_anew_lets_trading_be_resumed() -> None:
    run = Inspected(HOUR)
    await run.rounds()
    assert run.standing[0] is TradingState.REDUCING
    run.answer = run.world.clock.now() + 100 * HOUR
    record = resume(Denial.REDUCE_ONLY, "person")
    run.agent.ledger.write(record.kind, record.body)
    await run.rounds(2)
    assert run.standing[0] is TradingState.ACTIVE


async def test_orders_that_are_refused_again_and_again_have_the_key_asked_about() -> None:
    run = Inspected(100 * HOUR)
    run.world.show(25.0, away=25.3)
    refusal = OrderRejected("the account's grant to this key has expired")
    run.agent.execution.chain = Failing(run.agent.execution.chain, "sign", *[refusal] * 5)
    run.answer = AuthError("the account grants this key no trading, or no longer")
    await run.rounds(3)
    assert (run.agent.rejected, run.asked) == (3, 0)
    await run.rounds()
    assert run.asked == 1
    assert run.standing[0] is TradingState.REDUCING


async def test_an_order_that_its_node_refuses_counts_as_one_that_was_never_sent() -> None:
    run = Inspected()
    run.world.show(25.0, away=25.3)

    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(chain, name)

        async def broadcast(self, transaction: Any) -> Submission:
            return Submission(Sent.REJECTED, 13, "sdk", "insufficient fee")

    chain = run.agent.execution.chain
    refusing: Any = Refusing()
    run.agent.execution.chain = refusing
    await run.rounds(2)
    assert run.agent.rejected == 2
    assert run.agent.rejected_because.endswith("insufficient fee (sdk 13)")
    run.agent.execution.chain = chain
    await run.rounds()
    assert run.agent.rejected == 0


async def test_an_order_that_is_signed_again_ends_the_count() -> None:
    run = Inspected()
    run.world.show(25.0, away=25.3)
    run.agent.execution.chain = Failing(run.agent.execution.chain, "sign", OrderRejected("no"))
    await run.rounds()
    assert (run.agent.rejected, run.agent.rejected_because) == (1, "no")
    await run.rounds()
    assert run.agent.rejected == 0


PAPER = Account("sandbox", "paper-a")


@pytest.mark.parametrize(
    ("kind", "by", "exit_code"),
    [
        ("risk.halt", "reconcile", 22),
        ("risk.halt", "person", 21),
        ("risk.reduce", "grant", 4),
        ("risk.reduce", "person", 0),
    ],
)
async def test_what_stands_at_the_end_is_told_by_the_exit_code(kind: str, by: str, exit_code: int) -> None:
    agent = an_agent(World())
    agent.ledger.write(kind, {"code": "HALTED", "reason": "this is why", "by": by})
    found = verdict(agent, PAPER)
    assert (found.exit_code if found else 0) == exit_code
    assert found is None or "this is why" in found.message
    lifted = "defi risk resume --ack HALTED --network sandbox --account paper-a"
    assert (exit_code in {21, 4}) == (found is not None and lifted in found.hint)


async def test_orders_that_were_refused_to_the_end_are_told_by_the_exit_code() -> None:
    agent = an_agent(World())
    agent.rejected, agent.rejected_because = 2, "no such market"
    assert verdict(agent, PAPER) is None
    agent.rejected = 3
    found = verdict(agent, PAPER)
    assert found is not None
    assert (found.exit_code, found.message) == (23, "the last 3 orders were refused: no such market")
