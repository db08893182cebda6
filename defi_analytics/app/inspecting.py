"""What is asked again while a run goes on: whether venue and journal agree, and whether the key may trade.

What cannot be asked in one round is asked some rounds later: a node that is silent keeps nobody from closing,
nor has each round wait for it.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from defi_analytics.app.accounts import Account
from defi_analytics.app.starting import agreed
from defi_analytics.app.stopping import lifted_by
from defi_analytics.domain.market import Market
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.doubt import RECONCILER
from defi_analytics.errors import AuthError, DataError, DefiError, Mismatch, OrderRejected, RiskHalt
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import Record, halt, reduce

LOG = logging.getLogger("defi.run")
GRANT = "grant"
"""Who stopped trading, where the key may trade no more."""
COMPARED_ROUNDS = 60
ASKED_AGAIN_ROUNDS = 15
"""Where nobody answered: that may have taken most of a minute."""
ASKED_AGAIN_S = 3600.0
REJECTED = 3
"""Refusals in a row that are no accident."""
_WARN, _REDUCE = timedelta(hours=24), timedelta(hours=2)
"""Before the grant ends: what is held has to be closed while that is still allowed."""


@dataclass(slots=True)
class Inspection:
    """One run's. `may_trade` tells until when, None for ever, and raises AuthError for a key that may not."""

    agent: Agent
    markets: Sequence[Market]
    may_trade: Callable[[Sequence[Market]], Awaitable[datetime | None]]
    until: datetime | None
    """As it was told at the start."""
    pays_gas: bool
    _rounds: int = 0
    _patient_rounds: int = 0
    """In which nothing is asked."""
    _asked_s: float = 0.0
    _rejected: int = 0
    _warned: bool = False

    def __post_init__(self) -> None:
        self._asked_s = self.agent.clock.monotonic()

    async def round(self) -> None:
        """Before each decision. Raises what the journal raises."""
        self._rounds += 1
        if self._patient_rounds:
            self._patient_rounds -= 1
        else:
            await self._inspected()
        self._heed()

    async def _inspected(self) -> None:
        try:
            if self._rounds >= COMPARED_ROUNDS:
                await self._compare()
                self._rounds = 0
            if self._unsure():
                await self._ask()
        except DataError as error:
            LOG.warning("not inspected: %s", error)
            self._patient_rounds = ASKED_AGAIN_ROUNDS - 1

    async def _compare(self) -> None:
        try:
            await agreed(self.agent, self.markets, pays_gas=self.pays_gas, dry=False)
        except Mismatch as error:
            if self.agent.ledger.risk.trading is not TradingState.HALTED:
                self._stop(halt(Denial.RISK_STATE_UNKNOWN, error.message, RECONCILER))

    def _unsure(self) -> bool:
        """An hour has passed, orders were refused, or the end is near and may have been put off."""
        refused = self.agent.rejected >= REJECTED and self.agent.rejected != self._rejected
        due = self.agent.clock.monotonic() - self._asked_s >= ASKED_AGAIN_S
        return due or refused or (self._active and self._left() <= _REDUCE)

    async def _ask(self) -> None:
        try:
            self.until = await self.may_trade(self.markets)
        except AuthError as error:
            if self._active:
                self._stop(reduce(Denial.REDUCE_ONLY, error.message, GRANT))
        self._asked_s, self._rejected = self.agent.clock.monotonic(), self.agent.rejected

    def _heed(self) -> None:
        left = self._left()
        if left <= _REDUCE and self._active:
            self._stop(
                reduce(Denial.REDUCE_ONLY, f"the grant ends at {self.until:%Y-%m-%d %H:%M} UTC", GRANT)
            )
        elif left <= _WARN and not self._warned:
            LOG.warning("the grant ends at %s UTC: grant it anew", f"{self.until:%Y-%m-%d %H:%M}")
        self._warned = left <= _WARN

    def _left(self) -> timedelta:
        return timedelta.max if self.until is None else self.until - self.agent.clock.now()

    @property
    def _active(self) -> bool:
        return self.agent.ledger.risk.trading is TradingState.ACTIVE

    def _stop(self, record: Record) -> None:
        LOG.error("trading is stopped by %s: %s", record.body["by"], record.body["reason"])
        self.agent.ledger.write(record.kind, record.body)


def verdict(agent: Agent, account: Account) -> DefiError | None:
    """Why a run that ended as it should is still none to start again without a look; nothing where it is."""
    risk = agent.ledger.risk
    if risk.trading is TradingState.HALTED and risk.by == RECONCILER:
        return Mismatch(f"trading is halted: {risk.reason}", hint=f"see: defi reconcile {account.options}")
    if risk.trading is TradingState.HALTED:
        lifted = lifted_by(account, risk.code)
        return RiskHalt(f"trading is halted: {risk.reason}", hint=f"if that is settled: {lifted}")
    if risk.trading is TradingState.REDUCING and risk.by == GRANT:
        lifted = f"see: defi key check; once it stands: {lifted_by(account, risk.code)}"
        return AuthError(f"only reducing orders pass: {risk.reason}", hint=lifted)
    if agent.rejected >= REJECTED:
        said = f"the last {agent.rejected} orders were refused: {agent.rejected_because}"
        return OrderRejected(said, hint="see: defi key check; defi doctor")
    return None
