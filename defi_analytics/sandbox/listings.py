"""What the sandbox lists: markets with Injective mainnet's own parameters, and the reference venues' twins.

Source: mainnet's spot markets (LCD) and the official market lists, as of 2026. The listings marked as
impostors are invented, in the manner of what anyone can list there, but for the two said to be mainnet's own.
"""

from decimal import Decimal
from typing import Literal, NamedTuple

_USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
_MAKER_FEE = Decimal("-0.00005")
_TAKER_FEE = Decimal("0.0005")


Status = Literal["Active", "Paused", "Demolished", "Expired", "ForcePaused"]


class Feed(NamedTuple):
    """A Pyth price feed: `asset` in USD."""

    asset: str
    price_id: str


class Reference(NamedTuple):
    """An instrument of a reference venue, in its own units."""

    venue: str
    symbol: str
    asset: str
    quote: str
    taker_fee: Decimal
    quantity_step: Decimal
    price_tick: Decimal = Decimal(0)
    """Zero on Hyperliquid, whose grid is five significant figures."""


class Spot(NamedTuple):
    market_id: str
    ticker: str
    base_denom: str
    base_decimals: int
    price_tick: Decimal
    quantity_tick: Decimal
    asset: str
    """What its makers price it by; an impostor's is not what its ticker says."""
    reference: Reference | None = None
    impostor: Decimal = Decimal(0)
    """For an impostor, what its price is as a multiple of the asset's."""
    quote_denom: str = _USDT
    quote_decimals: int = 6
    min_notional: Decimal = Decimal(1)
    status: Status = "Active"
    maker_fee: Decimal = _MAKER_FEE
    taker_fee: Decimal = _TAKER_FEE


class Perpetual(NamedTuple):
    market_id: str
    ticker: str
    oracle_base: str
    price_tick: Decimal
    quantity_tick: Decimal
    asset: str
    initial_margin_ratio: Decimal
    maintenance_margin_ratio: Decimal
    reduce_margin_ratio: Decimal
    reference: Reference | None = None
    impostor: Decimal = Decimal(0)
    oracle_quote: str = "0x2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b"
    oracle_type: str = "Pyth"
    quote_denom: str = _USDT
    quote_decimals: int = 6
    min_notional: Decimal = Decimal(1)
    status: Status = "Active"
    maker_fee: Decimal = _MAKER_FEE
    taker_fee: Decimal = _TAKER_FEE


Listing = Spot | Perpetual

FEEDS = (
    Feed("INJ", "0x7a5bc1d2b56ad029048cd63964b3ad2776eadf812edc1a43a31406cb54bff592"),
    Feed("BTC", "0xe62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43"),
    Feed("ETH", "0xff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"),
    Feed("SOL", "0xef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d"),
    Feed("ATOM", "0xb00b60f88b03a6a625a8d1c048c3f66653edf217439983d037e7222c4e612819"),
    Feed("USDT", "0x2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b"),
    Feed("USDC", "0xeaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a"),
)
_FEED = {feed.asset: feed.price_id for feed in FEEDS}


def _binance(asset: str, price_tick: str, quantity_step: str) -> Reference:
    return Reference(
        "binance",
        f"{asset}USDT",
        asset,
        "USDT",
        Decimal("0.001"),
        Decimal(quantity_step),
        Decimal(price_tick),
    )


def _hyperliquid(asset: str, size_decimals: int) -> Reference:
    step = Decimal(1).scaleb(-size_decimals)
    return Reference("hyperliquid", asset, asset, "USDC", Decimal("0.00045"), step)


BINANCE = {
    reference.symbol: reference
    for reference in (
        _binance("INJ", "0.001", "0.01"),
        _binance("ATOM", "0.001", "0.01"),
        _binance("BTC", "0.01", "0.00001"),
        _binance("ETH", "0.01", "0.0001"),
        _binance("SOL", "0.01", "0.001"),
        _binance("USDC", "0.0001", "1"),
    )
}
HYPERLIQUID = {
    reference.symbol: reference
    for reference in (
        _hyperliquid("BTC", 5),
        _hyperliquid("ETH", 4),
        _hyperliquid("ATOM", 2),
        _hyperliquid("SOL", 2),
        _hyperliquid("INJ", 1),
    )
}


def _perpetual(market_id: str, asset: str, price_tick: str, quantity_tick: str) -> Perpetual:
    return Perpetual(
        market_id=market_id,
        ticker=f"{asset}/USDT PERP",
        oracle_base=_FEED[asset],
        price_tick=Decimal(price_tick),
        quantity_tick=Decimal(quantity_tick),
        asset=asset,
        initial_margin_ratio=Decimal("0.033333" if asset == "SOL" else "0.019231"),
        maintenance_margin_ratio=Decimal("0.02" if asset == "SOL" else "0.01"),
        reduce_margin_ratio=Decimal("0.099999" if asset == "SOL" else "0.057693"),
        reference=HYPERLIQUID[asset],
    )


