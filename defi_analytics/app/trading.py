"""Puts an agent together: the account's journal and lock, its chain (paper or real), terms and eyes."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from defi_analytics.app.limits import market_limits, risk_limits
from defi_analytics.app.parts import App
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketStatus
from defi_analytics.engine.agent import Agent, Policy, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.decisions import STARTED, terms_told
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.paper import ACCOUNT, PaperChain
from defi_analytics.engine.trade import Terms
from defi_analytics.errors import UsageError
from defi_analytics.ports import Chain, Strategy
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.storage.lock import AccountLock
from defi_analytics.strategies.registry import STRATEGIES
from defi_analytics.venues.injective.blocks import latest_block
from defi_analytics.venues.injective.resolve import resolve_many

STOP_FILE = "STOP"
"""In home; while it is there nothing is traded, whatever else is down."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a person asked for; empty means what the settings say."""

    strategies: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    max_loss: float | None = None
    """Account currency, of a day; and the drawdown that halts."""
    max_notional: float | None = None
    """Account currency, of one order."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose story it is: the network and the address, or paper."""

    network: str
    address: str = ACCOUNT

    @property
    def live(self) -> bool:
        return self.address != ACCOUNT

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


def strategies_of(app: App, request: RunRequest) -> tuple[Strategy, ...]:
    names = request.strategies or app.settings.run.strategies
    unknown = [name for name in names if name not in STRATEGIES]
    if unknown:
        raise UsageError(f"no strategy {unknown[0]!r}", hint=f"there are {', '.join(STRATEGIES)}")
    return tuple(STRATEGIES[name] for name in dict.fromkeys(names))


def market_names(app: App, request: RunRequest) -> tuple[str, ...]:
    """What may be traded: as asked, else the settings' list, else the markets they have limits for."""
    own = app.settings
    return request.markets or own.run.markets or tuple(market.id for market in own.injective.markets)


def limits_of(app: App, request: RunRequest) -> RiskLimits:
    """The settings' limits, never loosened by what was asked for."""
    own = risk_limits(app.settings)
    if request.max_notional is not None:
        own = tightened(own, own._replace(max_trade_size=request.max_notional))
    return own


async def traded_markets(app: App, request: RunRequest) -> list[Market]:
    """The verified active markets by these names; all of them when none is named. Raises UnknownMarket."""
    listed = list((await app.injective().listing()).markets.values())
    names = market_names(app, request)
    chosen = resolve_many(names, listed) if names else listed
    return [market for market in chosen if market.verified and market.status is MarketStatus.ACTIVE]


def terms_of_run(
    app: App, request: RunRequest, markets: Sequence[Market], reserved: dict[str, Decimal]
) -> Terms:
    chosen = strategies_of(app, request)
    return Terms(
        strategies=tuple((strategy, strategy.params) for strategy in chosen),
        limits=limits_of(app, request),
        market_limits=market_limits(app.settings, markets),
        currency=app.settings.run.currency,
        gas_per_order=float(app.settings.scan.gas_cost_inj),
        reserved=reserved,
    )


def eyes(
    app: App, request: RunRequest, markets: Sequence[Market], ledger: Ledger
) -> Callable[[Backoff], Awaitable[Seen]]:
    """How the agent looks: as `scan` does, and at what it holds besides; a reference that fails may rest."""
    kinds = frozenset(EdgeKind(strategy.kind) for strategy in strategies_of(app, request))
    keys = tuple(market.market_id for market in markets)

    async def seen(backoff: Backoff) -> Seen:
        held = {key for key, held in ledger.books.net.items() if held.quantity}
        held |= {order.request.market.key for order in ledger.books.live}
        resting = backoff.resting(app.clock.monotonic(), guarding=bool(held))
        against = tuple(name for name in app.default_against() if name not in resting)
        found = await look(app, ScanRequest(markets=keys, kinds=kinds, against=against, held=frozenset(held)))
        silent = {problem.source for problem in found.snapshot.problems if problem.retryable}
        backoff.told(against, silent, app.clock.monotonic())
        present = [found.snapshot.markets[m.key] for m in markets if m.key in found.snapshot.markets]
        return Seen(found.snapshot, found.scope, found.limits, found.edges, present)

    return seen


@asynccontextmanager
async def opened_ledger(app: App, account: Account, *, locked: bool) -> AsyncIterator[Ledger]:
    """The account's story; `locked` for who sends orders. Raises WrongState while another process does."""
    home = app.settings.home
    async with AsyncExitStack() as stack:
        if locked:
            stack.enter_context(account.lock(home))
        journal = stack.enter_context(SqliteJournal(account.journal(home)))
        ledger = Ledger.opened(journal, app.clock)
        if app.network == "sandbox" and await _began_anew(app, ledger):
            ledger = _other_story(app, account, journal, stack) if locked else Ledger(Unwritten(), app.clock)
        yield ledger


