"""Whether a key may trade what it is told to: asked of the chain before anything is sent."""

from collections.abc import Sequence
from datetime import datetime
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


async def require(chain: "InjectiveChain", markets: Sequence[Market]) -> datetime | None:
    """Until when its grant lets a key trade them; None for a key that needs none.

    Raises AuthError for a key that cannot trade them, DataError when nobody can tell.

    That a key which trades for its own account can withdraw is judged before, when it is opened.
    """
    found = await shortcomings(chain, markets) if chain.trader.delegated else ()
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise AuthError(f"{found[0]}{more}", hint="see: defi key check; defi key grant")
    if lack := await lack_of_gas(chain):
        raise AuthError(lack, hint=SEND_SOME)
    return await _granted_until(chain, markets) if chain.trader.delegated else None


async def _granted_until(chain: "InjectiveChain", markets: Sequence[Market]) -> datetime:
    """Of each market the last grant that allows it, and of all these the first to end; without one, any."""
    from defi_analytics.venues.injective.chain.grants import TradingGrant, allows

    own = [
        (grant, grant.expires)
        for grant in await chain.grants()
        if isinstance(grant, TradingGrant) and grant.subaccount_id == chain.trader.subaccount_id
    ]
    now = chain.clock.now()
    return min(
        (
            max((until for grant, until in own if until and allows(grant, one)), default=now)
            for one in markets
        ),
        default=max((until for _, until in own if until), default=now),
    )
