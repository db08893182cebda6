"""Which chain an account trades on."""

from collections.abc import Callable

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, paper_chain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import WrongState
from defi_analytics.ports import Chain


def chain_of(app: App, account: Account) -> Callable[[Ledger], Chain]:
    """How to open it, once the account's story is read. Raises WrongState for one that cannot be opened."""
    if account.live:
        raise WrongState(
            f"{account.address} cannot be asked about: only paper accounts can",
            hint="use --account paper",
        )
    return lambda ledger: paper_chain(app, ledger)
