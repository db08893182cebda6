"""Which accounts this home has, which of them a command means, and how each is read without a key."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, Unwritten
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.errors import UsageError, WrongState
from defi_analytics.storage.journal import SqliteJournal

_ADDRESS = r"paper|inj1[0-9a-z]{38}"
_JOURNAL = re.compile(rf"(mainnet|testnet|sandbox)-({_ADDRESS})\.sqlite")


def known_accounts(home: Path) -> list[Account]:
    """In the order of their names. Raises WrongState when the folder cannot be read."""
    folder = Account("", "").folder(home)
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WrongState(f"{folder} cannot be read: {error.strerror}") from error
    return [Account(found[1], found[2]) for name in names if (found := _JOURNAL.fullmatch(name))]


def checked_address(address: str) -> str:
    """Raises UsageError for what cannot be an account."""
    if not re.fullmatch(_ADDRESS, address):
        raise UsageError(f"{address!r} is no account", hint="paper, or an address such as inj1…")
    return address


def chosen_account(home: Path, network: str, address: str | None) -> Account:
    """The one asked for, else the only one of this network, else paper. Raises UsageError for several."""
    if address is not None:
        return Account(network, checked_address(address))
    there = [account for account in known_accounts(home) if account.network == network]
    if len(there) > 1:
        names = ", ".join(account.address for account in there)
        raise UsageError(f"several accounts of {network}: {names}", hint="choose one with --account")
    return there[0] if there else Account(network, ACCOUNT)


def account_of(app: App, address: str = "") -> Account:
    """As `chosen_account`, of this run's home and network; "" asks for none."""
    return chosen_account(app.settings.home, app.network, address or None)


@contextmanager
def read_ledger(app: App, account: Account) -> Iterator[Ledger]:
    """To look at only: an account that has no journal yet gets none by being looked at."""
    path = account.journal(app.settings.home)
    if not path.exists():
        yield Ledger.opened(Unwritten(), app.clock)
        return
    with SqliteJournal(path) as journal:
        yield Ledger.opened(journal, app.clock)
