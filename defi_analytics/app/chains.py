"""How an account is asked about without a key, and how a person's key acts for one by name."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from defi_analytics.app.accounts import Account
from defi_analytics.app.live import Onlooker, injective_chain, knowing
from defi_analytics.app.parts import App
from defi_analytics.app.signing import Asked, keystore, name_of, signer_for
from defi_analytics.app.trading import Trader, paper_chain
from defi_analytics.config.settings import Settings
from defi_analytics.errors import AuthError


def onlooker_of(app: App, account: Account) -> Trader:
    """Paper, or the chain itself, where nothing can be signed then."""
    if not account.live:
        return Trader(account, lambda ledger: paper_chain(app, ledger), pays_gas=False)
    chain = injective_chain(app, Onlooker(account.owner), subaccount=account.subaccount)
    return Trader(account, lambda ledger: knowing(chain, ledger), pays_gas=_pays_gas(app.settings, account))


@asynccontextmanager
async def trader_of(
    app: App, account: Account, asked: Asked, environ: Mapping[str, str], warn: Callable[[str], None]
) -> AsyncIterator[Trader]:
    """Who takes orders back and closes positions of this account; its key is wiped when this is left.

    Also with a key that could withdraw: whatever was entered with it must come to an end. Raises AuthError
    without the key, or with one that trades for another account.
    """
    if not account.live:
        yield onlooker_of(app, account)
        return
    with signer_for(app.settings, asked._replace(may_withdraw=True), environ, warn) as signer:
        chain = injective_chain(app, signer, app.settings.keys.granter, account.subaccount)
        if chain.account != account.owner:
            raise AuthError(
                f"the key trades for {chain.account}, not for {account.owner}",
                hint="choose another with --key, or see keys.granter",
            )
        pays_gas = chain.trader.pays_gas
        yield Trader(account, lambda ledger: knowing(chain, ledger), pays_gas=pays_gas, signer=signer.address)


def _pays_gas(settings: Settings, account: Account) -> bool:
    """Whether the account's own key signs, by settings and keystore, and pays out of this subaccount."""
    address = account.owner
    if account.subaccount:
        return False
    if address != settings.keys.granter:
        return True
    try:
        return keystore(settings).found(name_of(settings)).address == address
    except AuthError:
        return False
