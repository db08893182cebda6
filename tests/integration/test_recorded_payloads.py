"""Recorded answers of real venues, served over a socket, scanned from the command line and checked exactly.

The arithmetic here is Fractions written from the definitions, independent of the product's.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox
from tests.cli.harness import Background, Defi, clean_environment, forget_log
from tests.shared_data import shared_json

INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
DEPTH = 100
USDC = ("1.0004", "1.0006")
"""USDC/USDT, bid and ask: nobody recorded it, so this one row of Binance's tickers is made up."""

Levels = Sequence[tuple[str, str]]
"""Price and quantity as the venue will write them."""


def times(levels: Sequence[Sequence[str]], factor: str) -> Levels:
    """Another coin's recorded levels moved to INJ's price; the quantities stay as recorded."""
    return [(f"{Decimal(price) * Decimal(factor):f}", quantity) for price, quantity, *_ in levels[:DEPTH]]


class Sides(NamedTuple):
    bids: Levels
    asks: Levels


class Book(NamedTuple):
    """A venue's INJ book, its fees as in the settings, and the grid of its quantities."""

    sides: Sides
    fee: Fraction
    step: Fraction


@pytest.fixture(scope="module")
def books() -> Mapping[str, Book]:
    """No recorder kept INJ, so each book is another coin's: RUNE, NKN, DYDX and BTC.

    RUNE's prices times a whole number stay on the grid of Injective's market.
    """
    rune = shared_json("samples/venues/binance/cryptofeed_depth_RUNEEUR_1000.json")["body"]
    nkn = shared_json("samples/venues/binance/cryptofeed_depth_NKNUSDT_1000.json")["body"]
    dydx = shared_json("samples/venues/hyperliquid/sdkcassette_l2Book_DYDX.json")["body"]["levels"]
    btc = shared_json("samples/venues/okx/nautilus_ws_books_snapshot.json")["data"][0]
    moved = [times([(level["px"], level["sz"]) for level in side], "9") for side in dydx]

    def book(bids: Levels, asks: Levels, fee: str, step: str) -> Book:
        return Book(Sides(bids, asks), Fraction(fee), Fraction(step))

    return {
        "injective": book(times(rune["bids"], "3"), times(rune["asks"], "3"), "0.0005", "0.001"),
        "binance": book(times(nkn["bids"], "54"), times(nkn["asks"], "54"), "0.001", "0.1"),
        "hyperliquid": book(moved[0], moved[1], "0.00045", "0.1"),
        "okx": book(times(btc["bids"], "0.00224"), times(btc["asks"], "0.00224"), "0.0015", "0.00000001"),
    }


@pytest.fixture(scope="module")
def context() -> dict[str, Any]:
    """A recorded asset context of Hyperliquid's, its funding included."""
    found = shared_json("samples/venues/hyperliquid/nautilus_ws_all_dexs_asset_ctxs.json")["data"]["ctxs"]
    return dict(found[0][1][0])


def recording(books: Mapping[str, Book], context: Mapping[str, Any]) -> dict[str, Any]:
    """Every answer by request, in the shape that the live services send."""
    return {
        "GET /injective/exchange/v2/spot/full_markets": full_markets(books["injective"].sides),
        "GET /injective/exchange/v2/derivative/markets": shared_json(
            "data/injective/testnet_derivative_market_data.json"
        ),
        f"GET /injective/exchange/v2/spot/orderbook/{INJ_USDT}": {
            "buys_price_level": [{"p": p, "q": q} for p, q in books["injective"].sides.bids],
            "sells_price_level": [{"p": p, "q": q} for p, q in books["injective"].sides.asks],
            "seq": "7",
        },
        "GET /cosmos/base/tendermint/v1beta1/blocks/latest": {
            "block": {
                "header": {"time": WallClock().now().isoformat(), "height": "7", "chain_id": "injective-1"}
            }
        },
        **binance(books["binance"].sides),
        **hyperliquid(books["hyperliquid"].sides, context),
        **okx(books["okx"].sides),
    }


def full_markets(sides: Sides) -> dict[str, Any]:
    """The 134 recorded markets with a top for the one that has a book: the list was recorded without."""
    tops = {
        INJ_USDT: {
            "mid_price": None,
            "best_buy_price": sides.bids[0][0],
            "best_sell_price": sides.asks[0][0],
        }
    }
    markets = shared_json("data/injective/mainnet_spot_market_data.json")["markets"]
    return {"markets": [{"market": row, "mid_price_and_tob": tops.get(row["market_id"])} for row in markets]}


