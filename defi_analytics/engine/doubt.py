"""An account that is not what our books say: asked again, for a fill may come between two reads.

Nothing is decided meanwhile, for what is held is not known. So that no exit waits for ever, doubt lasts two
rounds at most: the same difference twice running, or a third look that explains nothing, halts trading, and
what only ends a loss passes from then on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.counting import Counting
from defi_analytics.engine.differences import Difference
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import DataError, Stale
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import halt

RECONCILER = "reconcile"
"""Who stopped trading, where books and venue do not agree."""
LOOKS = 3
"""In a row without an explanation, whatever each told."""


@dataclass(slots=True)
class Doubt:
    unexplained: Sequence[Difference] = ()
    """At the last look."""
    _looks: int = 0

    async def believed(self, counting: Counting, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        """Raises DataError while the account is in doubt; it does not for ever."""
        try:
            unexplained = await counting.explained(portfolio, markets)
        except DataError as error:
            self.unread(counting.ledger, error)
        else:
            self.judge(counting.ledger, unexplained)

    def judge(self, ledger: Ledger, unexplained: Sequence[Difference]) -> None:
        """What no fill explains. Raises Stale while it may still be one that comes."""
        again, self.unexplained = unexplained == self.unexplained, unexplained
        if not unexplained:
            self._looks = 0
            return
        said = f"the account is not what its fills come to: {unexplained[0]}"
        self._doubted(ledger, Stale("chain", said), str(unexplained[0]), certain=again)

    def unread(self, ledger: Ledger, error: DataError) -> None:
        """Quantities moved, and the fills that would tell why cannot be read. Raises `error`, twice."""
        self._doubted(ledger, error, error.message, certain=False)

    def _doubted(self, ledger: Ledger, error: DataError, reason: str, *, certain: bool) -> None:
        self._looks += 1
        if not certain and self._looks < LOOKS:
            raise error
        if ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.RISK_STATE_UNKNOWN, reason, RECONCILER)
            ledger.write(record.kind, record.body)
