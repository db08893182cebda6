"""The chain read through its REST gateway (LCD), exchange v2: human units, no key, no indexer to lag."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from defi_analytics.domain.book import Candle, OrderBook
from defi_analytics.domain.market import Market, MarketKind, MarketStatus
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
from defi_analytics.venues.injective.market_rows import INACTIVE, VENUE
from defi_analytics.venues.injective.markets import parse_derivative_markets, parse_spot_markets
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.injective.taking_orders import PATH as PARAMS
from defi_analytics.venues.injective.taking_orders import parse_post_only_until
from defi_analytics.venues.wire import together

DEPTH = 100
ALL_KINDS = frozenset(MarketKind)
_DERIVATIVES = frozenset({MarketKind.PERPETUAL, MarketKind.FUTURE})

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
    known: tuple[Market, ...] = ()
    """Who trades these is told what became of them: see `listing`."""
    charts: Charts = field(init=False)
    _block_time: BlockTime = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._block_time = BlockTime(self.http, self.clock, self.network)
        self.charts = Charts(self.http, self.network.chart_urls)

    @property
    def venue(self) -> str:
        return VENUE

    async def listing(self) -> Listing:
        """All active markets of `kinds`. One list that fails is a problem; all that fail, an error.

        Of the `known` ones it tells also those that are not active any more, with their status, UNKNOWN
        where nobody tells it; and for their sake, whether the exchange takes post-only orders alone. Where
        the list that they belong to fails, they are left out.
        """
        if not self.known:
            return self._merged(await self._lists("Active"))
        lists, told = await asyncio.gather(self._lists("Active"), self._post_only())
        listed = self._merged(lists)
        if isinstance(told, DataError):
            listed = replace(listed, problems=(*listed.problems, _problem(told)))
        elif told:
            posted = {key: _as(market, MarketStatus.POST_ONLY) for key, market in listed.markets.items()}
            listed = replace(listed, markets=posted)
        failed = {path for path, answer in lists.items() if isinstance(answer, DataError)}
        return await self._with_known(listed, failed)

    async def inactive(self, market_ids: Collection[str] = ()) -> Listing:
        """Markets of `kinds` that are listed and not active; only these, where some are named.

        Raises DataError as `listing` does.
        """
        found = Listing(VENUE, {}, {})
        for status in INACTIVE:
            missing = [one for one in market_ids if one not in found.markets]
            if missing or not market_ids:
                found = _both(found, self._merged(await self._lists(status, missing)))
        return found

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

    async def _lists(self, status: str, market_ids: Sequence[str] = ()) -> dict[str, Listing | DataError]:
        """By path."""
        asked = {path: parse for path, (kinds, parse) in _LISTS.items() if self.kinds & kinds}
        answers = await asyncio.gather(*(self._list(*each, status, market_ids) for each in asked.items()))
        return dict(zip(asked, answers, strict=True))

    async def _list(
        self, path: str, parse: Parser, status: str, market_ids: Sequence[str]
    ) -> Listing | DataError:
        query = [("status", status), ("with_mid_price_and_tob", "true")]
        query += [("market_ids", market_id) for market_id in market_ids]
        try:
            body = await self.http.get(VENUE, self._url(path), query)
            return parse(VENUE, body, self.assets, self.clock.now())
        except DataError as error:
            return error

    async def _post_only(self) -> bool | DataError:
        """Whether the next block takes no order that would trade at once."""
        try:
            body, block = await together(self.http.get(VENUE, self._url(PARAMS)), self._block_time.latest())
            return parse_post_only_until(VENUE, body) > block.height + 1
        except DataError as error:
            return error

    async def _with_known(self, listed: Listing, failed: Collection[str]) -> Listing:
        absent = {
            market.market_id: _as(market, MarketStatus.UNKNOWN)
            for market in self.known
            if market.market_id not in listed.markets
            and market.kind in self.kinds
            and _path(market) not in failed
        }
        if not absent:
            return listed
        try:
            found = await self.inactive(absent)
        except DataError as error:
            found = Listing(VENUE, {}, {}, (_problem(error),))
        return _both(replace(listed, markets={**absent, **listed.markets}), found)

    def _merged(self, lists: Mapping[str, Listing | DataError]) -> Listing:
        answers = list(lists.values())
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


_LISTS: dict[str, tuple[frozenset[MarketKind], Parser]] = {
    "spot/full_markets": (frozenset({MarketKind.SPOT}), parse_spot_markets),
    "derivative/markets": (_DERIVATIVES, parse_derivative_markets),
}


def _path(market: Market) -> str:
    return next(path for path, (kinds, _) in _LISTS.items() if market.kind in kinds)


def _as(market: Market, status: MarketStatus) -> Market:
    return replace(market, status=status)


def _both(first: Listing, second: Listing) -> Listing:
    """What the second tells of a market counts."""
    markets, tops = {**first.markets, **second.markets}, {**first.tops, **second.tops}
    return Listing(first.venue, markets, tops, (*first.problems, *second.problems))


def _folder(market: Market) -> str:
    return "spot" if market.kind is MarketKind.SPOT else "derivative"


def _problem(error: DataError) -> Problem:
    return Problem(error.source, error.code, error.message, error.retryable)
