"""The markets by kind, so that what is only true of one kind needs no question."""

from defi_analytics.sandbox.listings import PERPETUALS, SPOT, Perpetual, Spot

SPOTS: dict[str, Spot] = {one.market_id: one for one in SPOT}
PERPS: dict[str, Perpetual] = {one.market_id: one for one in PERPETUALS}
