"""What an account has granted a key, as a node tells it."""

from collections.abc import Sequence

from defi_analytics.app.parts import App
from defi_analytics.domain.market import Market
from defi_analytics.errors import Malformed, NotFound
from defi_analytics.venues.injective.chain.grants import Grant, parse_grants
from defi_analytics.venues.injective.chain.trader import Trader
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.resolve import resolve

MOST_PAGES = 20


async def markets_of(app: App, names: Sequence[str]) -> tuple[Market, ...]:
    """Raises UnknownMarket, naming the nearest."""
    listing = await app.injective().listing()
    known = list(listing.markets.values())
    return tuple({market.market_id: market for market in (resolve(name, known) for name in names)}.values())


async def grants_of(app: App, trader: Trader) -> tuple[Grant, ...]:
    """Everything the account allows the key to do. Source: cosmos.authz.v1beta1 Query Grants."""
    url = f"{app.injective_network.lcd_url}/cosmos/authz/v1beta1/grants"
    found: tuple[Grant, ...] = ()
    key = ""
    for _ in range(MOST_PAGES):
        params = {"granter": trader.account, "grantee": trader.signer}
        try:
            body = await app.http.get(VENUE, url, params | ({"pagination.key": key} if key else {}))
        except NotFound:
            # The gateway's way to say that there is none between the two.
            return found
        some, key = parse_grants(VENUE, body)
        found += some
        if not key:
            return found
    raise Malformed(VENUE, "grants without an end")
