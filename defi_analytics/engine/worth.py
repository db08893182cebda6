"""What the account is worth, round by round; and what follows when nothing prices a part of it.

Without a worth no loss is known, and the gate lets nothing in. A source that is silent for a moment is no
reason to call a person: trading halts once the silence lasts.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.differences import plain
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paid_in import PaidIn, known_of
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Account, equity, unpriced
from defi_analytics.risk.flows import UNEXPLAINED
from defi_analytics.risk.halting import EQUITY, UNVALUED, halt, observed
from defi_analytics.risk.limits import RiskLimits

LOG = logging.getLogger(__name__)
PATIENCE = timedelta(minutes=10)


@dataclass(slots=True)
class Worth:
    paid_in: PaidIn = field(default_factory=PaidIn)

    def own_of(self, execution: Execution, portfolio: Portfolio, markets: Sequence[Market]) -> Portfolio:
        """What of an account this run trades with, and values."""
        known = known_of(execution.ledger, execution.chain, pays_gas=execution.pays_gas)
        own = self.paid_in.left_out(known, portfolio, markets)
        self.paid_in.tell()
        return own

    def observe(
        self, ledger: Ledger, account: Account, limits: RiskLimits, now: datetime, skew_s: float
    ) -> None:
        """Writes the equity, and the halt that it, or a price that is missing for long, leads to.

        No equity while something is under way, or the account is not what its fills come to: a fill that is
        told late must be no gain, and no loss, of the rounds before it.
        """
        worth = equity(account)
        if math.isfinite(worth) and self.paid_in.certain:
            lacking = {asset: plain(gap) for asset, gap in sorted(self.paid_in.missing.items())}
            for record in observed(ledger.risk, now, worth, limits, skew_s):
                told = {UNEXPLAINED: lacking} if lacking and record.kind == EQUITY else {}
                ledger.write(record.kind, {**record.body, **told})
            return
        unpriced_ones = ", ".join(unpriced(account)) or "a part of it"
        missing = "fills" if math.isfinite(worth) else unpriced_ones
        why = "how much was filled" if missing == "fills" else f"no price of {missing}"
        said = f"what the account is worth is not known: {why}"
        # Kept in the journal: an agent that is started again and again has waited all the same.
        since = ledger.risk.unvalued_since
        if since is None:
            ledger.write(UNVALUED, {"missing": missing})
            LOG.warning("%s; nothing is entered meanwhile", said)
        elif now - since >= PATIENCE and ledger.risk.trading is not TradingState.HALTED:
            record = halt(Denial.RISK_STATE_UNKNOWN, f"{said}, since {since:%Y-%m-%d %H:%M:%S} UTC", "risk")
            ledger.write(record.kind, record.body)
