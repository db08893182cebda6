"""An account that is not what our books say: asked again once, for a fill may come between two reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from defi_analytics.engine.differences import Difference
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import Stale
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import halt

RECONCILER = "reconcile"
"""Who stopped trading, where books and venue do not agree."""


@dataclass(slots=True)
class Doubt:
    unexplained: Sequence[Difference] = ()
    """At the last look."""

    def judge(self, ledger: Ledger, unexplained: Sequence[Difference]) -> None:
        """Halts where the same differs twice running, and no fill tells why. Raises Stale the first time."""
        again, self.unexplained = unexplained == self.unexplained, unexplained
        if not unexplained:
            return
        if not again:
            raise Stale("chain", f"the account is not what its fills come to: {unexplained[0]}")
        if ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.RISK_STATE_UNKNOWN, str(unexplained[0]), RECONCILER)
            ledger.write(record.kind, record.body)
