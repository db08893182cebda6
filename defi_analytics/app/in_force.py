"""The limits that an account is traded by now: those its agent began with, else those the settings give."""

from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from defi_analytics.app.accounts import Account
from defi_analytics.app.limits import capital_of, risk_limits
from defi_analytics.app.valuing import TRADED
from defi_analytics.config.settings import Settings
from defi_analytics.domain.market import MarketKey
from defi_analytics.engine.decisions import STARTED, terms_of
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.storage.lock import holder_of
from defi_analytics.strategies.registry import STRATEGIES


class LimitsInForce(NamedTuple):
    general: RiskLimits
    markets: Mapping[MarketKey, RiskLimits] | None = None
    """A market's own, where the agent said so; None: as the settings have them."""
    pid: int | None = None
    """The agent that goes by them; None where none runs, and they are the next one's."""
    traded: tuple[str, ...] = ()
    """Ids of the last run's markets: its equity is the worth of their assets. Empty where it is not known."""
    capital: float | None = None
    """What the next run is to risk; None for all there is."""


def in_force(settings: Settings, account: Account) -> LimitsInForce:
    """With --max-loss and --max-notional as the agent was told them.

    Raises Mismatch for a journal whose terms cannot be read, WrongState for one that cannot be opened.
    """
    pid = holder_of(account.lock(settings.home).path)
    told = _last_start(account.journal(settings.home))
    traded = told.get(TRADED) if told else None
    ids = tuple(map(str, traded)) if isinstance(traded, list) else ()
    if told is None or pid is None:
        return LimitsInForce(risk_limits(settings), traded=ids, capital=capital_of(settings))
    terms = terms_of(told.get("terms", {}), STRATEGIES)
    return LimitsInForce(terms.limits, terms.market_limits, pid, ids, capital_of(settings))


def _last_start(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    with SqliteJournal(path, reading=True) as journal:
        started = deque(journal.replay(STARTED), maxlen=1)
    return started[0][2] if started else None
