"""Compares an account with its venue, and records what a person declares to be their own doing."""

from collections.abc import Sequence
from decimal import Decimal

from defi_analytics.app.accounts import Account
from defi_analytics.app.booking import PERSON, book, worth_of
from defi_analytics.app.chains import onlooker_of
from defi_analytics.app.ledgers import opened_ledger, read_ledger
from defi_analytics.app.parts import App
from defi_analytics.app.starting import compare
from defi_analytics.app.trading import RunRequest, traded_markets
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.reconcile import WINDOW_BLOCKS, Reconciliation, unexplained


async def compared(app: App, account: Account) -> Reconciliation:
    """Reads alone; an agent may run meanwhile, and what it has not counted yet is no difference."""
    with read_ledger(app, account) as ledger:
        return await _reconciled(app, account, ledger)


async def accept(app: App, account: Account, flows: Sequence[tuple[str, Decimal]]) -> Reconciliation:
    """Records the flows, each exactly what was unexplained of its asset, and compares again.

    What fills explain is counted first: nobody may count it once more when it has become a flow; nor is what
    a run has valued already counted twice. Raises Mismatch for any other amount (none is recorded
    then), WrongState while an agent holds the account.
    """
    async with opened_ledger(app, account, locked=True) as ledger:
        found = await _reconciled(app, account, ledger, counting=True)
        differences = [unexplained(found, asset, quantity) for asset, quantity in flows]
        worth = [await worth_of(app, ledger, each) for each in differences]
        for each, amount in zip(differences, worth, strict=True):
            book(app, ledger, each, amount, PERSON)
        return await _reconciled(app, account, ledger)


async def _reconciled(
    app: App, account: Account, ledger: Ledger, *, counting: bool = False
) -> Reconciliation:
    """Without counting, once more with all blocks that are not counted, where those of the window differ."""
    markets = await traded_markets(app, RunRequest())
    trader = onlooker_of(app, account)
    chain = trader.chain_of(ledger)
    if counting:
        await Execution(chain, ledger).counting.count(markets)
    found = await compare(ledger, chain, markets, pays_gas=trader.pays_gas)
    uncounted = found.height - ledger.counted
    if found.clean or uncounted <= WINDOW_BLOCKS:
        return found
    return await compare(
        ledger, chain, markets, pays_gas=trader.pays_gas, window_blocks=uncounted + WINDOW_BLOCKS
    )
