"""Checks what a person would otherwise find out at 3 a.m."""

import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from defi_analytics.app.parts import App
from defi_analytics.cli import checkup
from defi_analytics.cli.checkup import NETWORK_HINT, Told, in_time
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit, hint, shows, whole_words
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.cli.session import Session, opened
from defi_analytics.cli.tree import new_app
from defi_analytics.cli.venue import pinged
from defi_analytics.cli.version import installed
from defi_analytics.config.settings import Settings
from defi_analytics.errors import AuthError, DefiError, RiskHalt, Unavailable, WrongState
from defi_analytics.ports import MarketData

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
        app = session.app
        with session.working("asking every upstream"):
            clock, key, remote = await asyncio.gather(checkup.clock(app), _key(app), _remote(session))
        rows = _Rows(
            local=[*_local(session.loaded.settings), *(each.row for each in [clock] if each.told)],
            accounts=[checkup.stops(app), *checkup.accounts(app)],
            key=[each.row for each in key if each.told],
            remote=[*(each.row for each in [clock, *key] if not each.told), *remote],
        )
        error = _verdict(session, rows)
        every = [*rows.local, *rows.key, *rows.accounts, *rows.remote]
        emit(Document("doctor", every, app.network, error=error), COLUMNS, common)
        _advise(common, every)
        return error.exit_code if error else 0


def _advise(common: Common, rows: Sequence[CheckRow]) -> None:
    """What to do about what failed, where the table has no room for it."""
    if shows(rows, COLUMNS, "What to do"):
        return
    advice: dict[str, list[str]] = {}
    for row in rows:
        if row.hint and not row.ok:
            advice.setdefault(row.hint, []).append(row.name)
    for what, names in advice.items():
        hint(common, whole_words(f"{', '.join(names)}: {what}", 2))


class _Rows(NamedTuple):
    local: Sequence[CheckRow]
    accounts: Sequence[CheckRow]
    key: Sequence[CheckRow]
    remote: Sequence[CheckRow]


def _verdict(session: Session, rows: _Rows) -> DefiError | None:
    """What comes first of what is wrong: this machine, an account, then the keys, then an upstream."""
    if unfit := _failed(rows.local):
        return WrongState(f"this machine is not fit: {unfit}")
    if stopped := _failed(rows.accounts):
        return RiskHalt(f"not trading: {stopped}")
    for row in rows.key:
        if not row.ok:
            return AuthError(f"{row.name}: {row.message}", hint=row.hint)
    try:
        session.app.allora_key()
    except AuthError as error:
        return error
    silent = _failed(rows.remote)
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


async def _key(app: App) -> list[Told]:
    row, key = checkup.stored_key(app)
    return [Told(row, True), *([] if key is None else [await checkup.grant(app, key)])]


async def _remote(session: Session) -> list[CheckRow]:
    app = session.app
    sources = {"injective": app.injective(), **{name: app.venue(name) for name in app.default_against()}}
    return await asyncio.gather(
        *(in_time(name, _venue(name, source, app)) for name, source in sources.items()),
        in_time("injective-oracle", _oracle(session)),
        in_time("allora", _allora(session)),
    )


async def _venue(name: str, source: MarketData, app: App) -> CheckRow:
    ping = await pinged(name, source.listing(), app.clock.monotonic)
    said = f"{ping.markets} markets in {ping.elapsed_ms} ms" if ping.ok else ping.message
    return _row(name, ping.ok, said, NETWORK_HINT)


async def _oracle(session: Session) -> CheckRow:
    try:
        quotes = await session.app.oracle().quotes()
    except DefiError as error:
        return _row("injective-oracle", False, error.message, NETWORK_HINT)
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
        return _row("allora", False, error.message, error.hint or NETWORK_HINT)
    age_s = prediction.age_s(session.app.clock.now())
    return _row(
        "allora", not prediction.stale, f"BTC {age_s / 60:.0f} min old, {how}", "predictions are stale"
    )


def _row(name: str, ok: bool, message: str, todo: str) -> CheckRow:
    return CheckRow(name=name, ok=ok, message=message, hint="" if ok and name != "injective-py" else todo)