SPOT = (
    Spot(
        "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0",
        "INJ/USDT",
        "inj",
        18,
        Decimal("0.001"),
        Decimal("0.001"),
        "INJ",
        BINANCE["INJUSDT"],
    ),
    Spot(
        "0x0511ddc4e6586f3bfe1acb2dd905f8b8a82c97e1edaef654b12ca7e6031ca0fa",
        "ATOM/USDT",
        "ibc/C4CFF46FD6DE35CA4CF4CE031E643C8FDC9BA4B99AE598E9B0ED98FE3A2319F9",
        6,
        Decimal("0.001"),
        Decimal("0.01"),
        "ATOM",
        BINANCE["ATOMUSDT"],
    ),
    Spot(
        "0xd1956e20d74eeb1febe31cd37060781ff1cb266f49e0512b446a5fafa9a16034",
        "WETH/USDT",
        "peggy0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        18,
        Decimal("0.1"),
        Decimal("0.001"),
        "ETH",
        BINANCE["ETHUSDT"],
    ),
    Spot(
        "0xd9089235d2c1b07261cbb2071f4f5a7f92fa1eca940e3cad88bb671c288a972f",
        "SOL/USDT",
        "ibc/A8B0B746B5AB736C2D8577259B510D56B8AF598008F68041E3D634BCDE72BE97",
        8,
        Decimal("0.01"),
        Decimal("0.01"),
        "SOL",
        BINANCE["SOLUSDT"],
    ),
    # Mainnet's own: a trailing space, and a quote in INJ.
    Spot(
        "0x05288e393771f09c923d1189e4265b7c2646b6699f08971fd2adf0bfd4b1ce7a",
        "APP/INJ ",
        "peggy0xC5d27F27F08D1FD1E3EbBAa50b3442e6c0D50439",
        18,
        Decimal("0.000001"),
        Decimal(10),
        "INJ",
        impostor=Decimal("0.0004"),
        quote_denom="inj",
        quote_decimals=18,
        min_notional=Decimal("0.01"),
    ),
    Spot(
        "0x5b0f2a9c4e1d7386b1a40c8f92d3e7506a7b8c9d0e1f2a3b4c5d6e7f80910213",
        "INJ/USDT",
        "inj",
        18,
        Decimal("0.001"),
        Decimal("0.001"),
        "INJ",
        impostor=Decimal("0.8"),
        quote_denom="factory/inj1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqf7z4xq/USDT",
    ),
    Spot(
        "0x7e21c0d94fa36b58e9d1720c4b8f6a3357d2e1c0b9a8f7e6d5c4b3a291807f6e",
        "\x1b[2J\x1b[31mATOM/USDT\x1b[0m\r\n<script>alert(1)</script>\u202e",
        "factory/inj1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqf7z4xq/ATOM",
        6,
        Decimal("0.001"),
        Decimal("0.01"),
        "ATOM",
        impostor=Decimal("1.3"),
    ),
    # Mainnet's own: a legacy market that is paused.
    Spot(
        "0x01e920e081b6f3b2e5183399d5b6733bb6f80319e6be3805b95cb7236910ff0e",
        "WETH/USDC",
        "peggy0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
        18,
        Decimal("0.001"),
        Decimal("0.001"),
        "ETH",
        impostor=Decimal("0.95"),
        quote_denom="peggy0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
        status="Paused",
        taker_fee=Decimal("0.002"),
    ),
)
PERPETUALS = (
    _perpetual("0x9b9980167ecc3645ff1a5517886652d94a0825e54a77d2057cbbe3ebee015963", "INJ", "0.001", "0.001"),
    _perpetual("0x4ca0f92fc28be0c9761326016b5a1a2177dd6375558365116b5bdda9abc229ce", "BTC", "1", "0.0001"),
    _perpetual("0x54d4505adef6a5cef26bc403a33d595620ded4e15b9e2bc3dd489b714813366a", "ETH", "0.1", "0.01"),
    _perpetual("0x06c5a306492ddc2b8dc56969766959163287ed68a6b59baa2f42330dda0aebe0", "SOL", "0.01", "0.001"),
    # The ticker says BTC, the oracle feed is nobody's.
    _perpetual(
        "0xc0ffee5e11a9d3b7f1420e6c8a5b9d7342f0e1c2d3b4a5968778695a4b3c2d1e", "BTC", "1", "0.0001"
    )._replace(
        oracle_base="0x" + "5ca1ab1e" * 8,
        reference=None, impostor=Decimal("0.97"),
    ),
)  # fmt: skip
LISTINGS: dict[str, Listing] = {listing.market_id: listing for listing in (*SPOT, *PERPETUALS)}
