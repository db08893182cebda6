"""Whether a key may trade what it is told to: asked of the chain before anything is sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from defi_analytics.domain.market import Market
from defi_analytics.errors import AuthError, NotFound

if TYPE_CHECKING:
    from defi_analytics.venues.injective.chain.chain import InjectiveChain

NO_GRANT = "the account grants this key no trading, or no longer"


async def shortcomings(chain: "InjectiveChain", markets: Sequence[Market]) -> tuple[str, ...]:
    """One line each; nothing for a key that may trade these markets, and can do nothing else."""
    try:
        found = await chain.shortcomings(markets)
    except NotFound:
        # The gateway's way to say that there is no grant between the two.
        found = (NO_GRANT,)
    return found + (() if await chain.gas_balance() else (_no_gas(chain),))


async def require(chain: "InjectiveChain", markets: Sequence[Market]) -> None:
    """Raises AuthError for a key that cannot trade them, DataError when nobody can tell.

    That a key which trades for its own account can withdraw is judged before, when it is opened.
    """
    if chain.trader.delegated:
        found = await shortcomings(chain, markets)
    else:
        found = () if await chain.gas_balance() else (_no_gas(chain),)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise AuthError(f"{found[0]}{more}", hint="see: defi key check; defi key grant")


def _no_gas(chain: "InjectiveChain") -> str:
    return f"{chain.trader.signer} has no INJ to pay for gas: send it a little"
