"""Checks what a person would otherwise find out at 3 a.m."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence

from defi_analytics.app.parts import App
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.cli.session import Session, opened
from defi_analytics.cli.tree import new_app
from defi_analytics.cli.venue import pinged
from defi_analytics.cli.version import installed
from defi_analytics.config.settings import Settings
from defi_analytics.errors import AuthError, DefiError, RiskHalt, Unavailable, WrongState

app = new_app()

OLDEST_PYTHON = (3, 11)
LEAST_FREE_BYTES = 100 * 1024 * 1024

COLUMNS: Sequence[Column[CheckRow]] = (
    Column("Check", lambda r: r.name),
    Column("State", lambda r: "ok" if r.ok else "FAILED", style=lambda r: "green" if r.ok else "bold red"),
    Column("Found", lambda r: r.message, fold=True),
    Column("What to do", lambda r: r.hint, spare=90, fold=True),
)


@app.command(
    epilog="Exit codes: 0 all well, 3 settings, 4 the key is refused, 5 an upstream does not answer, "
    "9 this machine is not fit, 21 an account is halted or its agent died."
)
@with_common
def doctor(common: Common) -> int:
    r"""Check this installation, the accounts traded here and every upstream they need.

    \b
    Examples:
      defi doctor
      defi doctor --network testnet --json
    """
    return asyncio.run(_doctor(common))


async def _doctor(common: Common) -> int:
    async with opened(common, ask_all=True) as session:
        with session.working("asking every upstream"):
            local, remote = list(_local(session.loaded.settings)), await _remote(session)
        accounts = list(_accounts(session.app))
        error = _verdict(session, local, accounts, remote)
        rows = [*local, *accounts, *remote]
        emit(Document("doctor", rows, session.app.network, error=error), COLUMNS, common)
        return error.exit_code if error else 0


def _verdict(
    session: Session, local: Sequence[CheckRow], accounts: Sequence[CheckRow], remote: Sequence[CheckRow]
) -> DefiError | None:
    """What comes first of what is wrong: this machine, an account, then the key, then an upstream."""
    if unfit := _failed(local):
        return WrongState(f"this machine is not fit: {unfit}")
    if stopped := _failed(accounts):
        return RiskHalt(f"not trading: {stopped}")
    try:
        session.app.allora_key()
    except AuthError as error:
        return error
    silent = _failed(remote)
    return Unavailable("doctor", f"not well: {silent}") if silent else None


def _failed(rows: Sequence[CheckRow]) -> str:
    return ", ".join(row.name for row in rows if not row.ok)


def _local(settings: Settings) -> Iterator[CheckRow]:
    import psutil

    python = ".".join(map(str, sys.version_info[:3]))
    yield _row("python", sys.version_info >= OLDEST_PYTHON, python, "install Python 3.11 or newer")
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    writable = folder.is_dir() and os.access(folder, os.W_OK)
    yield _row("state folder", writable, str(settings.home), "set DEFI_HOME to a folder you can write to")
    free = psutil.disk_usage(str(folder)).free
    yield _row(
        "free disk", free > LEAST_FREE_BYTES, f"{free // 2**20} MiB", "make room: the journal must not fail"
    )
    sdk = installed("injective-py")
    yield _row("injective-py", True, sdk, "" if sdk[0].isdigit() else "only needed for signing and gRPC")


def _accounts(app: App) -> Iterator[CheckRow]:
    """Those of the network that were ever traded here."""
    from defi_analytics.app.accounts import known_accounts, told_to_stop
    from defi_analytics.app.agents import seen
    from defi_analytics.app.ledgers import ledger_of
    from defi_analytics.risk.codes import TradingState

    home = app.settings.home
    try:
        accounts = [one for one in known_accounts(home) if one.network == app.network]
    except DefiError as error:
        yield _row("accounts", False, error.message, error.hint)
        return
    for account in accounts:
        name = f"account {account.address}"
        try:
            trading, agent = ledger_of(home, account, app.clock).risk.trading, seen(account, home).state
        except DefiError as error:
            yield _row(name, False, error.message, error.hint or f"defi state verify {account.journal(home)}")
            continue
        halted = trading is TradingState.HALTED or bool(told_to_stop(home, account))
        said = f"{'halted' if halted else trading.name.lower()}, its agent: {agent}"
        named = f"--network {account.network} --account {account.address}"
        why = f"defi risk status {named}" if halted else f"defi agent logs; defi reconcile {named}"
        yield _row(name, not halted and agent != "died", said, why)


async def _remote(session: Session) -> list[CheckRow]:
    app = session.app
    sources = {"injective": app.injective(), **{name: app.venue(name) for name in app.default_against()}}
    pings = await asyncio.gather(
        *(pinged(name, source.listing(), app.clock.monotonic) for name, source in sources.items())
    )
    rows = [
        _row(p.name, p.ok, f"{p.markets} markets in {p.elapsed_ms} ms" if p.ok else p.message, _NETWORK_HINT)
        for p in pings
    ]
    return [*rows, await _oracle(session), await _allora(session)]


_NETWORK_HINT = "check the network and the URL: defi config show --origin"


async def _oracle(session: Session) -> CheckRow:
    try:
        quotes = await session.app.oracle().quotes()
    except DefiError as error:
        return _row("injective-oracle", False, error.message, _NETWORK_HINT)
    newest = max((q.at for q in quotes), default=None)
    if newest is None:
        return _row("injective-oracle", False, "no prices of known assets", "oracle edges will be missing")
    age_s = (session.app.clock.now() - newest).total_seconds()
    fresh = age_s < 300  # noqa: PLR2004 - five minutes: a feed that is relayed at all is far younger
    return _row(
        "injective-oracle",
        fresh,
        f"{len(quotes)} prices, newest {age_s:.0f} s old",
        "oracle edges will be refused",
    )


async def _allora(session: Session) -> CheckRow:
    try:
        how = "with a key" if session.app.allora_key() else "keyless"
        prediction = await session.app.predictor().predict("BTC")
    except DefiError as error:
        return _row("allora", False, error.message, error.hint or _NETWORK_HINT)
    age_s = prediction.age_s(session.app.clock.now())
    return _row(
        "allora", not prediction.stale, f"BTC {age_s / 60:.0f} min old, {how}", "predictions are stale"
    )


def _row(name: str, ok: bool, message: str, hint: str) -> CheckRow:
    return CheckRow(name=name, ok=ok, message=message, hint="" if ok and name != "injective-py" else hint)
