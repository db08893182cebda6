"""One entry for each venue: how it is built, and what it is answered when all is well.

A new venue is one more `Case` in `CASES`; every assertion of the suite then runs over it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.errors import Malformed, NotFound
from defi_analytics.ports import MarketData
from defi_analytics.venues.binance import BinanceMarketData
from defi_analytics.venues.hyperliquid import HyperliquidMarketData
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from defi_analytics.venues.injective.networks import custom
from defi_analytics.venues.okx import OkxMarketData
from tests.fakes import NOON, Answer, FakeClock, FakeHttp

BASE_URL = "https://user:s3cret@venue.test"
TAKER, MAKER = Decimal("0.001"), Decimal("0.0005")
NOON_MS = int(NOON.timestamp() * 1000)

Levels = Sequence[tuple[str, str]]
"""Price and quantity as raw JSON, so that a test can write what is no number."""
BIDS: Levels = (('"5.123"', '"0.3"'), ('"5.122"', '"17.7"'), ('"5.1"', '"1000"'))
ASKS: Levels = (('"5.124"', '"0.7"'), ('"5.13"', '"2.9"'), ('"6"', '"123456.7"'))


@dataclass(frozen=True, repr=False)
class Case:
    name: str
    build: Callable[[FakeHttp, FakeClock], MarketData]
    market: Market
    """As the listing tells it."""
    answers: Mapping[str, bytes]
    """By a part of the request, for everything that the suite asks."""
    book_request: str
    book: Callable[[Levels, Levels], bytes]
    """The answer to `book_request` with these levels; the suite's own are `BIDS` and `ASKS`."""
    rows: Sequence[str]
    """Readable rows of the listing, the first being `market`."""
    hostile_rows: Sequence[str]
    listing: Callable[[Sequence[str]], Mapping[str, bytes]]
    unknown: Answer
    """How the venue says that it has no such market."""
    perpetual: Market | None = None
    """One that pays funding; empty where the venue has none."""
    optional: frozenset[str] = frozenset()
    """Answers without which a listing is only poorer, and says so."""

    def http(self, **changed: Answer) -> FakeHttp:
        return FakeHttp({**self.answers, **changed})


def joined(levels: Levels, form: str) -> str:
    return ",".join(form.replace("P", price).replace("Q", quantity) for price, quantity in levels)


def market(
    venue: str, market_id: str, kind: MarketKind, quote: str, tick: str = "0", lot: str = "0"
) -> Market:
    return Market(
        venue=venue,
        market_id=market_id,
        ticker=market_id,
        kind=kind,
        base="INJ",
        quote=quote,
        price_tick=Decimal(tick),
        quantity_tick=Decimal(lot),
        min_notional=Decimal(0),
        min_quantity=Decimal(0),
        maker_fee=MAKER,
        taker_fee=TAKER,
    )


def candle_times() -> tuple[datetime, datetime]:
    return NOON - timedelta(minutes=2), NOON - timedelta(minutes=1)


FIRST_MS, LAST_MS = (int(at.timestamp() * 1000) for at in candle_times())


