"""What comes before a run's first decision: what the account has, and that venue and journal agree on it."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.facts import cash_of
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.engine.protection import unguarded
from defi_analytics.engine.reckoning import GAS
from defi_analytics.engine.reconcile import WINDOW_BLOCKS, Reconciliation, reconcile
from defi_analytics.engine.records import Fills, Kind
from defi_analytics.errors import DataError, OutcomeUnknown
from defi_analytics.ports import Chain

LOG = logging.getLogger("defi.run")
_LOOKS = 3
_LOOK_AGAIN_S = 2.0
"""About three blocks: what differs then is no node that was behind."""
_READ_AGAIN_BLOCKS = 20


async def reserved_of(
    ledger: Ledger, chain: Chain, markets: Sequence[Market], currency: str
) -> dict[str, Decimal]:
    """What the account already had of what is traded here: it is not the strategies' to sell.

    Read from the venue before the first order on such an asset, and from the journal ever after.
    """
    touched = _assets(list(ledger.books.markets.values())) if ledger.baseline else set()
    new = _assets(markets) - (ledger.baseline or {}).keys() - touched
    if new:
        portfolio = await chain.portfolio(markets)
        if ledger.baseline and chain.account != ACCOUNT:
            # What was traded of a new asset before it is noted is in what is noted: not to be counted.
            old = [market for market in markets if not _assets([market]) & new]
            if not await _quiet(ledger, chain, old, portfolio.height):
                await Execution(chain, ledger).counting.count(old, portfolio.height)
        held = [(balance.asset, balance.total) for balance in portfolio.balances.values()]
        told = {asset: str(sum(total for one, total in held if one == asset)) for asset in sorted(new)}
        ledger.write(BASELINE, {"height": portfolio.height, "balances": told})
    cash, known = cash_of(markets, currency), ledger.baseline or {}
    return {asset: Decimal(amount) for asset, amount in known.items() if asset not in cash}


async def _quiet(ledger: Ledger, chain: Chain, markets: Sequence[Market], height: int) -> bool:
    """Counts the blocks up to `height` unread, where not even cash has moved since the last count.

    Many weeks of them take minutes to read, and may be kept by nobody.
    """
    if ledger.books.live or ledger.books.unresolved:
        return False
    found = await reconcile(ledger, chain, markets, window_blocks=0)
    if found.differences or not ledger.counted < height <= found.height:
        return False
    ledger.write(Kind.FILLS, Fills(ledger.counted + 1, height, ()))
    return True


async def compare(
    ledger: Ledger,
    chain: Chain,
    markets: Sequence[Market],
    *,
    pays_gas: bool,
    window_blocks: int = WINDOW_BLOCKS,
) -> Reconciliation:
    """What journal and venue tell of these markets, looked at again while an agent's records come in between.

    Fees are what was charged, the share that comes back to an account which names itself taken off already:
    there is no rebate to expect besides.
    """
    for _ in range(_LOOKS - 1):
        read = ledger.read
        found = await reconcile(ledger, chain, markets, pays_gas=pays_gas, window_blocks=window_blocks)
        ledger.catch_up()
        if found.clean or ledger.read == read:
            return found
    return await reconcile(ledger, chain, markets, pays_gas=pays_gas, window_blocks=window_blocks)


async def agreed(agent: Agent, markets: Sequence[Market], *, pays_gas: bool, dry: bool) -> Reconciliation:
    """Recovers, unless it is `dry`, and compares: a difference that stays keeps the agent from starting.

    What others traded with the account is counted, as it is in every round of a run; what no fill explains
    stays. Raises Mismatch, which says the first difference; DataError when the venue cannot be read, twice:
    what is held has its stop by then, as far as the venue takes one.
    """
    found = None
    with suppress(DataError):
        found = await _recovered(agent, markets, pays_gas=pays_gas, dry=dry)
    if found is None or not found.clean:
        await agent.clock.sleep(_LOOK_AGAIN_S)
        with suppress(DataError):
            await agent.execution.counting.count(markets)
        try:
            found = await _recovered(agent, markets, pays_gas=pays_gas, dry=dry)
        except DataError:
            if not dry:
                await _guarded(agent)
            raise
    found.require(agent.execution.options)
    return found


async def _guarded(agent: Agent) -> None:
    """What an agent entered just before it died gets its stop, though nobody can say yet how it stands."""
    if not unguarded(agent.ledger.books):
        return
    # It may be on other markets than before, or with another capital: to be compared with nothing yet.
    valued, agent.valued = agent.valued, False
    try:
        await agent.guard()
    except (DataError, OutcomeUnknown) as error:
        LOG.warning("what is held may have no stop: %s", error)
    finally:
        # A run that is compared now and then goes on, and is to know its losses.
        agent.valued = valued


async def _recovered(agent: Agent, markets: Sequence[Market], *, pays_gas: bool, dry: bool) -> Reconciliation:
    if not dry:
        agent.obey()
        await agent.execution.settle()
    ledger, chain = agent.ledger, agent.execution.chain
    window = await _window(ledger, chain)
    return await compare(ledger, chain, markets, pays_gas=pays_gas, window_blocks=window)


async def _window(ledger: Ledger, chain: Chain) -> int:
    """Blocks to read fills of: none where no order of ours can have met any, for quantities tell the rest."""
    if not ledger.books.live:
        return 0
    uncounted = (await chain.block()).height - ledger.counted
    return min(uncounted + _READ_AGAIN_BLOCKS, WINDOW_BLOCKS)


def _assets(markets: Sequence[Market]) -> set[str]:
    """Of spot also the base; what pays for gas always."""
    spot = {market.base for market in markets if market.kind is MarketKind.SPOT}
    return spot | {market.quote for market in markets} | {GAS}
