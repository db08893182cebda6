"""Whether a key may trade what it is told to: asked of the chain before anything is sent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from defi_analytics.domain.market import Market
from defi_analytics.errors import AuthError, NotFound

if TYPE_CHECKING:
    from defi_analytics.venues.injective.chain.chain import InjectiveChain

SEND_SOME = "send it a little, such as 0.1 INJ"
NO_GRANT = "the account grants this key no trading, or no longer"


async def shortcomings(chain: "InjectiveChain", markets: Sequence[Market]) -> tuple[str, ...]:
    """Of its grant, one line each; nothing for a key that may trade these markets, and do nothing else."""
    try:
        return await chain.shortcomings(markets)
    except NotFound:
        # The gateway's way to say that there is no grant between the two.
        return (NO_GRANT,)


async def lack_of_gas(chain: "InjectiveChain") -> str:
    """Empty for a key that has any INJ."""
    return "" if await chain.gas_balance() else f"{chain.trader.signer} has no INJ to pay for gas"


async def require(chain: "InjectiveChain", markets: Sequence[Market]) -> None:
    """Raises AuthError for a key that cannot trade them, DataError when nobody can tell.

    That a key which trades for its own account can withdraw is judged before, when it is opened.
    """
    found = await shortcomings(chain, markets) if chain.trader.delegated else ()
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise AuthError(f"{found[0]}{more}", hint="see: defi key check; defi key grant")
    if lack := await lack_of_gas(chain):
        raise AuthError(lack, hint=SEND_SOME)
