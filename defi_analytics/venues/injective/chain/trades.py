"""Fills as the indexer keeps them, for blocks that lie too far back to be read one by one.

Source: the indexer's GET /api/exchange/{spot,derivative}/v2/trades: camelCase, decimals in chain format, fees
in the quote's smallest unit, a trade's id beginning with its block's height; newest first, a hundred a page.
They do not tell by which index a perpetual's funding was settled.
"""

import re
from dataclasses import dataclass
from typing import Annotated

import msgspec

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.errors import ConfigError, Malformed
from defi_analytics.ports import HttpClient
from defi_analytics.venues.injective.chain.addresses import account_bytes
from defi_analytics.venues.injective.chain.executions import (
    Execution,
    is_liquidation,
    is_maker,
    with_forfeited,
)
from defi_analytics.venues.injective.chain.reach import Mark, Reach
from defi_analytics.venues.injective.chain.relaying import taken
from defi_analytics.venues.injective.networks import Network
from defi_analytics.venues.injective.units import chain_units, human
from defi_analytics.venues.wire import reading, utc

SOURCE = "injective-indexer"
PAGE = 100
MOST_PAGES = 200
_LATEST_MS = 4_102_444_800_000
"""2100."""
_ID = re.compile(r"([0-9]{1,18})(?:_[0-9]{1,9}){1,3}")
_SIDES = {"buy": Side.BUY, "sell": Side.SELL}


class _Price(msgspec.Struct, gc=False):
    price: str
    quantity: str