def binance(sides: Sides) -> dict[str, Any]:
    def ticker(symbol: str, bid: str, ask: str) -> dict[str, str]:
        return {"symbol": symbol, "bidPrice": bid, "bidQty": "1", "askPrice": ask, "askQty": "1"}

    info = shared_json("samples/venues/binance/cryptofeed_exchangeInfo_subset_20211012.json")["body"]
    return {
        "GET /binance/api/v3/ticker/bookTicker": [
            ticker("INJUSDT", sides.bids[0][0], sides.asks[0][0]),
            ticker("USDCUSDT", *USDC),
            shared_json("samples/venues/binance/nautilus_book_ticker_response.json"),
        ],
        "GET /binance/api/v3/exchangeInfo?symbol=INJUSDT": info,
        "GET /binance/api/v3/depth?symbol=INJUSDT": {"lastUpdateId": 499869752, **sides._asdict()},
    }


def hyperliquid(sides: Sides, context: Mapping[str, Any]) -> dict[str, Any]:
    universe = shared_json("samples/venues/hyperliquid/sdkcassette_meta.json")["body"]["universe"]
    told = shared_json("samples/venues/hyperliquid/sdkcassette_l2Book_DYDX.json")["body"]["time"]
    mid = f"{(Decimal(sides.bids[0][0]) + Decimal(sides.asks[0][0])) / 2:f}"
    levels = [[{"n": 1, "px": p, "sz": q} for p, q in side] for side in sides]
    inj = [row for row in universe if row["name"] == "INJ"]
    return {
        'POST /hyperliquid/info {"type":"metaAndAssetCtxs"}': [
            {"universe": inj},
            [{**context, "midPx": mid, "markPx": mid, "oraclePx": mid}],
        ],
        'POST /hyperliquid/info {"type":"l2Book","coin":"INJ"}': {
            "coin": "INJ",
            "levels": levels,
            "time": told,
        },
    }


def okx(sides: Sides) -> dict[str, Any]:
    recorded = shared_json("samples/venues/okx/cryptofeed_instruments_spot_subset.json")["body"]["data"]
    (btc,) = [row for row in recorded if row["instId"] == "BTC-USDT"]
    book = {side: [[p, q, "0", "1"] for p, q in levels] for side, levels in sides._asdict().items()}
    told = shared_json("samples/venues/okx/nautilus_ws_books_snapshot.json")["data"][0]["ts"]
    top = {"instId": "INJ-USDT", "bidPx": sides.bids[0][0], "askPx": sides.asks[0][0], "ts": told}

    def enveloped(row: Mapping[str, Any]) -> dict[str, Any]:
        return {"code": "0", "msg": "", "data": [row]}

    return {
        "GET /okx/api/v5/market/tickers": enveloped(top),
        "GET /okx/api/v5/public/instruments": enveloped({**btc, "instId": "INJ-USDT", "baseCcy": "INJ"}),
        "GET /okx/api/v5/market/books": enveloped({**book, "ts": told}),
    }


@pytest.fixture
def defi(books, context, monkeypatch, tmp_path, capsys):
    """The command line against a replay of the recordings."""
    clean_environment(monkeypatch, tmp_path)
    folder = tmp_path / "recording"
    folder.mkdir()
    index = {}
    for number, (request, answer) in enumerate(recording(books, context).items()):
        (folder / f"{number}.json").write_text(json.dumps(answer))
        index[request] = f"{number}.json"
    (folder / "index.json").write_text(json.dumps(index))
    with Background() as background:
        sandbox = Sandbox(0, WallClock(), replay=folder)
        background.call(sandbox.__aenter__())
        settings = {
            "injective": {"lcd_url": sandbox.url},
            "venues": {name: {"url": f"{sandbox.url}/{name}"} for name in books if name != "injective"},
        }
        (tmp_path / "settings.yaml").write_text(json.dumps(settings))
        yield Defi(capsys)
        background.call(sandbox.__aexit__())
    forget_log()


class Trade(NamedTuple):
    """Buying on Injective and selling there: amounts in USDT, exactly."""

    quantity: Fraction
    cost: Fraction
    revenue: Fraction
    """Both in the quote of their own venue, before fees."""
    notional: Fraction
    gross: Fraction
    buy_fee: Fraction
    sell_fee: Fraction
    slippage: Fraction
    conversion: Fraction
    carry: Fraction
    exit_fee: Fraction

    @property
    def profit(self) -> Fraction:
        received = self.gross - self.buy_fee - self.sell_fee - self.slippage
        return received - self.conversion - self.carry - self.exit_fee


