"""How an account is asked about, and in paper and the sandbox also traded for, without a person's key."""

from defi_analytics.app.live import Onlooker, injective_chain
from defi_analytics.app.parts import App
from defi_analytics.app.signing import Asked, signer_for
from defi_analytics.app.trading import Account, Trader, paper_chain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.ports import Chain, Signer


def trader_of(app: App, account: Account) -> Trader:
    """Paper, or the chain itself; there nothing can be signed but for the sandbox's development account."""
    if not account.live:
        return Trader(account, lambda ledger: paper_chain(app, ledger))
    signer, subaccount = _signer(app, account.address), app.settings.keys.subaccount
    return Trader(account, lambda ledger: injective_chain(app, signer, subaccount=subaccount))


def chain_of(app: App, account: Account, ledger: Ledger) -> Chain:
    return trader_of(app, account).chain_of(ledger)


def _signer(app: App, address: str) -> Signer:
    if app.network == "sandbox" and not app.settings.keys.name:
        known = signer_for(app.settings, Asked(), {}, _silent)
        if known.address == address:
            return known
    return Onlooker(address)


def _silent(warning: str) -> None:
    return None
