"""Whose story is told: the accounts of this home, their files, and which of them a command means."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from defi_analytics.app.parts import App
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.errors import NotFound, UsageError, WrongState
from defi_analytics.storage.lock import AccountLock

STOP_FILE = "STOP"
"""In home; while it is there nothing is traded, whatever else is down."""
_NAMED = 5
"""Accounts that one line names."""
_ADDRESS = r"paper(?:-[a-z0-9]{1,20})?|inj1[0-9a-z]{38}(?:\.[1-9][0-9]{0,9})?"
_JOURNAL = re.compile(rf"(mainnet|testnet|sandbox)-({_ADDRESS})\.sqlite")


@dataclass(frozen=True, slots=True)
class Account:
    """Whose story it is: the network, and paper or an address, with the number of a subaccount of it."""

    network: str
    address: str = ACCOUNT
    """As people write it: paper, paper-NAME, inj1…, or inj1….2 for its subaccount 2."""

    @classmethod
    def of_chain(cls, network: str, owner: str, subaccount: int) -> Self:
        return cls(network, f"{owner}.{subaccount}" if subaccount else owner)

    @property
    def owner(self) -> str:
        """The address alone, as the chain knows it."""
        return self.address.partition(".")[0]

    @property
    def subaccount(self) -> int:
        return int(self.address.partition(".")[2] or 0)

    @property
    def live(self) -> bool:
        return not self.address.startswith(ACCOUNT)

    @property
    def options(self) -> str:
        """What makes any command mean this account, whichever network the settings name."""
        return f"--network {self.network} --account {self.address}"

    @property
    def execution(self) -> str:
        return "live" if self.live else "paper"

    def folder(self, home: Path) -> Path:
        return home / "accounts"

    def journal(self, home: Path) -> Path:
        return self.folder(home) / f"{self.network}-{self.address}.sqlite"

    def lock(self, home: Path) -> AccountLock:
        return AccountLock(self.folder(home), self.network, self.address)


def stop_file(home: Path, account: Account | None = None) -> Path:
    """That of every account of this home, or of one."""
    if account is None:
        return home / STOP_FILE
    return account.folder(home) / f"{account.network}-{account.address}.{STOP_FILE}"


def told_to_stop(home: Path, account: Account | None = None) -> str:
    """Why not to trade, if a person left one of the files; one that cannot be looked at stops too."""
    for path in dict.fromkeys((stop_file(home), stop_file(home, account))):
        try:
            path.lstat()
        except FileNotFoundError:
            continue
        except OSError as error:
            return f"{path} cannot be looked at: {error.strerror}"
        return f"the file {path} is there"
    return ""


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
        raise UsageError(f"{address!r} is no account", hint="paper, paper-NAME, or an address such as inj1…")
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


def unheard_of(home: Path, account: Account) -> str:
    """What to tell of an account without a journal; empty for one that has one, or where nobody can look."""
    try:
        known = known_accounts(home)
    except WrongState:
        return ""
    if account in known:
        return ""
    named = ", ".join(f"{one.network} {one.address}" for one in known[:_NAMED]) or "none"
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"no run of {account.network} {account.address} yet; accounts with a journal: {named}{more}"


def account_asked_about(
    home: Path, network: str, address: str | None, warn: Callable[[str], None], *, new: bool = False
) -> Account:
    """As `chosen_account`. Warns of one without a journal, but where nothing has run at all.

    Raises NotFound for a name on paper that has neither that nor a file that stops it, unless it may be
    `new`: no venue knows it, so it is mistyped.
    """
    account = chosen_account(home, network, address)
    told = unheard_of(home, account)
    named = not account.live and account.address != ACCOUNT
    if told and named and not (new or stop_file(home, account).exists()):
        raise NotFound("accounts", told, hint="see: defi agent status")
    if told and (account.live or named or known_accounts(home)):
        warn(told)
    return account


def account_of(app: App, address: str | None = None, *, new: bool = False) -> Account:
    """As `account_asked_about`, of this run's home and network.

    Warns where its journal cannot be of the chain that will be asked about it.
    """
    account = account_asked_about(app.settings.home, app.network, address, app.warn, new=new)
    if app.passing and account.journal(app.settings.home).exists():
        app.warn(
            "this sandbox was started for this command, and the journal is of another: "
            "what they tell does not fit together; start `defi sandbox` before `defi run`"
        )
    return account