def hyperliquid() -> Case:
    def listing(rows: Sequence[str]) -> Mapping[str, bytes]:
        assets, contexts = zip(*(row.split("\t") for row in rows), strict=True)
        body = f'[{{"universe":[{",".join(assets)}],"collateralToken":0}},[{",".join(contexts)}]]'
        return {"metaAndAssetCtxs": body.encode()}

    def book(bids: Levels, asks: Levels) -> bytes:
        sides = (joined(side, '{"px":P,"sz":Q,"n":1}') for side in (bids, asks))
        return f'{{"coin":"INJ","time":{NOON_MS},"levels":[[{"],[".join(sides)}]]}}'.encode()

    context = '{"funding":"0.0000125","markPx":"5.1233","midPx":"5.1235","oraclePx":"5.12","impactPxs":["5.1","5.2"]}'
    rows = (
        f'{{"name":"INJ","szDecimals":1,"maxLeverage":10}}\t{context}',
        f'{{"name":"kPEPE","szDecimals":0,"maxLeverage":10}}\t{context.replace("5.1235", "0.0123")}',
        '{"name":"QUIET","szDecimals":2}\t{"funding":"0.0","markPx":"3","midPx":null,"impactPxs":null}',
    )
    candle = '{"t":T,"T":0,"s":"INJ","i":"1m","o":"5","c":"5.1","h":"5.2","l":"4.9","v":"12.5","n":3}'
    candles = f"[{candle.replace(':T', f':{FIRST_MS}')},{candle.replace(':T', f':{LAST_MS}')}]"
    return Case(
        name="hyperliquid",
        build=lambda http, clock: HyperliquidMarketData(http, clock, BASE_URL, TAKER, MAKER),
        market=market("hyperliquid", "INJ", MarketKind.PERPETUAL, "USDC", "0.00001", "0.1"),
        answers={**listing(rows), "l2Book": book(BIDS, ASKS), "candleSnapshot": candles.encode()},
        perpetual=market("hyperliquid", "INJ", MarketKind.PERPETUAL, "USDC"),
        book_request="l2Book",
        book=book,
        rows=rows,
        hostile_rows=(
            f'{{"name":"INJ2","szDecimals":99}}\t{context}',
            f'{{"name":7,"szDecimals":1}}\t{context}',
            '{"name":"BAD","szDecimals":1}\t{"funding":"NaN","markPx":"5.1","midPx":"5.1"}',
            '{"name":"BAD","szDecimals":1}\t{"funding":"0","markPx":"-5.1","midPx":"1e300"}',
            "null\tnull",
            "[]\t7",
        ),
        listing=listing,
        unknown=b"null",
    )


def binance(kind: MarketKind, venue: str, timed: str) -> Case:
    def listing(rows: Sequence[str]) -> Mapping[str, bytes]:
        return {"bookTicker": f"[{','.join(rows)}]".encode()}

    def book(bids: Levels, asks: Levels) -> bytes:
        sides = [joined(side, "[P,Q]") for side in (bids, asks)]
        return f'{{"lastUpdateId":7{timed},"bids":[{sides[0]}],"asks":[{sides[1]}]}}'.encode()

    form = '{"symbol":"S","bidPrice":"5.123","bidQty":"1","askPrice":"5.124","askQty":"2"}'
    rows = (
        form.replace("S", "INJUSDT", 1),
        form.replace("S", "INJBTC", 1),
        '{"symbol":"OLDUSDT","bidPrice":"0.00000000","bidQty":"0.0","askPrice":"0.00000000","askQty":"0.0"}',
    )
    filters = (
        '{"filterType":"PRICE_FILTER","tickSize":"0.00100000"},'
        '{"filterType":"LOT_SIZE","stepSize":"0.10000000","minQty":"0.10000000"},'
        '{"filterType":"MIN_NOTIONAL","minNotional":"10.00"}'
    )
    details = (
        '{"symbols":[{"symbol":"INJUSDT","status":"TRADING","baseAsset":"INJ","quoteAsset":"USDT",'
        f'"filters":[{filters}]}}]}}'
    )
    candles = ",".join(f'[{t},"5","5.2","4.9","5.1","12.5",{t},"60",3]' for t in (FIRST_MS, LAST_MS))
    unknown = Malformed(venue, "answered 400")
    unknown.status = 400
    return Case(
        name=venue,
        build=lambda http, clock: BinanceMarketData(http, clock, BASE_URL, TAKER, MAKER, kind),
        market=market(venue, "INJUSDT", kind, "USDT"),
        answers={
            **listing(rows),
            "exchangeInfo": details.encode(),
            "depth": book(BIDS, ASKS),
            "klines": f"[{candles}]".encode(),
            "premiumIndex?symbol=": b'{"symbol":"INJUSDT","markPrice":"5.1","lastFundingRate":"0.0001"}',
            "fundingInfo": b'[{"symbol":"INJUSDT","fundingIntervalHours":8,"disclaimer":false}]',
            "premiumIndex": b'[{"symbol":"INJUSDT","markPrice":"5.1234","lastFundingRate":"0.0001","time":0}]',
        },
        perpetual=market(venue, "INJUSDT", kind, "USDT") if kind is MarketKind.PERPETUAL else None,
        book_request="depth",
        book=book,
        rows=rows,
        hostile_rows=(
            form.replace("S", "BADUSDT", 1).replace("5.123", "5.125", 1),
            form.replace("S", "BADUSDT", 1).replace('"5.123"', "1e999", 1),
            form.replace("S", "BADUSDT", 1).replace("5.123", "inf", 1),
            form.replace("S", "X" * 1000, 1),
            form.replace('"S"', "null", 1),
            rows[0],
            "null",
            "[[]]",
        ),
        listing=listing,
        unknown=unknown,
        optional=frozenset({"premiumIndex"}),
    )