class Terms(NamedTuple):
    home: Book
    there: Book
    bid_rate: Fraction
    """USDT that a unit of the other venue's quote is sold for."""
    mid_rate: Fraction
    carry: Fraction
    exit_fee: Fraction
    """Both of the notional."""

    @property
    def step(self) -> Fraction:
        """The smaller of these grids always divides the larger."""
        return max(self.home.step, self.there.step)


def exact(side: Levels) -> list[tuple[Fraction, Fraction]]:
    return [(Fraction(price), Fraction(quantity)) for price, quantity in side]


def swept(side: Levels, quantity: Fraction) -> Fraction:
    """What the first `quantity` of a side is worth in its quote."""
    total = Fraction(0)
    for price, held in exact(side):
        part = min(held, quantity)
        total += part * price
        quantity -= part
    assert quantity == 0
    return total


def most_profitable(terms: Terms) -> Fraction:
    """The quantity at which the next unit would lose, not yet on the grid."""
    asks, bids = exact(terms.home.sides.asks), exact(terms.there.sides.bids)
    toll = (terms.carry + terms.exit_fee) * asks[0][0]
    total = Fraction(0)
    while asks and bids:
        gain = bids[0][0] * terms.bid_rate * (1 - terms.there.fee)
        if gain <= asks[0][0] * (1 + terms.home.fee) + toll:
            break
        part = min(asks[0][1], bids[0][1])
        total += part
        asks, bids = ([(s[0][0], s[0][1] - part), *s[1:]] if s[0][1] > part else s[1:] for s in (asks, bids))
    return total


def traded(terms: Terms, quantity: Fraction) -> Trade:
    quantity = quantity // terms.step * terms.step
    asks, bids = terms.home.sides.asks, terms.there.sides.bids
    cost, revenue = swept(asks, quantity), swept(bids, quantity)
    notional = quantity * Fraction(asks[0][0])
    best_revenue = quantity * Fraction(bids[0][0]) * terms.mid_rate
    return Trade(
        quantity=quantity,
        cost=cost,
        revenue=revenue,
        notional=notional,
        gross=best_revenue - notional,
        buy_fee=cost * terms.home.fee,
        sell_fee=revenue * terms.bid_rate * terms.there.fee,
        slippage=cost - notional + best_revenue - revenue * terms.mid_rate,
        conversion=revenue * (terms.mid_rate - terms.bid_rate),
        carry=terms.carry * notional,
        exit_fee=terms.exit_fee * notional,
    )


def near(text: str, wanted: Fraction, digits: int = 11) -> None:
    """Within one unit of the last of so many significant digits."""
    assert abs(Fraction(text) - wanted) <= abs(wanted) * Fraction(10) ** (1 - digits) + Fraction(1, 10**9), (
        text,
        float(wanted),
    )


@pytest.fixture
def terms(books, context):
    def of(venue: str) -> Terms:
        bid, ask = (Fraction(one) for one in USDC) if venue == "hyperliquid" else (Fraction(1), Fraction(1))
        # Funding is negative: who is short pays it. A perpetual is assumed to be held for an hour.
        funding = Fraction(context["funding"])
        assert funding < 0
        carry = -funding if venue == "hyperliquid" else Fraction(0)
        home, there = books["injective"], books[venue]
        # A perpetual has to be closed again, and its other leg with it.
        exit_fee = home.fee + there.fee if venue == "hyperliquid" else Fraction(0)
        return Terms(home, there, bid, (bid + ask) / 2, carry, exit_fee)

    return of


def check(row: Mapping[str, Any], terms: Terms, wanted: Trade) -> None:
    """Every number of a row of `scan --json` against the exact trade."""
    assert row["side"] == "buy"
    assert Fraction(row["quantity"]) == wanted.quantity
    near(row["notional"], wanted.notional)
    near(row["profit"], wanted.profit)
    near(row["net_edge"], wanted.profit / wanted.notional, 7)
    near(row["gross_edge"], wanted.gross / wanted.notional, 7)
    near(row["buy_price"], wanted.cost / wanted.quantity)
    near(row["sell_price"], wanted.revenue / wanted.quantity)
    ask, bid = Fraction(terms.home.sides.asks[0][0]), Fraction(terms.there.sides.bids[0][0])
    first = (
        bid * terms.bid_rate * (1 - terms.there.fee) / ask
        - (1 + terms.home.fee)
        - terms.carry
        - terms.exit_fee
    )
    near(row["indicative_edge"], first, 7)
    for name in ("buy_fee", "sell_fee", "slippage", "conversion", "carry", "exit_fee"):
        near(row["costs"][name], getattr(wanted, name))
    # Nothing recorded prices INJ in USDT on the oracle, so gas is left out, and said to be.
    assert row["costs"]["gas"] == "0"
    assert any("gas" in note for note in row["notes"])


