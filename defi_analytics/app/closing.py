"""Closes what the strategies hold, through the same gate as everything else."""

from contextlib import AbstractAsyncContextManager
from decimal import Decimal

from defi_analytics.app.accounts import Account
from defi_analytics.app.chains import onlooker_of
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.parts import App
from defi_analytics.app.stopping import Step
from defi_analytics.app.traded import everywhere
from defi_analytics.app.trading import RunRequest, Trader, opened_agent
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKey, too_little
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.closing import rest
from defi_analytics.engine.differences import plain
from defi_analytics.engine.foreign import every_market
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.engine.requests import PREFIX
from defi_analytics.errors import DataError, Mismatch, OutcomeUnknown, WrongState
from defi_analytics.storage.lock import holder_of

_PATIENCE_S, _LOOK_S = 30.0, 1.0


async def flattened(app: App, account: Account, trader: AbstractAsyncContextManager[Trader]) -> list[Step]:
    """One step for each market that something was held on, or one for the account.

    `trader` is entered, and its key asked for, only where there is something to close.

    Raises WrongState while an agent runs this account: two that send for one account would not know of each
    other's orders, so it has to be stopped first. Raises OutcomeUnknown when something is still held,
    Mismatch when the venue shows what a journal that knows of nothing to close does not tell.
    """
    home = app.settings.home
    holder = holder_of(account.lock(home).path)
    if holder is not None:
        raise WrongState(
            f"process {holder} runs this account",
            hint="stop it first; `defi risk halt` keeps it from trading at once",
        )
    before = ledger_of(home, account, app.clock)
    markets = before.books.at_risk
    if not markets:
        return [await _nothing(app, account, before)]
    known = tuple(before.books.markets[key] for key in markets if key in before.books.markets)
    request = RunRequest(markets=tuple(key.market_id for key in markets), known=known)
    policy = Policy(interval_s=1.0, on_exit=OnExit.FLATTEN)
    async with (
        trader as entered,
        opened_agent(app, entered, request, policy, closing=True) as agent,
    ):
        try:
            await agent.finish()
        except OutcomeUnknown:
            left = _held(agent.ledger)
            for key, held in _held(before).items():
                if key not in left:
                    app.warn(_step(account, key, held, agent).message)
            raise
        await _verified(agent)
        return [_step(account, key, held, agent) for key, held in _held(before).items()]


async def _nothing(app: App, account: Account, ledger: Ledger) -> Step:
    """The venue is asked too: a journal that was put back may be older than what is held.

    Raises Mismatch where it shows anything.
    """
    none = "nothing is held and nothing is open"
    if not account.live:
        # An account on paper is what its journal says.
        return Step(account, "journal", True, none)
    try:
        shown = await _shown(app, account, ledger)
    except DataError as error:
        app.warn(f"the venue could not be asked, and a journal may be older than what is held: {error}")
        return Step(account, "journal", True, f"by the journal {none}")
    if shown:
        raise Mismatch(
            f"the journal knows of nothing to close, and the venue shows {shown}",
            hint="a position of your own? then it is yours to close; if the journal is older than it: "
            f"a run on these markets counts what our own orders did; see: defi reconcile {account.options}",
        )
    return Step(account, "venue", True, none)


async def _shown(app: App, account: Account, ledger: Ledger) -> str:
    """Positions, and orders of ours by the form of their id; empty for none. A person's coins are none."""
    chain = onlooker_of(app, account).chain_of(ledger)
    listed = (await everywhere(app)).markets.values()
    markets = every_market(ledger.books, [market for market in listed if market.verified])
    portfolio = await chain.portfolio(list(markets.values()))
    shown = [
        f"{plain(position.quantity)} {markets[key].base} on {markets[key].ticker}"
        for key, position in portfolio.positions.items()
        if not too_little(position.quantity, markets[key])
    ]
    orders = sum(1 for order in portfolio.open_orders if order.client_order_id.startswith(PREFIX))
    return ", ".join(shown + [f"{orders} of our orders"] * bool(orders))


async def _verified(agent: Agent) -> None:
    """By what the venue says, not by our books: asked again while it is silent, or a node is behind.

    Raises OutcomeUnknown when that does not come to rest in time.
    """
    until_s = agent.clock.monotonic() + _PATIENCE_S
    while left := await _left(agent):
        if agent.clock.monotonic() >= until_s:
            command = agent.execution.command
            raise OutcomeUnknown(left, hint=f"see: {command('positions')}; {command('orders')}")
        await agent.clock.sleep(_LOOK_S)


async def _left(agent: Agent) -> str:
    """What is not over yet; empty for nothing. What other clients have on the book is theirs."""
    books = agent.ledger.books
    markets = {market.key: market for market in agent.listed.of(books.markets)}
    try:
        portfolio = await agent.execution.chain.portfolio(list(markets.values()))
    except DataError as error:
        return f"nobody can tell whether everything is closed: {error}"
    held = portfolio.positions.items()
    positions = sum(1 for key, own in held if not too_little(own.quantity, markets.get(key)))
    orders = sum(1 for order in portfolio.open_orders if books.own(order) is not None)
    return f"the venue still shows {positions} positions and {orders} orders" if positions or orders else ""


def _held(ledger: Ledger) -> dict[MarketKey, Inventory]:
    books = ledger.books
    return {k: own for k, own in books.net.items() if not too_little(own.quantity, books.markets.get(k))}


def _step(account: Account, key: MarketKey, held: Inventory, agent: Agent) -> Step:
    books = agent.ledger.books
    [market] = agent.listed.of({key: books.markets[key]}) if key in books.markets else [None]
    left = rest(books, market) if market else Decimal(0)
    earned = books.net[key].cash
    name, quote = (market.ticker, market.quote) if market else (key.market_id, "")
    closed = plain(held.quantity - left)
    stays = f", {plain(left)} stay: less than a lot" if left else ""
    said = f"{name}: {closed} closed{stays}; all trades on this market together: {plain(earned)} {quote}"
    return Step(account, "venue", True, said)
