"""The way to real orders: who may sign for which account on which network."""

from typing import TYPE_CHECKING

from defi_analytics.app.parts import App
from defi_analytics.app.trading import Account, Trader
from defi_analytics.errors import AuthError, UsageError
from defi_analytics.ports import Chain, Signer

if TYPE_CHECKING:
    from defi_analytics.venues.injective.chain.chain import InjectiveChain

DEVELOPMENT_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""The first test account of Hardhat and Anvil: known to everybody, so worth nothing but in the sandbox."""


async def live_trader(app: App, confirmed: str) -> Trader:
    """Whoever may sign on this network. Raises AuthError without a key, or for another network's chain.

    On mainnet the account has to be confirmed by name, and what may be traded has to be listed: an order
    that nobody meant cannot be taken back.
    """
    chain = injective_chain(app, signer_of(app))
    await chain.block()
    if app.network == "mainnet":
        _check_mainnet(app, chain, confirmed)
    return Trader(Account(app.network, chain.account), lambda ledger: chain)


def injective_chain(app: App, signer: Signer) -> "InjectiveChain":
    from defi_analytics.venues.injective.chain.chain import InjectiveChain
    from defi_analytics.venues.injective.chain.policy import ChainPolicy

    policy = ChainPolicy(timeout_blocks=app.settings.run.timeout_blocks)
    return InjectiveChain(app.http, app.clock, app.injective_network, app.assets(), signer, policy=policy)


def signer_of(app: App) -> Signer:
    if app.network != "sandbox":
        raise AuthError("there is no key to sign with", hint="see: defi key new")
    from defi_analytics.keys.signer import KeySigner

    return KeySigner(bytearray.fromhex(DEVELOPMENT_KEY))


def _check_mainnet(app: App, chain: Chain, confirmed: str) -> None:
    if confirmed != chain.account:
        raise UsageError(
            f"real money: confirm the account {chain.account}", hint=f"--confirm-mainnet {chain.account}"
        )
    if not (app.settings.run.markets or app.settings.injective.markets):
        raise UsageError("mainnet needs a list of what may be traded", hint="set run.markets")
