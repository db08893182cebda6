"""A run as a person or a script follows it: a line a round, and how it ended."""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Collection, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import msgspec

from defi_analytics.app.agents import status_path
from defi_analytics.app.inspecting import verdict
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.trading import RunRequest, Trader, opened_agent, paper_trader
from defi_analytics.app.watching import Watch
from defi_analytics.cli.common import Common, Output
from defi_analytics.cli.envelope import Document, say, write_document, write_error_line
from defi_analytics.cli.render import emit, summary, whole_words
from defi_analytics.cli.run_rows import COLUMNS, run_row
from defi_analytics.cli.run_schema import RunRow
from defi_analytics.cli.session import Session
from defi_analytics.cli.streams import discard
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.text import safe
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import plain
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.errors import UsageError
from defi_analytics.health import Health, tune_collector

LOG = logging.getLogger("defi.run")
_ROWS_KEPT = 10_000
_LONGEST = 2_000
_BELOW = 10
_HEADER = "Time      Round  Trading   Equity before  What happened"


@dataclass(frozen=True, slots=True)
class How:
    """How to run; what to trade is in `app.trading.RunRequest`."""

    live: bool
    account: str
    """On paper."""
    confirmed: str
    cycles: int | None
    duration_s: float | None
    interval_s: float | None
    plan: bool
    on_exit: str
    status_file: Path | None
    metrics_file: Path | None
    asked: Asked
    """Which key signs, where it is live."""

    @property
    def endless(self) -> bool:
        return self.cycles is None and self.duration_s is None

    def policy(self, interval_s: float) -> Policy:
        """Raises UsageError for an --on-exit nobody knows."""
        if self.on_exit not in list(OnExit):
            raise UsageError(f"--on-exit {self.on_exit!r}", hint=f"one of {', '.join(OnExit)}")
        return Policy(self.interval_s or interval_s, self.cycles, self.duration_s, OnExit(self.on_exit))


@dataclass(slots=True)
class _Lines:
    """Shows rounds as they end; keeps them where one document is asked for."""

    session: Session
    agent: Agent
    rows: list[RunRow] = field(default_factory=list)
    shown: bool = False
    silent_since: datetime | None = None
    """The first of the rounds in a row in which nobody answered."""

    def show(self, cycle: Cycle) -> None:
        """A reader who went away, as `head` does, is no reason to leave orders behind."""
        try:
            self._show(self._row(cycle))
        except OSError as error:
            discard(sys.stdout)
            LOG.warning("standard output cannot be written (%s): the run goes on without it", error.strerror)

    def _row(self, cycle: Cycle) -> RunRow:
        now = self.agent.clock.now()
        self.silent_since = (self.silent_since or now) if cycle.unreachable else None
        row = run_row(self.agent, cycle, self.silent_since)
        # A quiet round is no news; one that failed is a warning already.
        LOG.log(logging.INFO if row.orders or row.refused else logging.DEBUG, "%s", _logged(row))
        return row

    def _show(self, row: RunRow) -> None:
        common = self.session.common
        if common.format is Output.JSON:
            self.rows = [*self.rows, row][-_ROWS_KEPT:]
        elif common.format is Output.NDJSON:
            sys.stdout.write(json.dumps(msgspec.to_builtins(row)) + "\n")
        elif common.format is Output.TABLE:
            if not self.shown:
                sys.stdout.write(_HEADER + "\n")
            self.shown = True
            equity = f"{float(row.equity):,.2f}" if row.equity else "-"
            state = f"{'no data' if row.error else row.trading:<8}  {equity:>13}"
            line = f"{row.at:%H:%M:%S}  {row.cycle:>5}  {state}  {row.happened}"
            cut = "…" if len(line) > _LONGEST else ""
            sys.stdout.write(whole_words(safe(line, _LONGEST) + cut, _BELOW) + "\n")
        else:
            # One stream of rows: only the first has a header above it.
            emit(Document("run", [row]), COLUMNS, replace(common, no_header=common.no_header or self.shown))
            self.shown = True
        sys.stdout.flush()


