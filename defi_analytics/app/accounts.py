"""Which account a command means, and how its story and its chain are read without a key."""

from collections.abc import Iterator
from contextlib import contextmanager

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, Unwritten, paper_chain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.errors import UsageError, WrongState
from defi_analytics.ports import Chain
from defi_analytics.storage.journal import SqliteJournal


def account_of(app: App, text: str = "") -> Account:
    """By name; by default the only one that has a journal, else paper. Raises UsageError for a choice."""
    files = (app.settings.home / "accounts").glob(f"{app.network}-*.sqlite")
    known = sorted(file.stem.removeprefix(f"{app.network}-") for file in files)
    if text and text not in {ACCOUNT, *known}:
        raise UsageError(f"no account {text!r} on {app.network}", hint=f"there are {', '.join(known) or '-'}")
    if not text and len(known) > 1:
        raise UsageError(f"{len(known)} accounts on {app.network}", hint=f"--account {' or '.join(known)}")
    return Account(app.network, text or next(iter(known), ACCOUNT))


@contextmanager
def read_ledger(app: App, account: Account) -> Iterator[Ledger]:
    """To look at only: an account that has no journal yet gets none by being looked at."""
    path = account.journal(app.settings.home)
    if not path.exists():
        yield Ledger.opened(Unwritten(), app.clock)
        return
    with SqliteJournal(path) as journal:
        yield Ledger.opened(journal, app.clock)


def chain_of(app: App, account: Account, ledger: Ledger) -> Chain:
    """To read, and for a paper account to write. Raises WrongState where a live account cannot be read."""
    if not account.live:
        return paper_chain(app, ledger)
    raise WrongState(f"{account.address} is live, and live accounts cannot be read yet")
