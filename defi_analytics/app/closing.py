"""Closes what the strategies hold, through the same gate as everything else."""

from contextlib import AbstractAsyncContextManager

from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.parts import App
from defi_analytics.app.stopping import Step
from defi_analytics.app.trading import RunRequest, Trader, opened_agent
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKey
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.differences import plain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.errors import DataError, OutcomeUnknown, WrongState
from defi_analytics.storage.lock import holder_of

_PATIENCE_S, _LOOK_S = 30.0, 1.0


async def flattened(app: App, account: Account, trader: AbstractAsyncContextManager[Trader]) -> list[Step]:
    """One step for each market that something was held on.

    `trader` is entered, and its key asked for, only where there is something to close.

    Raises WrongState while an agent runs this account: two that send for one account would not know of each
    other's orders, so it has to be stopped first. Raises OutcomeUnknown when something is still held.
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
        return [Step(account, "journal", True, "nothing is held and nothing is open")]
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
                    app.warn(_step(account, key, held, agent.ledger).message)
            raise
        await _verified(agent)
        return [_step(account, key, held, agent.ledger) for key, held in _held(before).items()]


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
    try:
        portfolio = await agent.execution.chain.portfolio(list(books.markets.values()))
    except DataError as error:
        return f"nobody can tell whether everything is closed: {error}"
    positions = sum(1 for position in portfolio.positions.values() if position.quantity)
    orders = sum(1 for order in portfolio.open_orders if books.own(order) is not None)
    return f"the venue still shows {positions} positions and {orders} orders" if positions or orders else ""


def _held(ledger: Ledger) -> dict[MarketKey, Inventory]:
    return {key: held for key, held in ledger.books.net.items() if held.quantity}


def _step(account: Account, key: MarketKey, held: Inventory, ledger: Ledger) -> Step:
    market = ledger.books.markets.get(key)
    earned = ledger.books.net[key].cash
    name, quote = (market.ticker, market.quote) if market else (key.market_id, "")
    return Step(
        account,
        "venue",
        True,
        f"{name}: {plain(held.quantity)} closed; all trades on this market together: {plain(earned)} {quote}",
    )