async def running(session: Session, request: RunRequest, how: How) -> int:
    """The exit code; raises what ended the run before its time."""
    policy = how.policy(float(session.loaded.settings.monitoring.update_interval))
    if how.confirmed and not (how.live and session.app.network == "mainnet"):
        raise UsageError(
            "--confirm-mainnet is for --live on mainnet alone",
            hint=f"it would be {'live' if how.live else 'on paper'} on {session.app.network}: leave it out",
        )
    async with AsyncExitStack() as stack:
        trader = await stack.enter_async_context(_trader(session, how))
        agent = await stack.enter_async_context(
            opened_agent(session.app, trader, request, policy, dry=how.plan)
        )
        if session.app.passing and not how.plan:
            session.app.warn(
                "this sandbox ends with the run: to look at the account later, start `defi sandbox` first"
            )
        lines = _Lines(session, agent)
        if how.plan:
            lines.show(Cycle(1, await agent.plan(), 0.0))
        else:
            await _watched(session, agent, trader, how, lines)
        error = verdict(agent, trader.account)
        if session.common.format is Output.JSON:
            write_document(replace(_document(session, trader, lines.rows), error=error))
        if error is not None:
            write_error_line(error)
        return error.exit_code if error else 0


def _trader(session: Session, how: How) -> AbstractAsyncContextManager[Trader]:
    if not how.live:
        return nullcontext(paper_trader(session.app, how.account))
    return live_trader(session.app, how.asked, os.environ, how.confirmed, _warn)


async def _watched(session: Session, agent: Agent, trader: Trader, how: How, lines: "_Lines") -> None:
    account, home = trader.account, session.app.settings.home
    status = dict.fromkeys((status_path(account, home), *([how.status_file] if how.status_file else [])))
    health = Health(session.app.settings.run.memory_warning_mb * 1_000_000)
    watch = Watch(agent, account, health, tuple(status), how.metrics_file, _warn, agent.clock.now())

    books, known = agent.ledger.books, set(agent.ledger.books.orders)

    def told(cycle: Cycle) -> None:
        watch.cycle(cycle)
        known.clear()
        known.update(books.orders)
        lines.show(cycle)

    agent.watch = told
    # Before anything trades: a path that cannot be is said now.
    watch.write("starting")
    tune_collector()
    greeting = _greeting(agent, trader)
    LOG.info("%s: %s", account.address, greeting.partition(";")[0])
    summary(session.common, greeting)
    with _leaving(agent):
        try:
            await agent.run()
        finally:
            watch.told("ended")
            _tell_closed(session.common, books, known)


def _tell_closed(common: Common, books: Bookkeeping, before: Collection[str]) -> None:
    """What was closed by orders that are not among those of `before`."""
    closed: dict[MarketKey, Decimal] = {}
    for name, order in books.orders.items():
        request = order.request
        if name not in before and request.reduce_only and order.filled:
            sign = 1 if request.side is Side.BUY else -1
            closed[request.market.key] = closed.get(request.market.key, Decimal(0)) + sign * order.filled
    if not common.quiet:
        for key, quantity in closed.items():
            done = "bought" if quantity > 0 else "sold"
            say(f"{safe(books.markets[key].ticker)}: {done} {plain(abs(quantity))} at the end, to close it")


@contextmanager
def _leaving(agent: Agent) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP end the run after what is under way.

    A second one ends it as any other command, but SIGHUP: a terminal that closes may send several.
    """
    loop = asyncio.get_running_loop()
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    if before[signal.SIGHUP] is signal.SIG_IGN:
        del before[signal.SIGHUP]

    def restore() -> None:
        # What the loop leaves behind is the system's own handling, which would kill without closing anything.
        for kind, handler in before.items():
            if loop.remove_signal_handler(kind):
                signal.signal(kind, handler)

    def leave(kind: int) -> None:
        if agent.leave.is_set() and kind != signal.SIGHUP:
            restore()
            signal.raise_signal(kind)
        agent.leave.set()

    for kind in before:
        loop.add_signal_handler(kind, leave, kind)
    try:
        yield
    finally:
        restore()


def _logged(row: RunRow) -> str:
    return f"round {row.cycle}, decision {row.decision}: {row.happened}"


def _greeting(agent: Agent, trader: Trader) -> str:
    """On paper the account's name is told by its kind; real orders are never of an account unnamed."""
    own = trader.account
    how = f"with real orders of {own.address}" if own.live else "on paper"
    signed = f", signed by {trader.signer}" if trader.signer not in ("", own.owner) else ""
    names = ", ".join(strategy.name for strategy, _ in agent.terms.strategies)
    count = len(agent.tickers)
    where = f"{count} market{'' if count == 1 else 's'} of {own.network}"
    return f"{names} on {where}, {how}{signed}; Ctrl-C ends the run in order"


def _document(session: Session, trader: Trader, rows: list[RunRow]) -> Document:
    execution = "live" if trader.account.live else "paper"
    return Document("run", rows, session.app.network, execution=execution)


def _warn(message: str) -> None:
    say(f"defi: warning: {message}")