async def _began_anew(app: App, ledger: Ledger) -> bool:
    """Whether the chain is younger than the journal: each sandbox is a chain of its own."""
    return (await latest_block(app.http, app.injective_network)).height < ledger.books.scanned_height


def _other_story(app: App, account: Account, journal: SqliteJournal, stack: AsyncExitStack) -> Ledger:
    """A new journal; that of a sandbox that is gone is kept beside it, under a name that says so."""
    path = account.journal(app.settings.home)
    journal.close()
    kept = next(
        name for n in count(1) if not (name := path.with_name(f"{path.stem}.ended-{n}.sqlite")).exists()
    )
    path.rename(kept)
    app.warn(f"this sandbox is a new chain: the journal of the one before is kept as {kept.name}")
    return Ledger.opened(stack.enter_context(SqliteJournal(path)), app.clock)


def paper_chain(app: App, ledger: Ledger) -> PaperChain:
    start = {symbol.upper(): amount for symbol, amount in app.settings.run.paper_balances.items()}
    return PaperChain(
        app.injective(), lambda: latest_block(app.http, app.injective_network), app.clock, ledger.books, start
    )


@dataclass(frozen=True, slots=True)
class Trader:
    """An account, and how its orders reach the market."""

    account: Account
    chain_of: Callable[[Ledger], Chain]


def paper_trader(app: App) -> Trader:
    return Trader(Account(app.network), lambda ledger: paper_chain(app, ledger))


@asynccontextmanager
async def opened_agent(
    app: App, trader: Trader, request: RunRequest, policy: Policy, *, dry: bool = False
) -> AsyncIterator[Agent]:
    """An agent that is ready to run; its account is nobody else's while this is open.

    `dry` decides without writing anything down, so it must not act; it needs no lock.
    """
    account = trader.account
    async with opened_ledger(app, account, locked=not dry) as ledger:
        if dry:
            ledger.journal = Unwritten(ledger.read)
        markets = await traded_markets(app, request)
        if not markets:
            raise UsageError("none of these markets can be traded", hint="see: defi market list")
        chain = trader.chain_of(ledger)
        reserved = await reserved_of(ledger, chain, markets, app.settings.run.currency)
        terms = terms_of_run(app, request, markets, reserved)
        look_again = eyes(app, request, markets, ledger)
        stopped = partial(told_to_stop, app.settings.home, account)
        agent = Agent(Execution(chain, ledger), look_again, terms, policy, app.clock, stopped)
        agent.tickers = {market.key: market.ticker for market in markets}
        if request.max_loss is not None:
            await agent.value()
            agent.terms = replace(terms, limits=_with_max_loss(terms.limits, request.max_loss, ledger))
        mode = "live" if account.live else "paper"
        ledger.write(STARTED, {"terms": terms_told(agent.terms), "mode": mode})
        yield agent


class Unwritten:
    """What would follow a journal's first records, in memory alone: a plan must leave no trace."""

    def __init__(self, length: int = 0) -> None:
        self._length = length
        self._rows: list[tuple[datetime, str, dict[str, Any]]] = []

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        self._rows.append((at, kind, dict(body)))

    def replay(self, *kinds: str, after: int = 0) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
        rows = self._rows[max(0, after - self._length) :]
        return iter([row for row in rows if not kinds or row[1] in kinds])


async def reserved_of(
    ledger: Ledger, chain: Chain, markets: Sequence[Market], currency: str
) -> dict[str, Decimal]:
    """What the account already had of what is traded here: it is not the strategies' to sell.

    Read from the venue before the first order of this journal, and from the journal ever after.
    """
    if ledger.baseline is None:
        portfolio = await chain.portfolio(markets)
        total = {b.asset: str(b.total) for b in portfolio.balances.values() if b.asset}
        ledger.write(BASELINE, {"height": portfolio.height, "balances": total})
    cash = {market.quote for market in markets} | {currency}
    known = ledger.baseline or {}
    return {asset: Decimal(amount) for asset, amount in known.items() if asset not in cash}


def _with_max_loss(limits: RiskLimits, max_loss: float, ledger: Ledger) -> RiskLimits:
    """The amount as a fraction of the day's first equity; it only tightens.

    An equity that is not known makes it NaN, and with such a limit everything is refused.
    """
    start = ledger.risk.day_start_equity
    share = max_loss / start if start > 0 else math.nan
    return tightened(limits, limits._replace(max_daily_loss=share, portfolio_stop_loss=share))
