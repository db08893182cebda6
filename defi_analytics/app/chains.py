"""Which chain an account trades on."""

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, Trader, paper_chain
from defi_analytics.errors import WrongState


def trader_of(app: App, account: Account) -> Trader:
    """Raises WrongState for an account whose chain cannot be opened."""
    if account.live:
        raise WrongState(
            f"{account.address} cannot be asked about: only paper accounts can",
            hint="use --account paper",
        )
    return Trader(account, lambda ledger: paper_chain(app, ledger))
