"""What doctor asks of the key, its grant, the clock, and the accounts that were ever traded here."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from defi_analytics.app.accounts import Account, known_accounts, stop_file, told_to_stop
from defi_analytics.app.parts import App
from defi_analytics.cli.figures import ago
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.errors import AuthError, DefiError, TimedOut
from defi_analytics.keys.keystore import StoredKey
from defi_analytics.ports import Clock, Journal

DEADLINE_S = 15.0
"""For one check, with all that it asks."""
JOURNAL_S = 5.0
"""For reading one journal; `defi state verify` takes the time it takes."""
NETWORK_HINT = "check the network and the URL: defi config show --origin"
_SOON = timedelta(days=1)


async def in_time(name: str, check: Awaitable[CheckRow], most_s: float = DEADLINE_S) -> CheckRow:
    """A check that fails, or takes longer, is a row as well."""
    try:
        async with asyncio.timeout(most_s):
            return await check
    except TimeoutError:
        return CheckRow(name=name, ok=False, message=f"took longer than {most_s:g} s", hint="try again later")
    except DefiError as error:
        return CheckRow(name=name, ok=False, message=error.message, hint=error.hint or NETWORK_HINT)


class Told(NamedTuple):
    """`told`: the chain has answered, so that what is wrong is here and not there."""

    row: CheckRow
    told: bool


async def clock(app: App) -> Told:
    """This machine's against the latest block."""
    from defi_analytics.venues.injective.blocks import latest_block

    told: list[datetime] = []

    async def compared() -> CheckRow:
        told.append((await latest_block(app.http, app.injective_network)).at)
        ahead_s = (app.clock.now() - told[0]).total_seconds()
        most_s = float(app.settings.monitoring.risk_management.max_clock_skew)
        said = f"{ago(abs(ahead_s))} {'after' if ahead_s >= 0 else 'before'} the latest block"
        hint = f"set this machine's clock; beyond {most_s:g} s no order is sent"
        if ahead_s > most_s:
            hint += ". If it is right, the chain stands still"
        ok = abs(ahead_s) <= most_s
        return CheckRow(name="clock", ok=ok, message=said, hint="" if ok else hint)

    return Told(await in_time("clock", compared()), bool(told))


def stored_key(app: App) -> tuple[CheckRow, StoredKey | None]:
    """The key that would sign; looked at, and not opened."""
    from defi_analytics.app.signing import keystore, name_of

    own = app.settings
    if app.network == "sandbox" and not own.keys.name:
        return CheckRow(name="key", ok=True, message="the sandbox's own", hint=""), None
    name = name_of(own)
    try:
        known = {key.name: key for key in keystore(own).all()}
    except AuthError as error:
        return CheckRow(name="key", ok=False, message=error.message, hint=error.hint), None
    if name not in known:
        wanted = bool(own.keys.name)
        hint = f"defi key new {name}" if wanted else "only needed for run --live: defi key new"
        return CheckRow(name="key", ok=not wanted, message=f"there is no key {name}", hint=hint), None
    key = known[name]
    if key.problem:
        hint = f"defi key list; the file is {key.path}"
        return CheckRow(name="key", ok=False, message=key.problem, hint=hint), None
    said = f"{name}, {key.address}, for its owner alone; not opened"
    return CheckRow(name="key", ok=True, message=said, hint="to open it: defi key check"), key


async def grant(app: App, key: StoredKey) -> Told:
    """Whether the chain lets this key trade the settings' markets, and until when."""
    told: list[bool] = []

    async def asked() -> CheckRow:
        try:
            found = await _granted(app, key)
        except AuthError as error:
            found = CheckRow(name="grant", ok=False, message=error.message, hint=error.hint)
        told.append(True)
        return found

    return Told(await in_time("grant", asked()), bool(told))


async def _granted(app: App, key: StoredKey) -> CheckRow:
    from defi_analytics.app.fitness import require
    from defi_analytics.app.live import Onlooker, injective_chain
    from defi_analytics.app.trading import RunRequest, market_names, traded_markets

    own = app.settings.keys
    chain = injective_chain(app, Onlooker(key.address), own.granter, own.subaccount)
    listed = market_names(app, RunRequest())
    until = await require(chain, await traded_markets(app, RunRequest()) if listed else [])
    if until is None:
        safer = "let the main wallet grant a key trading (defi key grant), and set keys.granter"
        said = f"key {key.name} owns what it trades, and can withdraw it; it has INJ for gas"
        return CheckRow(name="grant", ok=app.network != "mainnet", message=said, hint=safer)
    left = until - app.clock.now()
    said = f"until {until:%Y-%m-%d %H:%M} UTC, {ago(left.total_seconds())} from now; it has INJ for gas"
    hint = "grant it anew: defi key grant" if left < _SOON else ""
    return CheckRow(name="grant", ok=left >= _SOON, message=said, hint=hint)


def stops(app: App) -> CheckRow:
    """The file that stops every account of this home."""
    why = told_to_stop(app.settings.home)
    hint = "defi risk resume, or remove it" if why else ""
    message = why or f"none at {stop_file(app.settings.home)}"
    return CheckRow(name="stop file", ok=not why, message=message, hint=hint)


def accounts(app: App) -> Iterator[CheckRow]:
    """Those of the network that were ever traded here."""
    try:
        known = [one for one in known_accounts(app.settings.home) if one.network == app.network]
    except DefiError as error:
        yield CheckRow(name="accounts", ok=False, message=error.message, hint=error.hint)
        return
    for account in known:
        name = f"account {account.address}"
        try:
            yield _account(app, account, name)
        except DefiError as error:
            hint = error.hint or f"defi state verify {account.journal(app.settings.home)}"
            yield CheckRow(name=name, ok=False, message=error.message, hint=hint)


def _account(app: App, account: Account, name: str) -> CheckRow:
    from defi_analytics.app.agents import seen
    from defi_analytics.engine.ledger import Ledger
    from defi_analytics.risk.codes import TradingState
    from defi_analytics.storage.journal import SqliteJournal

    home = app.settings.home
    with SqliteJournal(account.journal(home), JOURNAL_S, reading=True) as journal:
        ledger = Ledger.opened(_Hurried(journal, app.clock), app.clock)
    agent, risk = seen(account, home), ledger.risk
    stop = told_to_stop(home, account)
    halted = risk.trading is TradingState.HALTED or bool(stop)
    trading = "halted" if halted else risk.trading.name.lower()
    why = f" ({risk.code.name}: {risk.reason})" if risk.trading is not TradingState.ACTIVE else ""
    process = f", process {agent.pid}" if agent.running else ""
    said = f"{trading}{why}; its agent: {agent.state}{process}; {ledger.read} records are whole"
    named = f"--network {account.network} --account {account.address}"
    hint = f"defi risk status {named}" if halted or why else f"defi agent logs; defi reconcile {named}"
    ok = not halted and agent.state != "died"
    return CheckRow(name=name, ok=ok, message=said, hint="" if ok and not why else hint)


class _Hurried:
    """A journal that is read while there is time; every record's number and checksum is compared."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal, self._clock = journal, clock
        self._until_s = clock.monotonic() + JOURNAL_S

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        raise NotImplementedError  # pragma: no cover - it is only read

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        for record in self._journal.replay(*kinds, after=after):
            if self._clock.monotonic() > self._until_s:
                raise TimedOut("journal", f"was not read in {JOURNAL_S:g} s: see defi state verify")
            yield record
