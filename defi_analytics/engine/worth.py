"""What the account is worth, round by round; and what follows when nothing prices a part of it.

Without a worth no loss is known, and the gate lets nothing in. A source that is silent for a moment is no
reason to call a person: trading halts once the silence lasts.
"""

import logging
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Account, equity, unpriced
from defi_analytics.risk.halting import halt, observed
from defi_analytics.risk.limits import RiskLimits

LOG = logging.getLogger(__name__)
PATIENCE = timedelta(minutes=10)


@dataclass(slots=True)
class Worth:
    _since: datetime | None = None
    """When a price was first missing."""

    def observe(
        self, ledger: Ledger, account: Account, limits: RiskLimits, now: datetime, skew_s: float
    ) -> None:
        """Writes the equity, and the halt that it, or a price that is missing for long, leads to."""
        worth = equity(account)
        if math.isfinite(worth):
            self._since = None
            for record in observed(ledger.risk, now, worth, limits, skew_s):
                ledger.write(record.kind, record.body)
            return
        missing = ", ".join(unpriced(account)) or "a part of it"
        said = f"what the account is worth is not known: no price of {missing}"
        if self._since is None:
            self._since = now
            LOG.warning("%s; nothing is entered meanwhile", said)
        if now - self._since >= PATIENCE and ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.RISK_STATE_UNKNOWN, f"{said}, since {self._since:%H:%M:%S} UTC", "risk")
            ledger.write(record.kind, record.body)
