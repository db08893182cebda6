"""The indexer's REST surface: a second source of markets and books, and the only one of funding charged.

It lags behind the chain and lists every market anyone made, so it is asked only for what the chain does not
tell or when the chain does not answer.
Source: {indexer}/api/exchange/{spot,derivative}/…, Goa REST: camelCase, decimals as text in chain format.
"""

from dataclasses import dataclass

from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Listing
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.books import parse_indexer_order_book
from defi_analytics.venues.injective.funding import FundingRate, parse_funding_rates
from defi_analytics.venues.injective.markets import parse_indexer_markets
from defi_analytics.venues.injective.networks import Network

SOURCE = "injective-indexer"
DEPTH = 100
MOST_RATES = 100
"""The indexer's lists are cut at a hundred."""


@dataclass(frozen=True, slots=True)
class InjectiveIndexer:
    http: HttpClient
    clock: Clock
    network: Network
    assets: Assets

    async def markets(self, kind: MarketKind) -> Listing:
        """Active spot or, for any other kind, derivative markets; it publishes no tops with them."""
        folder = "spot" if kind is MarketKind.SPOT else "derivative"
        body = await self._get(f"{folder}/v1/markets", {"marketStatus": "active"})
        return parse_indexer_markets(SOURCE, body, self.assets, kind)

    async def order_book(self, market: Market, depth: int = DEPTH) -> OrderBook:
        """The book at the indexer's own time and sequence."""
        folder = "spot" if market.kind is MarketKind.SPOT else "derivative"
        body = await self._get(f"{folder}/v2/orderbook/{market.market_id}", {"depth": str(depth)})
        return parse_indexer_order_book(SOURCE, body, market, self.clock.now(), depth)

    async def funding_rates(self, market: Market, limit: int = MOST_RATES) -> tuple[FundingRate, ...]:
        """The hourly rates charged lately, newest first."""
        params = {"marketId": market.market_id, "limit": str(min(limit, MOST_RATES))}
        body = await self._get("derivative/v1/fundingRates", params)
        return parse_funding_rates(SOURCE, body, market.market_id)

    async def _get(self, path: str, params: dict[str, str]) -> bytes:
        return await self.http.get(SOURCE, f"{self.network.indexer_url}/api/exchange/{path}", params)