class _Trade(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    order_hash: str
    subaccount_id: str
    market_id: str
    trade_execution_type: str
    fee: str
    executed_at: int | str
    trade_id: str
    fee_recipient: str = ""
    cid: str = ""


class _SpotTrade(_Trade, gc=False, kw_only=True, rename="camel"):
    trade_direction: str
    price: _Price


class _Delta(msgspec.Struct, gc=False, rename="camel"):
    trade_direction: str
    execution_price: str
    execution_quantity: str


class _DerivativeTrade(_Trade, gc=False, kw_only=True, rename="camel"):
    position_delta: _Delta
    payout: str = ""
    is_liquidation: bool = False


class _SpotPage(msgspec.Struct, gc=False):
    trades: Annotated[list[_SpotTrade], msgspec.Meta(max_length=PAGE)] | None = None


class _DerivativePage(msgspec.Struct, gc=False):
    trades: Annotated[list[_DerivativeTrade], msgspec.Meta(max_length=PAGE)] | None = None


class _Executed(msgspec.Struct, gc=False, rename="camel"):
    executed_at: int | str
    trade_id: str


class _NewestPage(msgspec.Struct, gc=False):
    trades: Annotated[list[_Executed], msgspec.Meta(max_length=PAGE)] | None = None


_NEWEST = msgspec.json.Decoder(_NewestPage)
_SPOT = msgspec.json.Decoder(_SpotPage)
_DERIVATIVE = msgspec.json.Decoder(_DerivativePage)


class Traded(msgspec.Struct, frozen=True):
    """One row: what it tells, and by which id; the same id twice is the same trade."""

    identity: tuple[str, str]
    executed_ms: int
    execution: Execution


@dataclass(frozen=True, slots=True)
class IndexedTrades:
    http: HttpClient
    network: Network
    subaccount_id: str

    async def executions(self, market: Market, span: Reach, first: int, last: int) -> list[Execution]:
        """Of the blocks from `first` to `last`, both inclusive, which lie in `span`. Raises DataError."""
        found: dict[tuple[str, str], Traded] = {}
        for page in range(MOST_PAGES):
            body = await self._page(market, span, page * PAGE)
            rows = parse_trades(SOURCE, body, market, self.subaccount_id)
            found |= {row.identity: row for row in rows}
            if len(rows) < PAGE:
                own = [_dated(row, span) for row in found.values()]
                return [one for one in own if first <= one.height <= last]
        raise Malformed(SOURCE, f"more than {MOST_PAGES * PAGE} trades, or pages without an end")

    async def newest(self, kind: MarketKind, until_ms: int) -> Mark | None:
        """Anybody's up to then, on whichever market of the kind. Raises DataError.

        A market where nobody trades would be no sign of how far the indexer is, nor of how far back it goes.
        """
        params = {"endTime": str(until_ms), "limit": "1"}
        return parse_newest(SOURCE, await self.http.get(SOURCE, self._url(kind), params), until_ms)

    async def _page(self, market: Market, span: Reach, skip: int) -> bytes:
        params = {
            "marketId": market.market_id,
            "subaccountId": self.subaccount_id,
            "startTime": str(span.after.at_ms),
            "endTime": str(span.before.at_ms),
            "skip": str(skip),
            "limit": str(PAGE),
        }
        return await self.http.get(SOURCE, self._url(market.kind), params)

    def _url(self, kind: MarketKind) -> str:
        folder = "spot" if kind is MarketKind.SPOT else "derivative"
        return f"{self.network.indexer_url}/api/exchange/{folder}/v2/trades"


def parse_newest(source: str, body: bytes, until_ms: int) -> Mark | None:
    """None without any. Raises Malformed, also for one that is later."""
    with reading(source, "newest trade"):
        marks = [
            Mark(_height(row.trade_id), _milliseconds(row.executed_at))
            for row in _NEWEST.decode(body).trades or ()
        ]
        if any(mark.at_ms > until_ms for mark in marks):
            raise ValueError("a trade from after the time that was asked for")
        return max(marks, default=None)


def parse_trades(source: str, body: bytes, market: Market, subaccount_id: str) -> list[Traded]:
    """Raises Malformed, also for trades of another market or subaccount."""
    with reading(source, "trades"):
        if market.kind is MarketKind.SPOT:
            return [_spot(row, market, subaccount_id) for row in _SPOT.decode(body).trades or ()]
        return [_derivative(row, market, subaccount_id) for row in _DERIVATIVE.decode(body).trades or ()]


def _dated(row: Traded, span: Reach) -> Execution:
    """Raises Malformed when the id's height and the trade's time do not tell of the same blocks."""
    (start, start_ms), (end, end_ms) = span
    if start_ms < row.executed_ms < end_ms and not start <= row.execution.height <= end:
        raise Malformed(SOURCE, f"a trade whose id is not of its block: {row.identity[0]}")
    return row.execution


def _spot(row: _SpotTrade, market: Market, subaccount_id: str) -> Traded:
    return _traded(row, market, subaccount_id, row.trade_direction, row.price.price, row.price.quantity)


def _derivative(row: _DerivativeTrade, market: Market, subaccount_id: str) -> Traded:
    delta = row.position_delta
    traded = _traded(
        row, market, subaccount_id, delta.trade_direction, delta.execution_price, delta.execution_quantity
    )
    if not is_liquidation(row.trade_execution_type, row.cid, told=row.is_liquidation):
        return traded
    one = traded.execution
    fee = with_forfeited(one.fee, human(row.payout, chain_units(market).notional))
    return msgspec.structs.replace(traded, execution=one._replace(fee=fee, liquidation=True))


def _traded(
    row: _Trade, market: Market, subaccount_id: str, direction: str, price: str, quantity: str
) -> Traded:
    if direction not in _SIDES:
        raise ValueError("a trade without a proper direction")
    if "-" in (price[:1], quantity[:1]):
        raise ValueError("a negative price or quantity")
    if (row.market_id.lower(), row.subaccount_id.lower()) != (market.market_id, subaccount_id):
        raise ValueError("a trade of another market or subaccount")
    units = chain_units(market)
    executed_ms = _milliseconds(row.executed_at)
    execution = Execution(
        market=market,
        height=_height(row.trade_id),
        order_hash=row.order_hash.lower(),
        client_order_id=row.cid,
        side=_SIDES[direction],
        price=human(price, units.price),
        quantity=human(quantity, units.quantity),
        fee=taken(human(row.fee, units.notional), _hexadecimal(row.fee_recipient), subaccount_id),
        maker=is_maker(row.trade_execution_type),
        at=utc(executed_ms),
    )
    return Traded((row.trade_id, row.order_hash), executed_ms, execution)


def _height(trade_id: str) -> int:
    """Raises ValueError."""
    name = _ID.fullmatch(trade_id)
    if name is None:
        raise ValueError("a trade without a proper id")
    return int(name[1])


def _milliseconds(told: int | str) -> int:
    """Raises ValueError."""
    executed_ms = int(told)
    if not 0 <= executed_ms < _LATEST_MS:
        raise ValueError("a time that is none")
    return executed_ms


def _hexadecimal(address: str) -> str:
    """Raises ValueError."""
    try:
        return f"0x{account_bytes(address).hex()}" if address else ""
    except ConfigError as error:
        raise ValueError(error.message) from None