def okx(kind: MarketKind, venue: str, suffix: str, instrument: str) -> Case:
    def envelope(rows: Sequence[str]) -> bytes:
        return f'{{"code":"0","msg":"","data":[{",".join(rows)}]}}'.encode()

    def listing(rows: Sequence[str]) -> Mapping[str, bytes]:
        return {"market/tickers": envelope(rows)}

    def book(bids: Levels, asks: Levels) -> bytes:
        sides = [joined(side, '[P,Q,"0","1"]') for side in (bids, asks)]
        return envelope([f'{{"bids":[{sides[0]}],"asks":[{sides[1]}],"ts":"{NOON_MS}"}}'])

    form = (
        f'{{"instId":"S{suffix}","bidPx":"5.123","bidSz":"1","askPx":"5.124","askSz":"2","ts":"{NOON_MS}"}}'
    )
    rows = (
        form.replace("S", "INJ-USDT", 1),
        form.replace("S", "INJ-USDC", 1).replace("5.123", "", 1),
        form.replace("S", "OLD-USDT", 1).replace("5.123", "", 1).replace("5.124", "", 1),
    )
    grid = f'"state":"live","tickSz":"0.001","minSz":"1",{instrument}'
    names = ("INJ-USDT", "INJ-USDC", "OLD-USDT")
    details = [
        f'{{"instId":"{n}{suffix}",{grid}}}'.replace("BASE", n[:3]).replace("QUOTE", n[4:]) for n in names
    ]
    candles = [f'["{t}","5","5.2","4.9","5.1","12.5","60","60","1"]' for t in (LAST_MS, FIRST_MS)]
    times = f'"fundingTime":"{NOON_MS}","nextFundingTime":"{NOON_MS + 8 * 3_600_000}"'
    funding = f'{{"instId":"INJ-USDT{suffix}","fundingRate":"0.0001",{times}}}'
    return Case(
        name=venue,
        build=lambda http, clock: OkxMarketData(http, clock, BASE_URL, TAKER, MAKER, kind),
        market=market(venue, f"INJ-USDT{suffix}", kind, "USDT"),
        answers={
            **listing(rows),
            f"instId=INJ-USDT{suffix}&sz": book(BIDS, ASKS),
            "&instId=": envelope(details[:1]),
            "public/funding-rate": envelope([funding]),
            "public/instruments": envelope(details),
            "market/candles": envelope(candles),
            "history-candles": envelope(()),
        },
        perpetual=market(venue, f"INJ-USDT{suffix}", kind, "USDT") if suffix else None,
        book_request=f"instId=INJ-USDT{suffix}&sz",
        book=book,
        rows=rows,
        hostile_rows=(
            rows[0],
            rows[1].replace("5.124", "NaN"),
            rows[1].replace(f'"ts":"{NOON_MS}"', '"ts":"9999999999999999999"'),
            form.replace("S", "X" * 1000, 1),
            "null",
            "7",
        ),
        listing=listing,
        unknown=b'{"code":"51001","msg":"Instrument ID does not exist","data":[]}',
    )


def _block(time: str) -> bytes:
    return f'{{"block":{{"header":{{"time":"{time}","height":"7","chain_id":"injective-1"}}}}}}'.encode()


