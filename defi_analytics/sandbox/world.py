"""The simulated markets: every price, book and dislocation as a function of the seed and the block."""

from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import NamedTuple

from defi_analytics.sandbox.books import Block, Grid, Style, ladder, significant, trade
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS, Listing, Perpetual, Reference
from defi_analytics.sandbox.matching import Book
from defi_analytics.sandbox.prices import Noise, Prices

BLOCK_S = 0.65
_SLOT = 320
"""A market is dislocated at most once in so many blocks."""
_EPISODE_CHANCE = 0.46
"""Per slot: about half of all blocks then see at least one market dislocated."""
_EPISODE_BLOCKS = (30, 90)
_NET_EDGE = (40e-4, 110e-4)
_STYLE = Style(half_spread=3e-4, spacing=4e-4, levels=30, notional=2_500.0)
_IMPOSTOR = _STYLE._replace(half_spread=2e-3, notional=400.0)
_REFERENCE = {
    "hyperliquid": Style(half_spread=1e-4, spacing=2.5e-4, levels=20, notional=9_000.0),
    "binance": Style(half_spread=0.6e-4, spacing=1.5e-4, levels=60, notional=8_000.0),
}
_CACHED = 4_096


class Episode(NamedTuple):
    """A planted dislocation: for these blocks one of two venues quotes away from the fair price."""

    market_id: str
    start: int
    end: int
    """Exclusive."""
    buy: bool
    """Injective is the cheaper of the two."""
    on_injective: bool
    """Injective is the one that left the fair price; its oracle stays."""
    gap: float
    """Between the two venues' mid prices, as a fraction."""


class World:
    """One seed's markets. All methods are pure: any block, in any order, costs the same."""

    def __init__(
        self, seed: int, skill: float = 0.3, block_s: float = BLOCK_S, *, calm: bool = False
    ) -> None:
        self.seed = seed
        self.calm = calm
        """Nothing is ever dislocated; all else is as without."""
        self.skill = skill
        """Correlation between the forecasts and what happens."""
        self.block_s = block_s
        """Between two blocks. Prices move by the block: shorter ones make a faster market."""
        random = Random(seed)  # noqa: S311 -- a simulation that repeats, no secret
        self.prices = Prices(random)
        self._noise = {market_id: Noise(random.getrandbits(64)) for market_id in LISTINGS}
        self._reference_noise = {
            (reference.venue, reference.symbol): Noise(random.getrandbits(64))
            for reference in (*BINANCE.values(), *HYPERLIQUID.values())
        }
        self.forecasts = Noise(random.getrandbits(64))
        self._market = {
            (listing.reference.venue, listing.reference.symbol): listing
            for listing in LISTINGS.values()
            if listing.reference is not None
        }
        self._phases = {market_id: noise.fork(0).bits(0) % _SLOT for market_id, noise in self._noise.items()}
        self._planted = lru_cache(_CACHED)(self._plant)
        self.block = lru_cache(_CACHED)(self._block)
        self.reference = lru_cache(_CACHED)(self._reference)

    def episode(self, listing: Listing, block: int) -> Episode | None:
        """The dislocation this market is in at this block, if it is in one."""
        phase = self._phases[listing.market_id]
        episode = self._planted(listing.market_id, (block + phase) // _SLOT)
        return episode if episode and episode.start <= block < episode.end else None

    def centre(self, listing: Listing, block: int) -> float:
        """What Injective's makers quote around, in the market's quote."""
        fair = self.prices.fair(listing.asset, block) * float(listing.impostor or 1)
        episode = self.episode(listing, block)
        if episode is None or not episode.on_injective:
            return fair * (1 + self._noise[listing.market_id].fork(1).between(block, -5e-5, 5e-5))
        return fair / (1 + episode.gap) if episode.buy else fair * (1 + episode.gap)

    def reference_centre(self, reference: Reference, block: int) -> float:
        """What the reference venue's makers quote around, in the instrument's quote."""
        if reference.asset == "USDC":
            return self.prices.usdc
        fair = self.prices.fair(reference.asset, block)
        fair /= self.prices.usdc if reference.quote == "USDC" else 1.0
        listing = self._market.get((reference.venue, reference.symbol))
        episode = self.episode(listing, block) if listing else None
        if episode is None or episode.on_injective:
            return fair
        return fair * (1 + episode.gap) if episode.buy else fair / (1 + episode.gap)

    def mark_price(self, listing: Perpetual, block: int) -> Decimal:
        """The oracle's price in the market's quote, exact to the chain's 18 places."""
        base = self.oracle(listing.asset, block) * (listing.impostor or 1)
        return (base / self.oracle("USDT", block)).quantize(Decimal("1e-18"))

    def oracle(self, asset: str, block: int) -> Decimal:
        """In USD, with the eight places Pyth publishes."""
        return Decimal(f"{self.prices.usd(asset, block):.8f}")

    def _plant(self, market_id: str, slot: int) -> Episode | None:
        listing, phase = LISTINGS[market_id], self._phases[market_id]
        draw = self._noise[market_id].fork(0).fork(slot)
        if self.calm or listing.reference is None or draw.unit(2) > _EPISODE_CHANCE:
            return None
        start = slot * _SLOT - phase + int(draw.between(0, 0, _SLOT - _EPISODE_BLOCKS[1]))
        end = start + int(draw.between(1, *_EPISODE_BLOCKS))
        # Costs: both taker fees, both half spreads, and room for takers, ticks and the stablecoin's spread.
        costs = float(listing.taker_fee + listing.reference.taker_fee) + 6e-4
        gap = costs + draw.between(3, *_NET_EDGE)
        buy, on_injective = bool(draw.bits(4) & 1), bool(draw.bits(5) & 1)
        return Episode(listing.market_id, start, end, buy, on_injective, gap)

    def _block(self, market_id: str, block: int) -> Block:
        listing = LISTINGS[market_id]
        if listing.status != "Active":
            return Block(Book(), ())
        noise = self._noise[market_id].fork(2).fork(block)
        step = max(
            listing.quantity_tick, listing.reference.quantity_step if listing.reference else Decimal(0)
        )
        grid = Grid(listing.price_tick, step)
        style = _IMPOSTOR if listing.impostor else _STYLE
        if listing.quote_denom == "inj":
            style = style._replace(notional=40.0)
        resting = ladder(self.centre(listing, block), style, grid, noise)
        mark = self.mark_price(listing, block) if isinstance(listing, Perpetual) else None
        return trade(resting, grid, noise, mark)

    def _reference(self, reference: Reference, block: int) -> Book:
        centre = self.reference_centre(reference, block)
        noise = self._reference_noise[reference.venue, reference.symbol].fork(block)
        style = _REFERENCE[reference.venue]
        if reference.asset == "USDC":
            style = style._replace(half_spread=0.0, notional=2e6)
        listing = self._market.get((reference.venue, reference.symbol))
        step = max(reference.quantity_step, listing.quantity_tick if listing else Decimal(0))
        return ladder(centre, style, Grid(reference.price_tick or significant(centre), step), noise)
