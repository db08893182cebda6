"""What the denominations and oracle feeds of a network stand for.

Only what can be proven is here: the chain's own coin, bridged tokens by the address of their contract, IBC
denominations that hash back to the coin's home denomination, and feeds by their id. A symbol has one
denomination: bridged and Noble USDC stay out because the native one is USDC. Everything else is unverified
until a user vouches for it.
Source: peggy denominations are "peggy" + the ERC-20 contract; IBC denominations are
"ibc/" + SHA-256("transfer/channel-N/denom"), ICS-20; feed ids are published by Pyth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from defi_analytics.domain.market import OracleFeed
from defi_analytics.venues.injective.networks import SANDBOX_CHAIN

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Assets:
    """Asset symbols by denomination, by Pyth feed id (64 hex digits, each in USD) and by market id."""

    denoms: Mapping[str, str]
    """A symbol, and after it what the denomination really is where that is not the native asset."""
    feeds: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    bases: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    """Base assets of derivative markets whose oracle proves nothing, vouched for by the user."""

    def with_extra(
        self, denoms: Mapping[str, str] = _NOTHING, bases: Mapping[str, str] = _NOTHING
    ) -> "Assets":
        """The same with what a user vouches for: symbols by denomination, base symbols by market id."""
        by_id = {market_id.lower(): symbol for market_id, symbol in bases.items()}
        return Assets({**self.denoms, **denoms}, self.feeds, {**self.bases, **by_id})

    def spot(self, base_denom: str, quote_denom: str) -> tuple[str, str]:
        """Base and quote; both empty unless both are known and differ."""
        return _both(self.symbol(base_denom), self.symbol(quote_denom))

    def symbol(self, denom: str) -> str:
        """Empty when unknown."""
        return self.denoms.get(denom, "").partition(" ")[0]

    def note(self, denom: str) -> str:
        """One line where the denomination is not the native asset but a bridged form of it; else empty."""
        symbol, _, form = self.denoms.get(denom, "").partition(" ")
        return f"{symbol} on Injective is {form}, not the native asset" if form else ""

    def derivative(
        self, market_id: str, feed: OracleFeed, quote_denom: str, scale_exponent: int
    ) -> tuple[str, str]:
        """Base and quote; both empty unless proven.

        The oracle must price one unit of the base in the quote: both ids known feeds, the second that of the
        quote's asset, and no scaling (two markets on one feed, scaled apart by a million, are not one asset).
        """
        quote = self.symbol(quote_denom)
        if market_id in self.bases:
            return _both(self.bases[market_id], quote)
        if feed.type.lower() != "pyth" or scale_exponent != 0 or self.asset(feed.quote) != quote:
            return "", ""
        return _both(self.asset(feed.base), quote)

    def asset(self, feed_id: str) -> str:
        """The asset a Pyth feed prices in USD; empty when unknown."""
        return self.feeds.get(feed_id.lower().removeprefix("0x"), "")


def assets_of(chain_id: str) -> Assets:
    """The verified table of a chain; of an unknown chain only its own coin."""
    return _BY_CHAIN.get(chain_id, _OWN_COIN)


def _both(base: str, quote: str) -> tuple[str, str]:
    return (base, quote) if base and quote and base != quote else ("", "")


_BRIDGED = "bridged from Ethereum"
_OWN_COIN = Assets({"inj": "INJ"})
_MAINNET = Assets(
    denoms={
        "inj": "INJ",
        "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7": f"USDT {_BRIDGED}",
        "erc20:0xa00C59fF5a080D2b954d0c75e46E22a0c371235a": "USDC",
        "peggy0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2": f"ETH WETH {_BRIDGED}",
        "peggy0x2260FAC5E5542a773Aa44fBCfeDf7C193bc2C599": f"BTC WBTC {_BRIDGED}",
        "peggy0x7Fc66500c84A76Ad7e9c93437bFc5Ac33E2DDaE9": f"AAVE {_BRIDGED}",
        "peggy0x4d224452801ACEd8B2F0aebE155379bb5D594381": f"APE {_BRIDGED}",
        "peggy0xBB0E17EF65F82Ab018d8EDd776e8DD940327B28b": f"AXS {_BRIDGED}",
        "peggy0x57e114B691Db790C35207b2e685D4A43181e6061": f"ENA {_BRIDGED}",
        "peggy0xc944E90C64B2c07662A292be6244BDf05Cda44a7": f"GRT {_BRIDGED}",
        "peggy0x514910771AF9Ca656af840dff83E8264EcF986CA": f"LINK {_BRIDGED}",
        "peggy0x4a220E6096B25EADb88358cb44068A3248254675": f"QNT {_BRIDGED}",
        "peggy0xC011a73ee8576Fb46F5E1c5751cA3B9Fe0af2a6F": f"SNX {_BRIDGED}",
        "peggy0x6B3595068778DD592e39A122f4f5a5cF09C90fE2": f"SUSHI {_BRIDGED}",
        "peggy0x1f9840a85d5aF5bf1D1762F925BDADdC4201F984": f"UNI {_BRIDGED}",
        "peggy0x4c9EDD5852cd905f086C759E8383e09bff1E68B3": f"USDE {_BRIDGED}",
        "peggy0x9D39A5DE30e57443BfF2A8307A4256c8797A3497": f"SUSDE {_BRIDGED}",
        "peggy0x57F5E098CaD7A3D1Eed53991D4d66C45C9AF7812": f"WUSDM {_BRIDGED}",
        "ibc/C4CFF46FD6DE35CA4CF4CE031E643C8FDC9BA4B99AE598E9B0ED98FE3A2319F9": "ATOM",
        "ibc/57AA1A70A4BC9769C525EBF6386F7A21536E04A79D62E1981EFCEF9428EBB205": "KAVA",
        "ibc/AF921F0874131B56897A11AA3F33D5B29CD9C147A1D7C37FE8D918CB420956B2": "SAGA",
        "ibc/A8B0B746B5AB736C2D8577259B510D56B8AF598008F68041E3D634BCDE72BE97": "SOL bridged by Wormhole",
        "ibc/3FDD002A3A4019B05A33D324B2F29748E77AF501BEA5C96D1F28B2D6755F9F25": "STRD",
        "ibc/F51BB221BAA275F2EBF654F70B005627D7E713AFFD6D86AFD1E43CAA886149F4": "TIA",
    },
    feeds={
        "7a5bc1d2b56ad029048cd63964b3ad2776eadf812edc1a43a31406cb54bff592": "INJ",
        "e62df6c8b4a85fe1a67db44dc12de5db330f7ac66b72dc658afedf0f4a415b43": "BTC",
        "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace": "ETH",
        "ef0d8b6fda2ceba41da15d4095d1da392a0d2f8ed0c6c7bc0f4cfac8c280b56d": "SOL",
        "b00b60f88b03a6a625a8d1c048c3f66653edf217439983d037e7222c4e612819": "ATOM",
        "2b89b9dc8fdf9f34709a5b106b472f0f39bb6ca9ce04b0fd7f2e971688e2e53b": "USDT",
        "eaa020c61cc479712813461ce153894a96a6c00b21ed0cfc2798d1f9a9e9c94a": "USDC",
        "765d2ba906dbc32ca17cc11f5310a89e9ee1f6420508c63861f2f8ba4ee34bb2": "XAU",
    },
)
# The beta feeds of Pyth, which testnet reads. One that two tickers name apart (PEPE, XAG) is left out,
# and so is JPY, whose feed counts yen per dollar.
_TESTNET = Assets(
    denoms={
        "inj": "INJ",
        "peggy0x87aB3B4C8661e07D6372361211B96ed4Dc36B1B5": f"USDT {_BRIDGED}",
        "erc20:0x0C382e685bbeeFE5d3d9C29e29E341fEE8E84C5d": "USDC",
    },
    feeds={
        "2d9315a88f3019f8efa88dfe9c0f0843712da0bac814461e27733f6b83eb51b3": "INJ",
        "f9c0172ba10dfa4d19088d94f5bf61d3b54d5bd7483a322a982e1373ee8ea31b": "BTC",
        "ca80ba6dc32e08d06f1aa886011eed1d77c77be9eb761cc10d72b7d0a2fd57a6": "ETH",
        "fe650f0367d4a7ef9815a593ea15d36593f0643aaaf0149bb04be67ab851decd": "SOL",
        "61226d39beea19d334f17c2febce27e12646d84675924ebb02b9cdaea68727e3": "ATOM",
        "37f40d2898159e8f2e52b93cb78f47cc3829a31e525ab975c49cc5c5d9176378": "ARB",
        "30a19158f5a54c0adf8fb7560627343f22a1bc852b89d56be1accdc5dbf96d0e": "XAU",
        "c1b12769f6633798d45adfd62bfc70114839232e2949b01fb3d3f927d2606154": "EUR",
        "bcbdc2755bd74a2065f9d3283c2b8acbd898e473bdb90a6764b3dbd467c56ecd": "GBP",
        "1fc18861232290221461220bd4e2acd1dcdfbc89c84092c93c18bdc7756c1588": "USDT",
    },
)
# The sandbox lists mainnet's markets under mainnet's denoms.
_BY_CHAIN = {"injective-1": _MAINNET, "injective-888": _TESTNET, SANDBOX_CHAIN: _MAINNET}