def injective() -> Case:
    def listing(rows: Sequence[str]) -> Mapping[str, bytes]:
        return {"spot/full_markets": f'{{"markets":[{",".join(rows)}]}}'.encode()}

    def book(bids: Levels, asks: Levels) -> bytes:
        sides = [joined(side, '{"p":P,"q":Q}') for side in (bids, asks)]
        return f'{{"buys_price_level":[{sides[0]}],"sells_price_level":[{sides[1]}],"seq":"7"}}'.encode()

    def row(market_id: str, base: str, more: str = "") -> str:
        grid = '"min_price_tick_size":"0.001000","min_quantity_tick_size":"0.100000","min_notional":"1.0"'
        fees = f'"maker_fee_rate":"{MAKER}","taker_fee_rate":"{TAKER}"'
        told = (
            f'"ticker":"{base}/USDT","market_id":"{market_id}","status":"Active","base_denom":"{base.lower()}",'
            f'"quote_denom":"usdt","base_decimals":18,"quote_decimals":6,{grid},{fees}'
        )
        top = '"mid_price_and_tob":{"mid_price":"5.1235","best_buy_price":"5.123","best_sell_price":"5.124"}'
        return f'{{"market":{{{told}}},{top}{more}}}'

    ids = [f"0x{number:064x}" for number in range(3)]
    rows = (
        row(ids[0], "INJ"),
        row(ids[1], "ATOM"),
        row(ids[2], "OLD").replace('"5.1235"', "null").replace('"5.123"', "null").replace('"5.124"', "null"),
    )
    bad = row(f"0x{9:064x}", "BAD")
    seconds = f"[{FIRST_MS // 1000},{LAST_MS // 1000}]"
    unknown = NotFound("injective", "answered 404")
    unknown.status = 404
    network = custom("local", "injective-777", BASE_URL)
    assets = Assets({"inj": "INJ", "usdt": "USDT"})
    return Case(
        name="injective",
        build=lambda http, clock: InjectiveMarketData(http, clock, network, assets),
        market=market("injective", ids[0], MarketKind.SPOT, "USDT", "0.001", "0.1"),
        answers={
            **listing(rows),
            "derivative/markets": b'{"markets":[]}',
            "/orderbook/": book(BIDS, ASKS),
            "/blocks/latest": _block(f"{NOON:%Y-%m-%dT%H:%M:%S}.000000001Z"),
            "/fundingRates": f'{{"fundingRates":[{{"rate":"0.0000125","timestamp":{NOON_MS}}}]}}'.encode(),
            "/history": f'{{"s":"ok","t":{seconds},"o":[5,5],"h":[6,6],"l":[4,4],"c":[5,5],"v":[7,7]}}'.encode(),
        },
        perpetual=market("injective", ids[0], MarketKind.PERPETUAL, "USDT"),
        book_request="/orderbook/",
        book=book,
        rows=rows,
        hostile_rows=(
            bad.replace('"0.001000"', '"0"'),
            bad.replace('"0.100000"', '"NaN"'),
            bad.replace('"5.123"', '"5.125"'),
            bad.replace("0x", "00"),
            rows[0],
            "null",
            "[]",
        ),
        listing=listing,
        unknown=unknown,
        optional=frozenset({"spot/full_markets", "derivative/markets"}),
    )


# Quantities on OKX's book are contracts of 0.1 on the swap, and lots of 0.1 here on spot.
CASES = (
    hyperliquid(),
    binance(MarketKind.SPOT, "binance", ""),
    binance(MarketKind.PERPETUAL, "binance-perp", f',"E":{NOON_MS + 1},"T":{NOON_MS}'),
    okx(MarketKind.SPOT, "okx", "", '"lotSz":"0.1","baseCcy":"BASE","quoteCcy":"QUOTE"'),
    okx(
        MarketKind.PERPETUAL,
        "okx-perp",
        "-SWAP",
        '"lotSz":"0.1","uly":"BASE-QUOTE","ctType":"linear","ctVal":"0.1","ctMult":"1","ctValCcy":"BASE"',
    ),
    injective(),
    # A further venue goes here.
)
