"""The markets as a run last saw them: after a change of ticks what is held may not be whole lots any more."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.engine.differences import plain

LOG = logging.getLogger("defi.run")

Sizes = tuple[Decimal, Decimal]
"""Of a price tick and of a lot."""


@dataclass(slots=True)
class Listed:
    """One run's."""

    markets: Sequence[Market] = ()
    _known: dict[MarketKey, set[Sizes]] = field(default_factory=dict)
    _last: dict[MarketKey, Sizes] = field(default_factory=dict)

    def see(self, markets: Sequence[Market], traded: Mapping[MarketKey, Market]) -> None:
        """Warns of each change once, the first time against what the market was last `traded` by."""
        self.markets = markets
        for market in markets:
            before = self._last.setdefault(market.key, _sizes(traded.get(market.key, market)))
            now = self._last[market.key] = _sizes(market)
            known = self._known.setdefault(market.key, {before})
            if now not in known:
                known.add(now)
                LOG.warning(
                    "%s: the price tick was %s and is %s, the lot was %s and is %s",
                    market.ticker,
                    *(plain(size) for pair in zip(before, now, strict=True) for size in pair),
                )

    def of(self, traded: Mapping[MarketKey, Market]) -> list[Market]:
        """These as they are now, as far as that was seen."""
        now = {market.key: market for market in self.markets}
        return [now.get(key, market) for key, market in traded.items()]


def _sizes(market: Market) -> Sizes:
    return market.price_tick, market.quantity_tick
