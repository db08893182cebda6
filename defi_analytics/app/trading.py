"""Puts an agent together: the account's journal and lock, its chain (paper or real), terms and eyes."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from defi_analytics.app.accounts import Account, checked_address, told_to_stop
from defi_analytics.app.alone import alone
from defi_analytics.app.booking import book_received
from defi_analytics.app.capital import give
from defi_analytics.app.inspecting import Inspection
from defi_analytics.app.ledgers import Unwritten, opened_ledger
from defi_analytics.app.limits import capital_of, market_limits, risk_limits
from defi_analytics.app.parts import App
from defi_analytics.app.sandboxed import take_over
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.app.starting import agreed, reserved_of
from defi_analytics.app.traded import chosen, left_behind, may_trade, warned
from defi_analytics.app.valuing import (
    TRADED,
    VALUED,
    comparable,
    revalue,
    traded_before,
    valued,
    valued_before,
)
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market
from defi_analytics.engine.agent import Agent, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.decisions import STARTED, terms_told
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT, PaperChain
from defi_analytics.engine.policy import Policy
from defi_analytics.engine.terms import Terms
from defi_analytics.errors import Mismatch, UsageError
from defi_analytics.ports import Chain, Strategy
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.storage.lock import holder_of
from defi_analytics.strategies.registry import STRATEGIES
from defi_analytics.venues.injective.blocks import latest_block


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a person asked for; empty means what the settings say."""

    strategies: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()
    max_loss: float | None = None
    """Account currency, of a UTC day; what halts."""
    max_notional: float | None = None
    """Account currency, of one order."""
    known: tuple[Market, ...] = ()
    """What is held, as it was known: it may not be listed any more."""


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
    if request.max_loss is not None:
        own = own._replace(max_loss=request.max_loss)
    if request.max_notional is not None:
        own = tightened(own, own._replace(max_trade_size=request.max_notional))
    return own


async def traded_markets(app: App, request: RunRequest) -> list[Market]:
    """The verified markets by these names; all active ones when none is named. Raises UnknownMarket.

    One that was named and takes no orders now is among them, for it may again, unless it is closed for good.
    """
    kept = {market.key for market in request.known}
    found = await chosen(app, market_names(app, request), request.known)
    return [market for market in found if may_trade(market) or market.key in kept]


async def _allowed(app: App, markets: Sequence[Market]) -> list[Market]:
    """Those on the settings' list, where there is one: real orders go nowhere else, whatever is asked for."""
    if not market_names(app, RunRequest()):
        return list(markets)
    listed = {market.key for market in await traded_markets(app, RunRequest())}
    for market in markets:
        if market.key not in listed:
            app.warn(f"{market.ticker} is left out: run.markets does not list it")
    return [market for market in markets if market.key in listed]


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
    keys, known = tuple(market.market_id for market in markets), tuple(markets)

    async def seen(backoff: Backoff) -> Seen:
        held = ledger.books.at_risk
        resting = backoff.resting(app.clock.monotonic(), guarding=bool(held))
        against = tuple(name for name in app.default_against() if name not in resting)
        asked = ScanRequest(markets=keys, kinds=kinds, against=against, held=held, known=known)
        found = await look(app, asked)
        silent = {problem.source for problem in found.snapshot.problems if problem.retryable}
        backoff.told(against, silent, app.clock.monotonic())
        present = [found.snapshot.markets[m.key] for m in markets if m.key in found.snapshot.markets]
        return Seen(found.snapshot, found.scope, found.limits, found.edges, present)

    return seen


def paper_chain(app: App, ledger: Ledger) -> PaperChain:
    start = {symbol.upper(): amount for symbol, amount in app.settings.run.paper_balances.items()}
    return PaperChain(
        app.injective(), lambda: latest_block(app.http, app.injective_network), app.clock, ledger.books, start
    )


async def _for_ever(markets: Sequence[Market]) -> datetime | None:
    return None


@dataclass(frozen=True, slots=True)
class Trader:
    """An account, and how its orders reach the market."""

    account: Account
    chain_of: Callable[[Ledger], Chain]
    pays_gas: bool = True
    """False where another key or subaccount pays, and on paper, where its books alone do."""
    may_trade: Callable[[Sequence[Market]], Awaitable[datetime | None]] = _for_ever
    """Until when, None for ever; raises AuthError for markets that its key may not trade."""
    signer: str = ""
    """The address whose key signs; empty for paper."""

    @property
    def senders(self) -> list[str]:
        """Whose transactions nobody else may send meanwhile."""
        return sorted({self.account.address, self.signer}) if self.signer else []


def paper_trader(app: App, name: str = ACCOUNT) -> Trader:
    """Each name is an account of its own. Raises UsageError for one that is not of paper."""
    account = Account(app.network, checked_address(name))
    if account.live:
        raise UsageError(f"{name} is no account on paper", hint="add --live, or name it paper-NAME")
    return Trader(account, lambda ledger: paper_chain(app, ledger), pays_gas=False)


