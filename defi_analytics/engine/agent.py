"""The loop that trades: look, settle, decide, write down, act; and leave the book as it was told to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from defi_analytics.domain.edge import Edge
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.closing import closing_trades, guarding_trades
from defi_analytics.engine.context import account_of
from defi_analytics.engine.decisions import DECIDED, headed, told_of
from defi_analytics.engine.doubt import Doubt
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.exits import EMERGENCY
from defi_analytics.engine.facts import at_stake
from defi_analytics.engine.flattening import Flattening
from defi_analytics.engine.leaving import SETTLE_ROUNDS, Leaving
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.listed import Listed
from defi_analytics.engine.packing import Packer
from defi_analytics.engine.policy import Policy
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.engine.trade import Decision, Purpose, decide_trades
from defi_analytics.engine.waiting import Interrupted, unless
from defi_analytics.engine.worth import Worth
from defi_analytics.errors import DataError, DefiError, OrderRejected, OutcomeUnknown, Unavailable
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.ports import Clock
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import halt

LOG = logging.getLogger("defi.run")


class Seen(NamedTuple):
    """One look at the markets, and what it was judged by."""

    snapshot: Snapshot
    scope: Scope
    limits: Limits
    edges: Sequence[Edge]
    markets: Sequence[Market]
    """Those to trade."""


class Cycle(NamedTuple):
    """What one round did, for whoever watches."""

    number: int
    decision: Decision | None
    """None when the markets could not be read."""
    took_s: float
    error: str = ""
    unreachable: bool = False
    """Whether that was because nobody answered."""


async def _nothing() -> None:
    return None


@dataclass(slots=True)
class Agent:
    """One account's agent. `look` reads the markets."""

    execution: Execution
    look: Callable[[Backoff], Awaitable[Seen]]
    terms: Terms
    policy: Policy
    clock: Clock
    inspect: Callable[[], Awaitable[None]] = _nothing
    """Before each decision; it may stop trading."""
    watch: Callable[[Cycle], None] = lambda cycle: None
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the run after what is under way."""
    backoff: Backoff = field(default_factory=Backoff)
    valued: bool = True
    """Whether its worth can be compared with what it was before; what cannot is not written down."""
    cycles: int = 0
    tickers: Mapping[MarketKey, str] = field(default_factory=dict)
    """What people call the markets that may be traded."""
    seen: Seen | None = None
    """The last look at the markets."""
    listed: Listed = field(default_factory=Listed)
    _doubt: Doubt = field(default_factory=Doubt)
    _packer: Packer = field(default_factory=Packer)
    _worth: Worth = field(default_factory=Worth)
    rejected: int = 0
    """Transactions in a row of which nothing came about."""
    rejected_because: str = ""
    rejected_in: str = ""
    """The decision that the last of them came from."""
    _started_s: float = 0.0

    @property
    def ledger(self) -> Ledger:
        return self.execution.ledger

    async def run(self) -> None:
        """Until the policy or `leave` ends it. Raises WrongState when the journal cannot be written.

        Whatever else ends it, the book is left in order before that is told, as far as it can be.
        """
        self._started_s = self.clock.monotonic()
        try:
            while not self._over():
                await self._round()
                if not self._over():
                    await self._pause()
        except Exception:
            await self._finish_anyway()
            raise
        await self.finish()

    async def _finish_anyway(self) -> None:
        try:
            await self.finish()
        except DefiError as error:
            LOG.error("it was not left in order: %s", error)  # noqa: TRY400 - the other error is to be seen

    async def _round(self) -> None:
        began = self.clock.monotonic()
        decision, said, unreachable = None, "", False
        try:
            decision = await self.cycle()
            self.backoff.succeeded("cycle")
        except Interrupted:
            return
        except DataError as error:
            said, unreachable = str(error), isinstance(error, Unavailable)
            wait_s = self.backoff.failed("cycle", self.clock.monotonic())
            LOG.warning("%s; next try in %.0f s", error, wait_s)
        self.cycles += 1
        self.watch(Cycle(self.cycles, decision, self.clock.monotonic() - began, said, unreachable))

    async def cycle(self) -> Decision:
        """One round. Raises DataError where something that a decision needs could not be read.

        Raises Interrupted where the run is to end before anything is decided.
        """
        self.obey()
        await self.execution.counting.tried(await self.execution.resolve())
        await self.inspect()
        decision, trading = await unless(self.leave, self._decided())
        await self._act(decision, trading)
        return decision

    async def value(self) -> None:
        """Writes down what the account is worth now."""
        await self._known(trusting=True)

    async def plan(self) -> Decision:
        """What would be done now; nothing is sent."""
        return (await self._decided())[0]

    async def _decided(self) -> tuple[Decision, TradingState]:
        """What to do now, and the trading state it was decided in."""
        known, seen = await self._known()
        return self._written(decide_trades(known, seen.markets, self.terms), known, seen), known.risk.trading

    async def _known(self, *, trusting: bool = False) -> tuple[Known, Seen]:
        """A look at the markets and at the account, which is valued by it; `trusting`: unexplained too."""
        self.seen = seen = await self.look(self.backoff)
        every = self.execution.counting.every(seen.markets)
        whole = await self.execution.chain.portfolio(every)
        if not trusting:
            await self._doubt.believed(self.execution.counting, whole, every)
        own = self._worth.own_of(self.execution, whole, seen.markets)
        portfolio = at_stake(own, seen.markets, self.terms.currency)
        skew_s = (self.clock.now() - whole.at).total_seconds()
        self._observe(seen, portfolio, skew_s)
        self.listed.see(seen.markets, self.ledger.books.markets)
        return Known(seen.snapshot, seen.edges, self.ledger.books, portfolio, self.ledger.risk, skew_s), seen

    def _written(self, decision: Decision, known: Known, seen: Seen) -> Decision:
        whole = told_of(known, seen.scope, seen.limits, decision, self.terms)
        # Others may append between the two: it was made from so many records, wherever it comes to stand.
        made_after = {"after": self.ledger.read}
        # What is to be sent waits for this.
        packed = self._packer.packed(whole, whole=bool(decision.approved))
        try:
            self.ledger.write(DECIDED, headed(decision) | made_after | packed)
        except DefiError:
            self._packer.forget()
            raise
        return decision

    def _observe(self, seen: Seen, portfolio: Portfolio, skew_s: float) -> None:
        """What the account is worth now, if it is known when now is; and the halt that may follow."""
        if not self.valued:
            self.obey()
            return
        books, risk = self.ledger.books, self.ledger.risk
        account = account_of(self.terms, portfolio, seen.snapshot, seen.markets, books, risk)
        self._worth.observe(self.ledger, account, self.terms.limits, self.clock.now(), skew_s)
        self.obey()

    def obey(self) -> None:
        """Takes in what others wrote, and makes a person's file a halt that outlasts it."""
        self.ledger.catch_up()
        reason = self.execution.stopped()
        if reason and self.ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.HALTED, reason, "person")
            self.ledger.write(record.kind, record.body)

    def _told_otherwise(self, decision: Decision, trading: TradingState) -> bool:
        """Whether anybody stopped, or resumed, since; what was decided while halted can only end losses."""
        self.ledger.catch_up()
        if self.ledger.risk.trading is not trading:
            return True
        ends_losses = decision.purpose is not Purpose.TRADE or trading is TradingState.HALTED
        return bool(self.execution.stopped()) and not ends_losses

    async def _act(self, decision: Decision, trading: TradingState) -> None:
        """Groups one after the other, each proven before the next; none once `trading` is not what it was."""
        for insistent in (one for one in decision.considered if one.said == EMERGENCY):
            ticker = self.tickers.get(insistent.market, insistent.market.market_id)
            LOG.error("emergency exit of %s: its exits failed; now at the worst price allowed", ticker)
        for orders, cancels in decision.groups:
            if self._leaves(decision) or (orders and self._told_otherwise(decision, trading)):
                return
            if decision.outlived(orders, self.clock.now(), self.terms.limits.max_book_age_s):
                continue
            try:
                sent = await self.execution.submit(orders, cancels, decision.id)
                await self._settled(decision)
                if refusal := self.execution.refusal(sent):
                    raise refusal
                self.rejected = 0
            except OrderRejected as error:
                LOG.warning("refused: %s", error)
                self.rejected, self.rejected_because = self.rejected + 1, error.message
                self.rejected_in = decision.id
            except OutcomeUnknown as error:
                LOG.warning("%s", error)
                return

    def _leaves(self, decision: Decision) -> bool:
        return self.leave.is_set() and decision.purpose is Purpose.TRADE

    async def _settled(self, decision: Decision) -> None:
        """Waits until what was just sent is proven, for at most a few blocks; what comes next waits on."""
        for _ in range(SETTLE_ROUNDS):
            if self._leaves(decision):
                self.execution.enter_nothing_more()
            read = await self.execution.counting.tried(await self.execution.resolve())
            if self.ledger.books.settled or not read or self._leaves(decision):
                return
            await self.clock.sleep(self.policy.settle_s)

    def _over(self) -> bool:
        if self.leave.is_set() or (self.policy.cycles is not None and self.cycles >= self.policy.cycles):
            return True
        ran_s = self.clock.monotonic() - self._started_s
        return self.policy.duration_s is not None and ran_s >= self.policy.duration_s

    async def _pause(self) -> None:
        now = self.clock.monotonic()
        rest_s = self.backoff.wait_s("cycle", now, guarding=bool(self.ledger.books.at_risk))
        wait_s = max(self.policy.interval_s, rest_s)
        if self.policy.duration_s is not None:
            wait_s = min(wait_s, self.policy.duration_s - (now - self._started_s))
        with suppress(Interrupted):
            await unless(self.leave, self.clock.sleep(max(0.0, wait_s)))

    async def finish(self) -> None:
        """Leaves as the policy says, and verifies it on the venue. Raises OutcomeUnknown."""
        leaving = Leaving(self.execution, self.clock, self.policy.settle_s)
        await leaving.left(self.policy.on_exit, self.flatten, self.guard)

    async def guard(self) -> None:
        """Sends the stops that what is held lacks, and nothing else. Raises DataError, OutcomeUnknown."""
        await self._ending(guarding_trades)

    async def flatten(self) -> None:
        """Closes what the strategies hold, at the market, through the same gate. Raises OutcomeUnknown."""
        close, pause_s = partial(self._ending, closing_trades), self.policy.settle_s
        await Flattening(close, self.execution, self.clock, pause_s, self.listed).done()

    async def _ending(self, make: Callable[[Known, Sequence[Market], Terms], Decision]) -> Decision:
        await self.execution.counting.tried(await self.execution.resolve())
        markets = self.execution.counting.every()
        try:
            # What another client closed meanwhile cannot be closed again. What explains nothing stops nobody.
            await self.execution.counting.explained(await self.execution.chain.portfolio(markets), markets)
        except DataError as error:
            LOG.warning("%s%s", error, f"; {error.hint}" if error.hint else "")
        known, seen = await self._known(trusting=True)
        decision = self._written(make(known, seen.markets, self.terms), known, seen)
        await self._act(decision, known.risk.trading)
        return decision
