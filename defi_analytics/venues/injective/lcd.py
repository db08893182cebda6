"""The chain read through its REST gateway (LCD), exchange v2: human units, no key, no indexer to lag."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Listing, Problem
from defi_analytics.errors import DataError
from defi_analytics.ports import Clock, HttpClient
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.blocks import BlockTime, dated
from defi_analytics.venues.injective.books import parse_order_book
from defi_analytics.venues.injective.charts import Charts
from defi_analytics.venues.injective.funding import Funding, latest_rate, parse_funding
from defi_analytics.venues.injective.indexer import SOURCE as INDEXER
from defi_analytics.venues.injective.indexer import InjectiveIndexer
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.injective.markets import parse_derivative_markets, parse_spot_markets
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.wire import together

DEPTH = 100
ALL_KINDS = frozenset(MarketKind)
_DERIVATIVES = frozenset({MarketKind.PERPETUAL, MarketKind.FUTURE})
_WITH_TOPS = {"status": "Active", "with_mid_price_and_tob": "true"}

Parser = Callable[[str, bytes, Assets, datetime], Listing]


@dataclass(slots=True)
class InjectiveMarketData:
    """Injective's markets as the chain tells them.

    `Top.funding_hourly` stays empty: the chain holds the rules and the sum of funding, not the rate of an
    hour (see `Funding`). `funding_hourly` therefore asks the indexer.
    """

    http: HttpClient
    clock: Clock
    network: Network
    assets: Assets
    kinds: frozenset[MarketKind] = ALL_KINDS
    """Without derivatives, or without spot, a listing costs one request instead of two."""
    depth: int = DEPTH
    """Levels asked for on each side of a book."""
    charts: Charts = field(init=False)
    _block_time: BlockTime = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._block_time = BlockTime(self.http, self.clock, self.network)
        self.charts = Charts(self.http, self.network.chart_urls)

    @property
    def venue(self) -> str:
        return VENUE

    async def listing(self) -> Listing:
        """All active markets of `kinds`. One list that fails is a problem; all that fail, an error."""
        lists: list[Coroutine[Any, Any, Listing | DataError]] = []
        if MarketKind.SPOT in self.kinds:
            lists.append(self._list("spot/full_markets", parse_spot_markets))
        if self.kinds & _DERIVATIVES:
            lists.append(self._list("derivative/markets", parse_derivative_markets))
        return self._merged(await asyncio.gather(*lists))

    async def details(self, market: Market) -> Market:
        return market

    async def order_book(self, market: Market) -> OrderBook:
        """The book, dated by the latest block, which is asked for at the same time.

        The gateway tells a sequence number but no time, and an undated book is no book: without the block
        this raises its DataError. Books asked for within a second share one request for the block, so a
        book may be up to that much younger than its date. Nodes behind the load balancer may differ by a
        block, in either direction.
        """
        path = f"{_folder(market)}/orderbook/{market.market_id}"
        reading = self.http.get(VENUE, self._url(path), {"limit": str(self.depth)})
        body, made = await together(reading, self._block_time.read())
        return parse_order_book(VENUE, body, market, dated(made, self.clock.now()), self.depth)

    async def funding_hourly(self, market: Market) -> float | None:
        """The rate charged for the last full hour; None on spot, futures and before the first hour ended.

        The chain's own cumulative funding is a sum in quote since the market began: a rate would take two
        readings an hour apart and the price between them. Raises Stale when the indexer's latest is older
        than `MAX_RATE_AGE_S`.
        """
        if market.kind is not MarketKind.PERPETUAL:
            return None
        indexer = InjectiveIndexer(self.http, self.clock, self.network, self.assets)
        rates = await indexer.funding_rates(market, 1)
        return latest_rate(INDEXER, rates, self.clock.now())

    async def candles(
        self, market: Market, resolution_s: int, start: datetime, end: datetime
    ) -> Sequence[Candle]:
        return await self.charts.candles(market, resolution_s, start, end)

    async def funding(self, market: Market) -> Funding:
        """Raises NotFound for a market that is not perpetual."""
        body = await self.http.get(VENUE, self._url(f"derivative/markets/{market.market_id}"))
        return parse_funding(VENUE, body)

    def _url(self, path: str) -> str:
        return f"{self.network.lcd_url}/injective/exchange/v2/{path}"

    async def _list(self, path: str, parse: Parser) -> Listing | DataError:
        try:
            body = await self.http.get(VENUE, self._url(path), _WITH_TOPS)
            return parse(VENUE, body, self.assets, self.clock.now())
        except DataError as error:
            return error

    def _merged(self, answers: Sequence[Listing | DataError]) -> Listing:
        errors = [answer for answer in answers if isinstance(answer, DataError)]
        if errors and len(errors) == len(answers):
            raise errors[0]
        listings = [answer for answer in answers if isinstance(answer, Listing)]
        markets = {
            market_id: market
            for one in listings
            for market_id, market in one.markets.items()
            if market.kind in self.kinds
        }
        tops = {key: top for one in listings for key, top in one.tops.items() if key in markets}
        problems = [problem for one in listings for problem in one.problems]
        return Listing(VENUE, markets, tops, (*problems, *map(_problem, errors)))


def _folder(market: Market) -> str:
    return "spot" if market.kind is MarketKind.SPOT else "derivative"


def _problem(error: DataError) -> Problem:
    return Problem(error.source, error.code, error.message, error.retryable)
