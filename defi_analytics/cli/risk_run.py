"""What the commands of `defi risk` do once their options are read."""

import os
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import typer

from defi_analytics.app.accounts import (
    Account,
    account_asked_about,
    account_of,
    chosen_account,
    known_accounts,
    unheard_of,
)
from defi_analytics.app.ledgers import has_journal, ledger_of
from defi_analytics.app.past import events
from defi_analytics.app.signing import Asked
from defi_analytics.app.standing import looked, maintenance, standing
from defi_analytics.app.stopping import Step, holds, lifted_by, reduced, resumed, stopped
from defi_analytics.cli import risk_view
from defi_analytics.cli.common import Common
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.measures import seconds
from defi_analytics.cli.render import emit, hint
from defi_analytics.cli.risk_rows import action_rows, check_rows, event_row, status_rows, stress_row
from defi_analytics.cli.schemas import WarningRow
from defi_analytics.cli.session import opened, settings_of, settings_to_stop, warning
from defi_analytics.clock import WallClock
from defi_analytics.domain.text import safe
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.errors import DefiError, RiskDenied, RiskHalt, UsageError, WrongState
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.examined import Outcome
from defi_analytics.risk.explained import DENIALS
from defi_analytics.risk.exposure import equity
from defi_analytics.risk.stress import shock
from defi_analytics.storage.journal import SqliteJournal

_SHOCK = re.compile(r"([+-]?[0-9]{1,4}(?:\.[0-9]{1,6})?)(%?)")
_MOST_BYTES = 100_000
_HIGHEST = 10.0
EXIT_NEAR = 10


async def show_status(common: Common, address: str | None) -> int:
    async with opened(common) as session:
        app = session.app
        account = account_of(app, address)
        with session.working("reading the account"):
            found = await standing(app, account)
        warnings = []
        if found.silent is not None:
            warnings.append(WarningRow(code=found.silent.code, message=found.silent.message))
        error = None
        if found.trading is TradingState.HALTED:
            error = RiskHalt(
                f"{account.network} {account.address} is halted: {found.code.name}",
                hint=f"if that is settled: {lifted_by(account, found.code)}",
            )
        rows = list(status_rows(found, app.clock.now()))
        document = Document("risk", rows, app.network, warnings, error=error)
        risk_view.write_status(document, rows, app.settings.run.currency, common)
        return error.exit_code if error else 0


async def check_order(common: Common, file: str, address: str | None) -> int:
    from defi_analytics.app.asked import examined, parse_order, request_of

    name = "standard input" if file == "-" else file
    asked = parse_order(_bytes_of(file), name)
    async with opened(common) as session:
        app = session.app
        account = account_of(app, address, new=True)
        with session.working("reading the market"):
            market = await app.find_market(asked.market)
            request = request_of(asked, market, name)
            ledger = ledger_of(app.settings.home, account, app.clock)
            found = await looked(app, account, ledger, asked.kinds, frozenset({market.key}))
            verdicts = examined(found, asked, request)
        refusals = [one for one in verdicts if one.outcome is Outcome.REFUSED]
        error = None
        if refusals:
            code = refusals[0].code
            error = RiskDenied(f"{code.name}: {DENIALS[code].meaning}", hint=f"see: defi explain {code.name}")
        document = Document("risk-check", check_rows(verdicts), app.network, error=error)
        emit(document, risk_view.check(app.settings.run.currency), common)
        if error:
            hint(common, f"Refused. {error.message}")
            return error.exit_code
        return EXIT_NEAR if any(one.outcome is Outcome.NEAR for one in verdicts) else 0


def halt_accounts(common: Common, reason: str, address: str | None) -> int:
    settings = settings_to_stop(common)
    network = common.network.value if common.network else None
    everything = network is None and address is None
    accounts = _concerned(common, settings.home, network, address, settings.network)
    steps = stopped(settings.home, accounts, reason, WallClock(), everything=everything)
    held = holds(steps)
    error = None
    if not held:
        error = WrongState(
            "the halt could not be made to last: " + "; ".join(s.message for s in steps if not s.done),
            hint="end the process that trades: it stops when it can no longer write its journal",
        )
    one = not everything and len(accounts) == 1
    lifted = lifted_by(accounts[0], Denial.HALTED) if one else "defi risk resume --ack HALTED"
    return _acted(common, steps, settings.network, error, f"lift it: {lifted}")


def _concerned(
    common: Common, home: Path, network: str | None, address: str | None, usual: str
) -> list[Account]:
    """Those there are, narrowed as asked; the one that is named, or paper, though it has no journal yet."""
    try:
        known = known_accounts(home)
    except DefiError as error:
        say(f"defi: warning: {safe(error.message, 400)}")
        known = []
    chosen = [
        account
        for account in known
        if network in (None, account.network) and address in (None, account.address)
    ]
    if chosen or (network is None and address is None):
        return chosen
    named = chosen_account(home, network or usual, address or ACCOUNT)
    _tell_unheard_of(common, home, named)
    return [named]


