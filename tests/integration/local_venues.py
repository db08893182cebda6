"""A local Injective with the recorded spot markets and a local Binance, behind sockets that take their time."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import NamedTuple

import msgspec

from defi_analytics.app.opening import opened_app
from defi_analytics.clock import WallClock
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import InjectiveSettings, ScanSettings, Settings
from defi_analytics.sandbox.server import Response, Server, serve
from defi_analytics.venues.injective.assets import assets_of
from tests.shared_data import shared_json

LATENCY_S = 0.05
LEVELS = 100
LATEST_BLOCK = "/cosmos/base/tendermint/v1beta1/blocks/latest"
FILLERS = 1_500
"""Binance lists thousands of symbols, and tells all of them in one answer."""
D = Decimal
ASSETS = assets_of("injective-1")


class Row(NamedTuple):
    """A recorded market with a made-up price."""

    market: dict
    base: str
    quote: str
    price: Decimal

    @property
    def traded_elsewhere(self):
        return self.quote == "USDT"


def recorded_rows():
    """Every row; base and quote are empty where the denominations prove nothing."""
    rows = []
    for number, market in enumerate(shared_json("data/injective/mainnet_spot_market_data.json")["markets"]):
        price = D(market["min_price_tick_size"]) * (20_000 + 37 * number)
        rows.append(Row(market, *ASSETS.spot(market["base_denom"], market["quote_denom"]), price))
    return rows


class Rounds:
    """Holds every answer until all the requests of its round have arrived: whoever asks one by one gets none."""

    def __init__(self, *sizes):
        self.sizes, self.arrived, self.complete = sizes, 0, [asyncio.Event() for _ in sizes]

    async def wait(self):
        self.arrived += 1
        seen = 0
        for size, complete in zip(self.sizes, self.complete, strict=True):
            seen += size
            if self.arrived == seen:
                complete.set()
            if self.arrived <= seen:
                await complete.wait()
                return


@dataclass
class LocalVenues:
    """`dear` are the assets that Binance buys two per cent above what they cost on Injective."""

    dear: frozenset
    rounds: Rounds | None = None
    injective: Server | None = None
    binance: Server | None = None
    rows: list = field(default_factory=recorded_rows)
    bodies: dict = field(default_factory=dict)

    @asynccontextmanager
    async def serving(self, latency_s=LATENCY_S):
        self.bodies = injective_bodies(self.rows) | binance_bodies(self.rows, self.dear)
        async with (
            serve(self.answer, latency_s=latency_s, clock=WallClock()) as self.injective,
            serve(self.answer, latency_s=latency_s, clock=WallClock()) as self.binance,
        ):
            yield self

    @asynccontextmanager
    async def app(self, home):
        own = Settings(
            home, InjectiveSettings(lcd_url=self.injective.url), ScanSettings(against=("binance",))
        )
        venues = {**own.venues, "binance": replace(own.venues["binance"], url=self.binance.url)}
        async with opened_app(Loaded(replace(own, venues=venues), {}), {}) as app:
            yield app

    async def answer(self, request):
        if self.rounds is not None:
            await self.rounds.wait()
        if request.path == LATEST_BLOCK:
            return Response(body=latest_block())
        found = self.bodies.get((request.path, request.first("symbol")))
        return Response(404, b"{}") if found is None else Response(body=found)

    @property
    def patterns(self):
        """All recorded markets whose ticker names a quote, as patterns that only a spot market can meet."""
        tickers = (row.market["ticker"].strip() for row in self.rows)
        return tuple(sorted({f"*/{ticker.partition('/')[2]}" for ticker in tickers if "/" in ticker}))


def dec(value):
    return f"{value:.18f}"


def rounded(price, tick, rounding):
    return (price / tick).to_integral_value(rounding) * tick


def injective_bodies(rows):
    v2, bodies, listed = "/injective/exchange/v2/spot", {}, []
    for row in rows:
        tick, lot = D(row.market["min_price_tick_size"]), D(row.market["min_quantity_tick_size"])
        bids = [rounded(row.price * (1 - D(n) / 2000), tick, ROUND_FLOOR) for n in range(1, LEVELS + 1)]
        asks = [rounded(row.price * (1 + D(n) / 2000), tick, ROUND_CEILING) for n in range(1, LEVELS + 1)]
        sides = [[{"p": dec(price), "q": dec(lot * 12_345)} for price in side] for side in (bids, asks)]
        book = {"buys_price_level": sides[0], "sells_price_level": sides[1], "seq": "7"}
        bodies[f"{v2}/orderbook/{row.market['market_id']}", ""] = msgspec.json.encode(book)
        best = {"best_buy_price": dec(bids[0]), "best_sell_price": dec(asks[0])}
        top = {"mid_price": dec((bids[0] + asks[0]) / 2), **best}
        listed.append({"market": row.market, "mid_price_and_tob": top})
    bodies[f"{v2}/full_markets", ""] = msgspec.json.encode({"markets": listed})
    states = [pyth_state(feed, "1.0" if asset == "USDT" else "20.0") for feed, asset in ASSETS.feeds.items()]
    path = "/injective/oracle/v1beta1/pyth_price_states"
    return {**bodies, (path, ""): msgspec.json.encode({"price_states": states})}


def latest_block():
    return msgspec.json.encode(
        {"block": {"header": {"time": WallClock().now(), "height": "7", "chain_id": "injective-1"}}}
    )


def pyth_state(feed, price):
    now = str(int(WallClock().now().timestamp()))
    return {
        "price_id": f"0x{feed}",
        "conf": "0.0001",
        "publish_time": now,
        "price_state": {"price": price, "timestamp": now},
    }


def binance_bodies(rows, dear):
    api, bodies, tickers = "/api/v3", {}, []
    for row in (row for row in rows if row.traded_elsewhere):
        symbol, tick = f"{row.base}{row.quote}", row.price / 100_000
        price = row.price * D("1.02") if row.base in dear else row.price
        bids = [[f"{price - tick * n:f}", "1000.0"] for n in range(1, LEVELS + 1)]
        asks = [[f"{price + tick * n:f}", "1000.0"] for n in range(1, LEVELS + 1)]
        tickers.append(ticker(symbol, bids[0][0], asks[0][0]))
        depth = {"lastUpdateId": 1, "bids": bids, "asks": asks}
        bodies[f"{api}/depth", symbol] = msgspec.json.encode(depth)
        bodies[f"{api}/exchangeInfo", symbol] = msgspec.json.encode({"symbols": [instrument(row, symbol)]})
    tickers += [ticker(f"FILL{n}USDT", "1.0", "1.1") for n in range(FILLERS)]
    return {**bodies, (f"{api}/ticker/bookTicker", ""): msgspec.json.encode(tickers)}


def ticker(symbol, bid, ask):
    return {"symbol": symbol, "bidPrice": bid, "bidQty": "1000.0", "askPrice": ask, "askQty": "1000.0"}


def instrument(row, symbol):
    lot = re.sub(r"\.?0+$", "", row.market["min_quantity_tick_size"])
    return {
        "symbol": symbol,
        "status": "TRADING",
        "baseAsset": row.base,
        "quoteAsset": row.quote,
        "filters": [
            {"filterType": "PRICE_FILTER", "tickSize": "0.00000001"},
            {"filterType": "LOT_SIZE", "stepSize": lot, "minQty": lot},
            {"filterType": "NOTIONAL", "minNotional": "5.0"},
        ],
    }
