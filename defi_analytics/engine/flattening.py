"""Closing what is held: tried again while a node is silent or a book is thin, and judged by the venue."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from defi_analytics.domain.market import Market, MarketKey, MarketKind, too_little
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.closing import closable, rest
from defi_analytics.engine.differences import Code, plain
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.foreign import Known, moved
from defi_analytics.engine.listed import Listed
from defi_analytics.engine.paid_in import known_of
from defi_analytics.engine.presumed import presumed
from defi_analytics.engine.trade import Decision
from defi_analytics.errors import DataError, OutcomeUnknown
from defi_analytics.ports import Clock
from defi_analytics.risk.codes import Denial

LOG = logging.getLogger("defi.run")
_TRIES = 5


@dataclass(frozen=True, slots=True)
class Flattening:
    close: Callable[[], Awaitable[Decision]]
    """Decides on what is held now, and sends it; what it decided. Raises DataError."""
    execution: Execution
    clock: Clock
    pause_s: float
    """After the first try; twice as long after each."""
    listed: Listed
    """By `close`."""

    async def done(self) -> None:
        """Raises OutcomeUnknown when something stays open, or nobody can tell that nothing does."""
        why, hint = "", ""
        for tries in range(_TRIES):
            if tries:
                await self.clock.sleep(self.pause_s * 2 ** (tries - 1))
            try:
                refused = refusals(await self.close())
                left = await self._open()
            except DataError as error:
                why, hint = f"what is held could not be closed: {error}", error.hint or self._hint(())
            else:
                if not left:
                    self._tell_rests()
                    return
                why = f"{len(left)} positions could not be closed: {self._named(left, refused)}"
                hint = self._hint(refused[key] for key in left if key in refused)
            LOG.warning("%s", why)
        raise OutcomeUnknown(why, hint=hint)

    def _named(self, left: Collection[MarketKey], refused: Mapping[MarketKey, Denial]) -> str:
        known = self.execution.books.markets
        names = {key: known[key].ticker if key in known else key.market_id for key in sorted(left)}
        return ", ".join(
            name + (f" ({refused[k].name})" if k in refused else "") for k, name in names.items()
        )

    def _tell_rests(self) -> None:
        """What nobody can close keeps nobody from being done."""
        for market in self._markets():
            if left := rest(self.execution.books, market):
                lot, base = plain(market.quantity_tick), market.base
                LOG.warning("%s: %s %s stay, less than a lot of %s", market.ticker, plain(left), base, lot)

    def _markets(self) -> list[Market]:
        return self.listed.of(self.execution.books.markets)

    def _hint(self, codes: Iterable[Denial]) -> str:
        why = "".join(f"defi explain {code.name}; " for code in sorted(set(codes)))
        command = self.execution.command
        return f"see: {why}{command('positions')}; try again: {command('risk flatten')}"

    async def _open(self) -> Collection[MarketKey]:
        ledger, chain = self.execution.ledger, self.execution.chain
        known = known_of(ledger, chain, pays_gas=self.execution.pays_gas)
        markets = self._markets()
        portfolio = await chain.portfolio(markets)
        return open_by(known._replace(books=presumed(known.books, portfolio)), portfolio, markets)


def refusals(decision: Decision) -> Mapping[MarketKey, Denial]:
    return {refused.about.market.key: refused.code for refused in decision.refused}


def open_by(known: Known, portfolio: Portfolio, markets: Sequence[Market]) -> Collection[MarketKey]:
    """Markets on which a lot is held, or more, by the journal or by the venue.

    On spot the venue knows balances alone: there it is more of a coin than the books come to, which was
    bought and is not counted yet. What came in otherwise is not the strategies' to sell.
    """
    by_key = {market.key: market for market in markets}
    own = {market.key for _, market, _ in closable(known.books, markets)}
    told = {
        key
        for key, position in portfolio.positions.items()
        if not too_little(position.quantity, by_key.get(key))
    }
    more = {
        each.about for each in moved(known, portfolio, markets) if each.code is Code.BALANCE and each.gap > 0
    }
    spot = {market.key: market.base for market in markets if market.kind is MarketKind.SPOT}
    unread = {order.request.market.key for order in known.books.uncounted if not order.request.reduce_only}
    return own | told | {key for key, base in spot.items() if base in more or key in unread}