def _tell_unheard_of(common: Common, home: Path, account: Account) -> None:
    """A person may stop an account before its first run, and may have mistyped its name."""
    if told := unheard_of(home, account):
        warning(common)(told)


def resume_account(common: Common, ack: str, address: str | None, *, rebase: bool, file_too: bool) -> int:
    code = ack.upper().replace("-", "_")
    if ack and (code not in Denial.__members__ or code == Denial.NONE.name):
        raise UsageError(f"--ack {ack!r} is no code", hint="defi risk tells the one that stands")
    settings = settings_of(common).settings
    account = chosen_account(settings.home, settings.network, address)
    _tell_unheard_of(common, settings.home, account)
    named = Denial[code] if ack else Denial.NONE
    steps = resumed(settings.home, account, named, WallClock(), rebase=rebase, file_too=file_too)
    return _acted(common, steps, settings.network, None, "see how it stands: defi risk")


def reduce_account(common: Common, reason: str, address: str | None) -> int:
    settings = settings_of(common).settings
    account = chosen_account(settings.home, settings.network, address)
    _tell_unheard_of(common, settings.home, account)
    step = reduced(settings.home, account, reason, WallClock())
    error = None if step.done else WrongState(step.message, hint="stop everything instead: defi risk halt")
    lifted = f"lift it: {lifted_by(account, Denial.REDUCE_ONLY)}"
    return _acted(common, [step], settings.network, error, lifted)


async def flatten_account(common: Common, address: str | None, asked: Asked) -> int:
    from defi_analytics.app.chains import trader_of
    from defi_analytics.app.closing import flattened

    async with opened(common, hold=False) as session:
        account = account_of(session.app, address)
        trader = trader_of(session.app, account, asked, os.environ, session.app.warn)
        steps = await flattened(session.app, account, trader)
        return _acted(common, steps, session.app.network, None, "see how it stands: defi risk")


def _acted(
    common: Common, steps: Sequence[Step], network: str, error: DefiError | None, next_step: str
) -> int:
    emit(Document("risk-action", action_rows(steps), network, error=error), risk_view.ACTION, common)
    for step in steps:
        if not step.done:
            say(f"defi: warning: {safe(step.message, 400)}")
    if error:
        return error.exit_code
    hint(common, f"Next: {next_step}")
    return 0


def show_history(common: Common, since: str | None, address: str | None) -> int:
    settings, clock = settings_of(common).settings, WallClock()
    account = account_asked_about(settings.home, settings.network, address, warning(common))
    path, rows = account.journal(settings.home), []
    start = None if since is None else _since(since, clock.now())
    if has_journal(path):
        with SqliteJournal(path, reading=True) as journal:
            rows = [event_row(event) for event in events(journal, start)]
    emit(Document("risk-history", rows, settings.network), risk_view.history(settings.run.currency), common)
    if not rows:
        hint(
            common, f"{account.address} has no halt, no denial and no exit{'' if start is None else ' since'}"
        )
    return 0


def _since(text: str, now: datetime) -> datetime:
    """A duration back from now, or a time; one without a zone is UTC. Raises UsageError."""
    try:
        return now - timedelta(seconds=seconds(text))
    except (typer.BadParameter, OverflowError):
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"--since {text!r} is neither a duration nor a time", hint="such as 1d, 2h or 2026-01-31"
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


async def show_stress(common: Common, shocks: Sequence[str], asset: str, address: str | None) -> int:
    fractions = [_fraction(text) for text in shocks]
    async with opened(common) as session:
        app = session.app
        account = account_of(app, address)
        with session.working("reading the account"):
            ledger = ledger_of(app.settings.home, account, app.clock)
            found = await looked(app, account, ledger)
        assets = found.valued.marks.assets
        if asset and asset not in assets:
            raise UsageError(f"no price of {asset!r}", hint=f"there are {', '.join(sorted(assets))}")
        names = {market.key: market.ticker for market in found.markets}
        limits, margins = found.terms.limits, maintenance(found.markets)
        rows = [
            stress_row(
                shock(found.valued, fraction, found.known.risk, limits, margins, asset),
                asset,
                equity(found.valued),
                names,
            )
            for fraction in fractions
        ]
        emit(Document("risk-stress", rows, app.network), risk_view.stress(app.settings.run.currency), common)
        return 0


def _fraction(text: str) -> float:
    """Of -20% or -0.2. Raises UsageError."""
    found = _SHOCK.fullmatch(text.strip())
    value = float(found[1]) / (100 if found[2] else 1) if found else -1.0
    if not -1.0 < value <= _HIGHEST:
        raise UsageError(f"--shock {text!r} is no fall or rise", hint="such as -20%, 15% or -0.2")
    return value


def _bytes_of(file: str) -> bytes:
    try:
        if file == "-":
            return sys.stdin.buffer.read(_MOST_BYTES)
        with Path(file).open("rb") as opened_file:
            return opened_file.read(_MOST_BYTES)
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from error