@asynccontextmanager
async def opened_agent(
    app: App,
    trader: Trader,
    request: RunRequest,
    policy: Policy,
    *,
    dry: bool = False,
    closing: bool = False,
) -> AsyncIterator[Agent]:
    """An agent that is ready to run; its account is nobody else's while this is open.

    `dry` decides without writing anything down, so it must not act; it needs no lock. Raises Mismatch where
    venue and journal disagree, unless it is only `closing` what is held.
    """
    markets = await _meant(app, trader, request, closing=closing)
    until = None if closing else await trader.may_trade(markets)
    async with _own_ledger(app, trader, dry=dry) as ledger:
        if not closing:
            named = market_names(app, request)
            markets += await left_behind(app, named, ledger, markets, trader.account.options)
        agent = await _agent(app, trader, request, policy, ledger, markets)
        if closing:
            # It looks at what it closes alone, which is less than the account; and nobody is to be kept from
            # closing by what cannot be priced now.
            agent.valued = comparable(ledger, markets, agent.terms.currency)
        else:
            await _compare(app, trader, agent, markets, dry=dry)
            await revalue(app, agent, markets)
            await give(agent, capital_of(app.settings), Ledger(Unwritten(), app.clock))
            agent.inspect = Inspection(agent, markets, trader.may_trade, until, trader.pays_gas).round
        ledger.write(STARTED, _told(trader.account, agent, markets))
        yield agent


async def _meant(app: App, trader: Trader, request: RunRequest, *, closing: bool) -> list[Market]:
    """What will be traded: whether it means anything is told before any file is touched."""
    strategies_of(app, request)
    own = risk_limits(app.settings).max_trade_size
    for name, amount in (("--max-loss", request.max_loss), ("--max-notional", request.max_notional)):
        if amount is not None and not 0.0 < amount < math.inf:
            raise UsageError(f"{name} {amount:g}: it must be more than 0, and finite")
    if request.max_notional is not None and request.max_notional > own:
        app.warn(f"--max-notional {request.max_notional:g} loosens nothing: {own:g} of the settings stays")
    markets = await traded_markets(app, request)
    if trader.account.live and not closing:
        markets = await _allowed(app, markets)
    if not markets:
        raise UsageError("none of these markets can be traded", hint="see: defi market list")
    return warned(app, markets)


@asynccontextmanager
async def _own_ledger(app: App, trader: Trader, *, dry: bool) -> AsyncIterator[Ledger]:
    async with opened_ledger(app, trader.account, locked=not dry) as ledger:
        if dry:
            ledger.journal = Unwritten(ledger.journal, ledger.read)
        with nullcontext() if dry else alone(app, trader.senders):
            yield ledger


async def _agent(
    app: App, trader: Trader, request: RunRequest, policy: Policy, ledger: Ledger, markets: Sequence[Market]
) -> Agent:
    chain = trader.chain_of(ledger)
    reserved = await reserved_of(ledger, chain, markets, app.settings.run.currency)
    terms = replace(terms_of_run(app, request, markets, reserved), pays_gas=trader.pays_gas)
    stopped = partial(told_to_stop, app.settings.home, trader.account)
    look_again = eyes(app, request, markets, ledger)
    own = trader.account.options
    execution = Execution(chain, ledger, stopped, trader.pays_gas, tuple(markets), own)
    agent = Agent(execution, look_again, terms, policy, app.clock)
    agent.tickers = {market.key: market.ticker for market in markets}
    await take_over(agent, Ledger(Unwritten(), app.clock))
    return agent


async def _compare(app: App, trader: Trader, agent: Agent, markets: Sequence[Market], *, dry: bool) -> None:
    """Raises Mismatch. Who plans beside a running agent leaves it to that one: it may be sending just now."""
    account = trader.account
    if dry and holder_of(account.lock(app.settings.home).path):
        return
    try:
        found = await agreed(agent, markets, pays_gas=trader.pays_gas, dry=dry)
        await book_received(app, agent, markets, found, pays_gas=trader.pays_gas, dry=dry)
    except Mismatch as error:
        named = f"--network {account.network} --account {account.address}"
        error.hint = f"nothing was sent; see what differs: defi reconcile {named}; {error.hint}"
        raise


def _told(account: Account, agent: Agent, markets: Sequence[Market]) -> dict[str, object]:
    """Where it is not valued, the last equity stays that of before, and so does what it is the worth of."""
    if agent.valued:
        traded, assets = [market.market_id for market in markets], valued(markets, agent.terms.currency)
    else:
        traded, assets = traded_before(agent.ledger), sorted(valued_before(agent.ledger) or ())
    return {
        "terms": terms_told(agent.terms),
        "mode": account.execution,
        TRADED: traded,
        VALUED: assets,
    }
