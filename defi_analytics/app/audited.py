"""An account as it is looked at: its story and its chain, read without a key and without leaving a trace."""

from collections.abc import Iterator
from contextlib import contextmanager

from defi_analytics.app.accounts import chosen_account
from defi_analytics.app.chains import trader_of
from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, Unwritten
from defi_analytics.engine.ledger import Ledger
from defi_analytics.ports import Chain
from defi_analytics.storage.journal import SqliteJournal


def account_of(app: App, text: str = "") -> Account:
    """By name; by default the only one that has a journal, else paper. Raises UsageError for a choice."""
    return chosen_account(app.settings.home, app.network, text or None)


@contextmanager
def read_ledger(app: App, account: Account) -> Iterator[Ledger]:
    """To look at only: an account that has no journal yet gets none by being looked at."""
    path = account.journal(app.settings.home)
    if not path.exists():
        yield Ledger(Unwritten(0), app.clock)
        return
    with SqliteJournal(path) as journal:
        yield Ledger.opened(journal, app.clock)


def chain_of(app: App, account: Account, ledger: Ledger) -> Chain:
    """To read, and for a paper account to write. Raises WrongState where a live account cannot be read."""
    return trader_of(app, account).chain_of(ledger)