SCAN = (
    "scan",
    "INJ/USDT",
    "--kind",
    "cross-venue",
    "--min-edge-bps",
    "0",
    "--max-age",
    "10000000000s",
    "--json",
)
VENUES = ("binance", "hyperliquid", "okx")


def against(*venues: str) -> Sequence[str]:
    """Binance always takes part: it alone says what a USDC is worth."""
    return [word for venue in dict.fromkeys((*venues, "binance")) for word in ("--against", venue)]


@pytest.mark.parametrize("venue", VENUES)
def test_every_number_of_a_scan_of_recorded_books_is_exact(venue, defi, terms):
    ran = defi(*SCAN, *against(venue))
    assert ran.code == 0, ran.err
    (row,) = (row for row in ran.rows if row["against"] == venue)
    assert row["stands"]
    best = most_profitable(terms(venue))
    wanted = traded(terms(venue), best)
    assert wanted.profit > 0
    check(row, terms(venue), wanted)
    shares = [traded(terms(venue), wanted.quantity * share / 4) for share in (1, 2, 4)]
    check_sizes(row, shares)


def check_sizes(row: Mapping[str, Any], wanted: Sequence[Trade]) -> None:
    assert len(row["sizes"]) == len(wanted)
    for size, trade in zip(row["sizes"], wanted, strict=True):
        near(size["quantity"], trade.quantity)
        near(size["notional"], trade.notional)
        near(size["profit"], trade.profit)
        near(size["net_edge"], trade.profit / trade.notional, 7)


@pytest.mark.parametrize("venue", VENUES)
def test_the_largest_size_asked_for_caps_the_trade_and_each_is_priced(venue, defi, terms):
    ran = defi(*SCAN, *against(venue), "--size", "500USDT", "--size", "1500")
    (row,) = (row for row in ran.rows if row["against"] == venue)
    price = Fraction(terms(venue).home.sides.asks[0][0])
    # A size of 1,500 is less than any of these venues' best quantity.
    assert most_profitable(terms(venue)) > 1500 / price
    capped = traded(terms(venue), 1500 / price)
    check(row, terms(venue), capped)
    check_sizes(row, [traded(terms(venue), 500 / price), capped])


def test_the_most_profitable_venue_comes_first_and_the_oracle_that_was_not_recorded_is_named(defi, terms):
    ran = defi(*SCAN, *against(*VENUES))
    profits = {venue: traded(terms(venue), most_profitable(terms(venue))).profit for venue in VENUES}
    assert [row["against"] for row in ran.rows] == sorted(VENUES, key=lambda venue: -profits[venue])
    assert {warning["source"] for warning in ran.document["warnings"]} == {"injective-oracle"}


def test_every_recorded_market_is_listed_with_its_own_grid_and_fees(defi):
    ran = defi("market", "list", "--json")
    spot = shared_json("data/injective/mainnet_spot_market_data.json")["markets"]
    perpetual = [
        row["market"] for row in shared_json("data/injective/testnet_derivative_market_data.json")["markets"]
    ]
    assert len(spot) == 134
    recorded = {row["market_id"]: row for row in (*spot, *perpetual)}
    assert {row["market_id"] for row in ran.rows} == recorded.keys()
    names = {
        "price_tick": "min_price_tick_size",
        "quantity_tick": "min_quantity_tick_size",
        "min_notional": "min_notional",
        "maker_fee": "maker_fee_rate",
        "taker_fee": "taker_fee_rate",
    }
    for row in ran.rows:
        wanted = recorded[row["market_id"]]
        assert {name: Decimal(row[name]) for name in names} == {
            name: Decimal(wanted[theirs]) for name, theirs in names.items()
        }
        assert row["ticker"] == wanted["ticker"]
        assert row["quote_decimals"] == wanted["quote_decimals"]


def test_the_recorded_book_is_shown_level_by_level(defi, books):
    ran = defi("market", "book", INJ_USDT, "--depth", "100", "--json")
    (row,) = ran.rows
    for name, side in (("bids", books["injective"].sides.bids), ("asks", books["injective"].sides.asks)):
        total = Decimal(0)
        assert len(row[name]) == len(side)
        for level, (price, quantity) in zip(row[name], side, strict=True):
            total += Decimal(price) * Decimal(quantity)
            assert Decimal(level["price"]) == Decimal(price)
            assert Decimal(level["quantity"]) == Decimal(quantity)
            assert Decimal(level["cumulative"]) == total
