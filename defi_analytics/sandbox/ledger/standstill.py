"""What the exchange does not take for now: markets that were paused, and all but post-only orders.

Source: injective-core, modules/exchange/types (MarketStatus.SupportsOrderCancellations) and keeper
(IsPostOnlyMode; processing of downtimes in abci.go).
"""

from typing import get_args

from defi_analytics.sandbox.listings import LISTINGS, Status
from defi_analytics.sandbox.moment import FIRST_HEIGHT

STATUSES: tuple[Status, ...] = get_args(Status)
DOWNTIME_S = 600.0
"""DURATION_10M, mainnet's `min_post_only_mode_downtime_duration`."""
BLOCKS_AFTER_DOWNTIME = 1_000
_CANCELLABLE = frozenset({"Active", "Demolished", "Expired"})


class Standstill:
    def __init__(self) -> None:
        self.post_only_until = 0
        """The first height at which orders that trade at once are taken again."""
        self._statuses: dict[str, Status] = {}
        self._since: dict[str, int] = {}

    def kept(self) -> "Standstill":
        """As it is now, for whoever asks later."""
        found = Standstill()
        found.post_only_until = self.post_only_until
        found._statuses, found._since = dict(self._statuses), dict(self._since)
        return found

    def status(self, market_id: str) -> Status:
        return self._statuses.get(market_id) or LISTINGS[market_id].status

    def put(self, market_id: str, status: Status, block: int) -> None:
        """From the block after this one on. A market that is not active stays as it was in it."""
        if status == "Active":
            self._since.pop(market_id, None)
        else:
            self._since.setdefault(market_id, block)
        self._statuses[market_id] = status

    def is_active(self, market_id: str) -> bool:
        return self.status(market_id) == "Active"

    def may_cancel(self, market_id: str) -> bool:
        return self.status(market_id) in _CANCELLABLE

    def post_only(self, block: int) -> bool:
        return self.post_only_until > FIRST_HEIGHT + block

    def moved(self, market_id: str, block: int) -> int:
        """The last block until this one in which the market's book moved."""
        return min(block, self._since.get(market_id, block))

    @property
    def told(self) -> dict[str, str]:
        """The statuses that were changed, by market."""
        return dict(sorted(self._statuses.items()))
