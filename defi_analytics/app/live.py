"""The way to real orders: who may sign for which account on which network."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defi_analytics.app.accounts import Account
from defi_analytics.app.fitness import require
from defi_analytics.app.parts import App
from defi_analytics.app.signing import Asked, signer_for
from defi_analytics.app.trading import Trader
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import AuthError, UsageError
from defi_analytics.keys import terminal
from defi_analytics.ports import Signer

if TYPE_CHECKING:
    from defi_analytics.venues.injective.chain.chain import InjectiveChain


@dataclass(frozen=True, slots=True)
class Onlooker:
    """An address without its key: enough to read what its account holds and did."""

    address: str
    public_key: bytes = b""

    def sign(self, document: bytes) -> bytes:
        raise AuthError(f"{self.address} is only looked at here: nothing can be signed for it")


@asynccontextmanager
async def live_trader(
    app: App, asked: Asked, environ: Mapping[str, str], confirmed: str, warn: Callable[[str], None]
) -> AsyncIterator[Trader]:
    """Whoever may sign on this network; the key is wiped when this is left.

    On mainnet the account has to be confirmed by name, and what may be traded has to be listed: an order
    that nobody meant cannot be taken back. Raises AuthError without a key, or for another network's chain.
    """
    with signer_for(app.settings, asked, environ, warn) as signer:
        own = app.settings.keys
        chain = injective_chain(app, signer, own.granter, own.subaccount)
        await chain.block()
        if app.network == "mainnet":
            _check_mainnet(app, chain.account, confirmed, may_ask=asked.may_ask)
        yield Trader(
            Account.of_chain(app.network, chain.account, own.subaccount),
            lambda ledger: knowing(chain, ledger),
            chain.trader.pays_gas,
            lambda markets: require(chain, markets),
            signer.address,
        )


def knowing(chain: "InjectiveChain", ledger: Ledger) -> "InjectiveChain":
    """It is told what the journal says is held, for a paused market's position is in no list."""
    chain.expected = lambda: {key.market_id for key, own in ledger.books.net.items() if own.quantity}
    return chain


def injective_chain(app: App, signer: Signer, granter: str = "", subaccount: int = 0) -> "InjectiveChain":
    from defi_analytics.venues.injective.chain.chain import InjectiveChain
    from defi_analytics.venues.injective.chain.policy import ChainPolicy

    own = app.settings.run
    policy = ChainPolicy(timeout_blocks=own.timeout_blocks, max_fee=own.max_fee)
    network, assets = app.injective_network, app.assets()
    return InjectiveChain(app.http, app.clock, network, assets, signer, granter, subaccount, policy)


def _check_mainnet(app: App, account: str, confirmed: str, *, may_ask: bool) -> None:
    if not (app.settings.run.markets or app.settings.injective.markets):
        raise UsageError(
            "mainnet needs a list of what may be traded",
            hint="set run.markets; --market then chooses among them",
        )
    if not confirmed and may_ask and terminal.is_there():
        confirmed = terminal.typed(f"Real money. Type the account to trade for, {account}: ", hidden=False)
    if confirmed != account:
        raise UsageError(f"real money: confirm the account {account}", hint=f"--confirm-mainnet {account}")
