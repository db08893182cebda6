"""What the account is worth, round by round; and what follows when nothing prices a part of it.

Without a worth no loss is known, and the gate lets nothing in. A source that is silent for a moment is no
reason to call a person: trading halts once the silence lasts.
"""

import logging
import math
from datetime import datetime, timedelta
from decimal import Decimal, localcontext

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKind
from defi_analytics.engine.differences import GAS, plain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Account, equity, unpriced
from defi_analytics.risk.flows import UNEXPLAINED
from defi_analytics.risk.halting import EQUITY, UNVALUED, halt, observed
from defi_analytics.risk.limits import RiskLimits

LOG = logging.getLogger(__name__)
PATIENCE = timedelta(minutes=10)
_DUST = Decimal("1e-6")
_DIGITS = 60
_ZERO = Decimal(0)


def observe(ledger: Ledger, account: Account, limits: RiskLimits, now: datetime, skew_s: float) -> None:
    """Writes the equity, and the halt that it, or a price that is missing for long, leads to."""
    worth = equity(account)
    if math.isfinite(worth):
        strange = unexplained(ledger, account)
        for record in observed(ledger.risk, now, worth, limits, skew_s):
            told = {UNEXPLAINED: strange} if strange and record.kind == EQUITY else {}
            ledger.write(record.kind, {**record.body, **told})
        return
    missing = ", ".join(unpriced(account)) or "a part of it"
    said = f"what the account is worth is not known: no price of {missing}"
    # Kept in the journal: an agent that is started again and again has waited all the same.
    since = ledger.risk.unvalued_since
    if since is None:
        ledger.write(UNVALUED, {"missing": missing})
        LOG.warning("%s; nothing is entered meanwhile", said)
    elif now - since >= PATIENCE and ledger.risk.trading is not TradingState.HALTED:
        record = halt(Denial.RISK_STATE_UNKNOWN, f"{said}, since {since:%Y-%m-%d %H:%M:%S} UTC", "risk")
        ledger.write(record.kind, record.body)


def unexplained(ledger: Ledger, account: Account) -> dict[str, str]:
    """By asset, what the account has more than its books come to; a fill that is not counted yet is in it.

    Nobody acts on it: it only tells, once a person declares a flow, which equities include it.
    """
    markets = account.markets.values()
    read = {m.quote for m in markets} | {m.base for m in markets if m.kind is MarketKind.SPOT}
    there = dict.fromkeys(read, _ZERO)
    with localcontext(prec=_DIGITS):
        for balance in account.portfolio.balances.values():
            there[balance.asset] = there.get(balance.asset, _ZERO) + balance.total
        expected = _expected(ledger, account)
        gaps = {asset: there[asset] - own for asset, own in expected.items() if asset in there}
    # Who pays for gas is not known here.
    fine = {GAS: ledger.books.gas_paid + _DUST}
    return {asset: plain(gap) for asset, gap in sorted(gaps.items()) if abs(gap) >= fine.get(asset, _DUST)}


def _expected(ledger: Ledger, account: Account) -> dict[str, Decimal]:
    books, positions = ledger.books, account.portfolio.positions
    found = {asset: Decimal(amount) for asset, amount in (ledger.baseline or {}).items()}
    moves = [(GAS, -books.gas_paid)]
    for key, market in {**books.markets, **account.markets}.items():
        held, position = books.net.get(key, Inventory()), positions.get(key)
        if market.kind is MarketKind.SPOT:
            moves += [(market.base, held.quantity), (market.quote, held.cash)]
            continue
        # The venue keeps it with the position, and takes off what is due though not settled.
        now = held.settled(position.funding_index) if position else held
        moves.append((market.quote, now.gained - (position.margin if position else _ZERO)))
    for asset, amount in moves:
        if asset in found:
            found[asset] += amount
    return found
