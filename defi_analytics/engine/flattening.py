"""Closing what is held: tried again while a node is silent or a book is thin, and judged by the venue."""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.closing import closable
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.presumed import presumed
from defi_analytics.errors import DataError, OutcomeUnknown
from defi_analytics.ports import Clock

LOG = logging.getLogger("defi.run")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Flattening:
    close: Callable[[], Awaitable[None]]
    """Decides on what is held now, and sends it. Raises DataError."""
    execution: Execution
    reserved: Mapping[str, Decimal]
    """By asset: what is the account's own, and stays."""
    clock: Clock
    pause_s: float
    """After the first try; twice as long after each."""

    async def done(self) -> None:
        """Raises OutcomeUnknown when something stays open, or nobody can tell that nothing does."""
        why = ""
        for tries in range(_TRIES):
            if tries:
                await self.clock.sleep(self.pause_s * 2 ** (tries - 1))
            try:
                await self.close()
                left = await self._open()
            except DataError as error:
                why = f"what is held could not be closed: {error}"
            else:
                if not left:
                    return
                why = f"{len(left)} positions could not be closed: {self._named(left)}"
            LOG.warning("%s", why)
        raise OutcomeUnknown(why, hint="see: defi positions; try again: defi risk flatten")

    def _named(self, left: Collection[MarketKey]) -> str:
        known = self.execution.books.markets
        return ", ".join(known[key].ticker if key in known else key.market_id for key in sorted(left))

    async def _open(self) -> Collection[MarketKey]:
        books = self.execution.books
        portfolio = await self.execution.chain.portfolio(list(books.markets.values()))
        return open_by(presumed(books, portfolio), portfolio, self.reserved)


def open_by(
    books: Bookkeeping, portfolio: Portfolio, reserved: Mapping[str, Decimal]
) -> Collection[MarketKey]:
    """Markets on which something is held, by the journal or by the venue.

    On spot the venue knows balances alone: there it is what exceeds `reserved`, and what another client of
    the account has bought, by what can be sold.
    """
    own = {market.key for _, market, _ in closable(books, list(books.markets.values()))}
    told = {key for key, position in portfolio.positions.items() if position.quantity}
    spot = [market for market in books.markets.values() if market.kind is MarketKind.SPOT]
    return own | told | {market.key for market in spot if _exceeds(market, books, portfolio, reserved)}


def _exceeds(
    market: Market, books: Bookkeeping, portfolio: Portfolio, reserved: Mapping[str, Decimal]
) -> bool:
    if market.base not in reserved:
        return False
    held = sum(own.total for own in portfolio.balances.values() if own.asset == market.base)
    others = max(Decimal(0), books.held.get(("", market.key), Inventory()).quantity)
    return held - reserved[market.base] - others >= market.quantity_tick
