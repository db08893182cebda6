"""The loop that trades: look, settle, decide, write down, act; and leave the book as it was told to."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Edge
from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import ApprovedOrder, Cancel
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.decisions import DECIDED, packed
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.facts import at_stake, marks_of
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.trade import Decision, Known, Terms, closing_trades, decide_trades
from defi_analytics.errors import DataError, OrderRejected, OutcomeUnknown
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.ports import Clock
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Account, equity
from defi_analytics.risk.halting import halt, observed

LOG = logging.getLogger("defi.run")
_CANCEL_ROUNDS = 5
_SETTLE_ROUNDS = 60
"""Rounds of waiting at the end for what was sent to be proven."""


class OnExit(StrEnum):
    CANCEL = "cancel"
    KEEP = "keep"
    FLATTEN = "flatten"


class Seen(NamedTuple):
    """One look at the markets, and what it was judged by."""

    snapshot: Snapshot
    scope: Scope
    limits: Limits
    edges: Sequence[Edge]
    markets: Sequence[Market]
    """Those to trade."""


@dataclass(frozen=True, slots=True)
class Policy:
    interval_s: float
    cycles: int | None = None
    duration_s: float | None = None
    on_exit: OnExit = OnExit.CANCEL
    settle_s: float = 0.5
    """Between two looks at what became of an order."""


class Cycle(NamedTuple):
    """What one round did, for whoever watches."""

    number: int
    decision: Decision | None
    """None when the markets could not be read."""
    took_s: float
    error: str = ""


@dataclass(slots=True)
class Agent:
    """One account's agent. `look` reads the markets, `stopped` tells why not to trade at all (or nothing)."""

    execution: Execution
    look: Callable[[Backoff], Awaitable[Seen]]
    terms: Terms
    policy: Policy
    clock: Clock
    stopped: Callable[[], str] = str
    watch: Callable[[Cycle], None] = lambda cycle: None
    leave: asyncio.Event = field(default_factory=asyncio.Event)
    """Set it to end the run after what is under way."""
    backoff: Backoff = field(default_factory=Backoff)
    cycles: int = 0
    tickers: Mapping[MarketKey, str] = field(default_factory=dict)
    """What people call the markets that may be traded."""
    _started_s: float = 0.0

    @property
    def ledger(self) -> Ledger:
        return self.execution.ledger

    async def run(self) -> None:
        """Until the policy or `leave` ends it. Raises WrongState when the journal cannot be written."""
        self._started_s = self.clock.monotonic()
        while not self._over():
            await self._round()
            if not self._over():
                await self._pause()
        await self.finish()

    async def _round(self) -> None:
        began = self.clock.monotonic()
        decision, said = None, ""
        try:
            decision = await self.cycle()
            self.backoff.succeeded("cycle")
        except DataError as error:
            said = str(error)
            wait_s = self.backoff.failed("cycle", self.clock.monotonic())
            LOG.warning("%s; next try in %.0f s", error, wait_s)
        self.cycles += 1
        self.watch(Cycle(self.cycles, decision, self.clock.monotonic() - began, said))

    async def cycle(self) -> Decision:
        """One round. Raises DataError where something that a decision needs could not be read."""
        self._obey()
        await self.execution.prove()
        decision, trading = await self._decided()
        await self._act(decision, trading)
        return decision

    async def value(self) -> None:
        """Writes down what the account is worth now."""
        await self._known()

    async def plan(self) -> Decision:
        """What would be done now; nothing is sent."""
        decision, _ = await self._decided()
        return decision

    async def _decided(self) -> tuple[Decision, TradingState]:
        """What to do now, and the trading state it was decided in."""
        known, seen = await self._known()
        decision = self._written(decide_trades(known, seen.markets, self.terms), known, seen)
        return decision, known.risk.trading

    async def _known(self) -> tuple[Known, Seen]:
        """A look at the markets and at the account, which is valued by it."""
        seen = await self.look(self.backoff)
        whole = await self.execution.chain.portfolio(seen.markets)
        await self.execution.reconcile(whole, seen.markets)
        portfolio = at_stake(whole, seen.markets, self.terms.currency)
        skew_s = (self.clock.now() - whole.at).total_seconds()
        self._observe(seen, portfolio, skew_s)
        books, risk = self.ledger.books, self.ledger.risk
        return Known(seen.snapshot, seen.edges, books, portfolio, risk, skew_s), seen

    def _written(self, decision: Decision, known: Known, seen: Seen) -> Decision:
        # Others may append between the two: it was made from so many records, wherever it comes to stand.
        made_after = {"after": self.ledger.read}
        self.ledger.write(DECIDED, packed(known, seen.scope, seen.limits, decision) | made_after)
        return decision

    def _observe(self, seen: Seen, portfolio: Portfolio, skew_s: float) -> None:
        """What the account is worth now, if it is known when now is; and the halt that may follow."""
        marks = marks_of(seen.snapshot, seen.markets, self.terms.currency)
        worth = equity(Account(portfolio, {m.key: m for m in seen.markets}, marks, self.terms.reserved))
        for record in observed(self.ledger.risk, self.clock.now(), worth, self.terms.limits, skew_s):
            self.ledger.write(record.kind, record.body)
        self._obey()

    def _obey(self) -> None:
        """Takes in what others wrote, and makes a person's file a halt that outlasts it."""
        self.ledger.catch_up()
        reason = self.stopped()
        if reason and self.ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.HALTED, reason, "person")
            self.ledger.write(record.kind, record.body)

    def _told_otherwise(self, decision: Decision, trading: TradingState) -> bool:
        """Whether anybody stopped, or resumed, since; what was decided while halted can only end losses."""
        self.ledger.catch_up()
        if self.ledger.risk.trading is not trading:
            return True
        return bool(self.stopped()) and not (decision.closing or trading is TradingState.HALTED)

    async def _act(self, decision: Decision, trading: TradingState) -> None:
        """Groups one after the other, each proven before the next is signed.

        `trading` is the state it was decided in: once that has changed, nothing more of it is sent.
        """
        groups: list[tuple[Sequence[ApprovedOrder], Sequence[Cancel]]] = [
            (approved.orders, ()) for approved in decision.approved
        ]
        if decision.cancels:
            groups.insert(0, ((), decision.cancels))
        for orders, cancels in groups:
            if orders and self._told_otherwise(decision, trading):
                return
            try:
                await self.execution.submit(orders, cancels, decision.id)
                await self._settled()
            except OrderRejected as error:
                LOG.warning("refused before it was sent: %s", error)
            except OutcomeUnknown as error:
                LOG.warning("%s", error)
                return

    async def _settled(self) -> None:
        """Waits until what was just sent is proven, for at most a few blocks; the next cycle waits on."""
        for _ in range(_SETTLE_ROUNDS):
            await self.execution.prove()
            if self.ledger.books.settled:
                return
            await self.clock.sleep(self.policy.settle_s)

    def _over(self) -> bool:
        if self.leave.is_set() or (self.policy.cycles is not None and self.cycles >= self.policy.cycles):
            return True
        ran_s = self.clock.monotonic() - self._started_s
        return self.policy.duration_s is not None and ran_s >= self.policy.duration_s

    async def _pause(self) -> None:
        """Until the next round is due, or the run is to end."""
        now = self.clock.monotonic()
        rest_s = self.backoff.wait_s("cycle", now, guarding=self.ledger.books.guarding)
        wait_s = max(self.policy.interval_s, rest_s)
        if self.policy.duration_s is not None:
            wait_s = min(wait_s, self.policy.duration_s - (now - self._started_s))
        ends = self.clock.sleep(max(0.0, wait_s)), self.leave.wait()
        _, pending = await asyncio.wait(map(asyncio.ensure_future, ends), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)

    async def finish(self) -> None:
        """Leaves as the policy says, and verifies it on the venue.

        Raises OutcomeUnknown when what was sent could not be proven in time, or an order stayed on the book.
        """
        await self._proven()
        if self.policy.on_exit is OnExit.KEEP:
            return
        if self.policy.on_exit is OnExit.FLATTEN:
            await self.flatten()
        await self.cancel_all()

    async def _proven(self) -> None:
        """Until nothing is in doubt, though a node may not answer now and then.

        Raises OutcomeUnknown when that takes too long.
        """
        if not (self.ledger.books.unresolved or self.ledger.books.live):
            return
        for _ in range(_SETTLE_ROUNDS):
            try:
                await self.execution.settle()
            except DataError as error:
                LOG.warning("%s", error)
            else:
                if self.ledger.books.settled:
                    return
            await self.clock.sleep(self.policy.settle_s)
        raise OutcomeUnknown("what was sent is not proven yet", hint="see: defi reconcile")

    async def cancel_all(self) -> None:
        """Takes every order of ours off the book. Raises OutcomeUnknown when one is still there."""
        for _ in range(_CANCEL_ROUNDS):
            resting = self._resting()
            if not resting:
                return
            await self._cancel(resting)
        if left := self._resting():
            raise OutcomeUnknown(
                f"{len(left)} orders are still on the book",
                hint="they expire by themselves; see: defi orders",
            )

    def _resting(self) -> list[TrackedOrder]:
        return [order for order in self.ledger.books.live if order.request.kind is not OrderKind.MARKET]

    async def _cancel(self, resting: Sequence[TrackedOrder]) -> None:
        """Once; the books tell what is still there."""
        cancels = [
            Cancel(o.request.market.key, o.request.market, o.request.client_order_id, o.order_hash)
            for o in resting
        ]
        try:
            await self.execution.submit([], cancels)
        except (OrderRejected, DataError) as error:
            # One that was filled or expired in this very moment makes the chain refuse all of them.
            LOG.warning("not cancelled: %s", error)
            await self.clock.sleep(self.policy.settle_s)
        await self._proven()

    async def flatten(self) -> None:
        """Closes what the strategies hold, at the market, through the same gate.

        Raises OutcomeUnknown when something stays open: the journal says why it was refused.
        """
        known, seen = await self._known()
        decision = self._written(closing_trades(known, seen.markets, self.terms), known, seen)
        await self._act(decision, known.risk.trading)
        left = [key for key, held in self.ledger.books.net.items() if held.quantity]
        if left:
            raise OutcomeUnknown(f"{len(left)} positions could not be closed", hint="see: defi positions")
