"""What was filled on an account, by us and by others: which blocks were read for it, and which need not be.

Blocks are dear: a public node lets anybody read only so many. They are read where something of ours may have
been filled, or where what the account holds says that somebody traded; those of quiet times are written down
as empty, unread.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.differences import Difference, plain
from defi_analytics.engine.foreign import Agreed, Known, amounts, every_market, moved, untouched
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.engine.presumed import presumed, unread
from defi_analytics.engine.records import Closed, Fills, Kind
from defi_analytics.errors import DataError
from defi_analytics.ports import Chain

LOG = logging.getLogger("defi.run")
SPAN_BLOCKS = 10_000
"""About two hours, whose fills are read and written down together."""


@dataclass(frozen=True, slots=True)
class Counting:
    """Of one account.

    Every `portfolio` is of the `markets` beside it: of `every`, for blocks that are taken for empty are so of
    each of them.
    """

    chain: Chain
    ledger: Ledger
    agreed: Agreed
    pays_gas: bool = True
    """Out of what is traded here; false where another key or subaccount pays."""
    traded: Sequence[Market] = ()
    """What else a run trades, though nothing of ours was ever signed there."""

    def every(self, more: Sequence[Market] = ()) -> list[Market]:
        """All whose fills are counted: what is written down as read is so of each of them."""
        return list(every_market(self.books, (*self.traded, *more)).values())

    @property
    def books(self) -> Bookkeeping:
        return self.ledger.books

    async def sent(self, block: Block) -> None:
        """Counts the fills up to there while something was sent whose fills are not. Raises DataError.

        What only rests is left to `reconcile`: reading every block for as long as a stop stands would take
        all that a public node lets anybody ask for.
        """
        if self.books.live and not self._told:
            await self._count(block.height)

    async def tried(self, block: Block) -> bool:
        """As `sent`; false where it cannot be read now: what was filled is `presumed` until it is counted.

        Raises DataError on paper, where fills are made and not told.
        """
        try:
            await self.sent(block)
        except DataError as error:
            if self.chain.account == ACCOUNT:
                raise
            LOG.warning("%s; how much was filled is not known yet", error)
            return False
        return True

    async def idle(self) -> None:
        """Nothing of ours was on the book since the last count, so nothing of ours was filled.

        And nothing of others up to the block at which the account had not moved; on paper there are none.
        """
        if self.books.live:
            return
        height = (await self.chain.block()).height if self.chain.account == ACCOUNT else self.agreed.height
        if height > self.ledger.counted:
            self.ledger.write(Kind.FILLS, Fills(self.ledger.counted + 1, height, ()))

    async def reconcile(self, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        """Orders that were open at the counted height and are no longer on the venue's list are over.

        Blocks are read only if something moved. Raises DataError.
        """
        if not self._resting(self.books.markets) or await self._left_alone(portfolio, markets):
            return
        # A node may tell the list as of a newer block than it was asked for: the fills are counted up to a
        # block that is asked for after it, so that what took an order off the list is among them.
        height = max(portfolio.height, (await self.chain.block()).height)
        await self._count(height, markets)
        listed = {order.client_order_id for order in portfolio.open_orders}
        listed_hashes = {order.order_hash for order in portfolio.open_orders}
        gone = tuple(
            order.request.client_order_id
            for order in self._resting({market.key for market in markets})
            if order.height < portfolio.height
            and order.request.client_order_id not in listed
            and order.order_hash not in listed_hashes
        )
        if gone:
            self.ledger.write(Kind.CLOSED, Closed(height, gone))

    async def look(self) -> None:
        """Asks the venue what still rests, where something should. Raises DataError."""
        if not self._resting(self.books.markets):
            return
        markets = self.every()
        portfolio = await self.chain.portfolio(markets)
        try:
            await self.reconcile(portfolio, markets)
        except DataError:
            # Where ours stand as they were, nothing of them waits for the fills of others.
            if not untouched(self._known, portfolio, markets):
                raise

    @property
    def _told(self) -> bool:
        """Whether the venue's lists tell of fills. On paper they are made when they are asked for."""
        return self.chain.account != ACCOUNT and self.books.settled

    async def _left_alone(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Counts the blocks up to `portfolio`: unread, unless cash tells of others, where none met ours."""
        if not (self._told and untouched(self._known, portfolio, markets)):
            return False
        if self.agreed.paid(self._known, portfolio, markets):
            await self._count(portfolio.height, markets)
        self.agreed.see(portfolio, markets)
        if portfolio.height > self.ledger.counted:
            self.ledger.write(Kind.FILLS, Fills(self.ledger.counted + 1, portfolio.height, ()))
        return True

    async def explained(self, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
        """Counts what others traded with the account, where it has moved without us.

        Returns what no fill explains; once may be a fill between two reads, twice the same is a fact. Raises
        DataError where quantities have moved, not by orders of ours that are still to be counted, and the
        chain lacks blocks since the last count. Where they agree, such blocks are asked for again at the next
        look, and not taken for empty.
        """
        try:
            await self.reconcile(portfolio, markets)
            if not self._told or await self._as_counted(portfolio, markets):
                return ()
        except DataError as error:
            if self.chain.account == ACCOUNT or self._beyond(portfolio, markets):
                raise
            LOG.warning("%s; what is held is what the books say", error)
            return ()
        await self.count(markets)
        # What was read first is older than the blocks that are counted now, and this may be newer.
        again = await self.chain.portfolio(markets)
        await self.count(markets, again.height)
        return self._moved(again, markets)

    def _beyond(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Whether more has moved than orders of ours may have that nobody can read the fills of."""
        if self.books.unresolved:
            return False
        known = self._known._replace(books=presumed(self.books, portfolio))
        ours = {order.request.market.base for order in unread(self.books, portfolio)}
        return any(each.about not in ours for each in moved(known, portfolio, markets))

    async def _as_counted(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Whether quantities are; then also who came and went between two looks is, who moved only cash."""
        if self._moved(portfolio, markets):
            return False
        if self.agreed.paid(self._known, portfolio, markets):
            await self.idle()
            await self.count(markets, portfolio.height)
        self.agreed.see(portfolio, markets)
        return True

    async def count(self, markets: Sequence[Market], height: int | None = None) -> None:
        """Every fill up to `height`, or now, on these markets and on all that we ever signed for.

        Raises DataError.
        """
        await self._count((await self.chain.block()).height if height is None else height, markets)

    @property
    def _known(self) -> Known:
        return Known(self.books, self.ledger.baseline or {}, self.pays_gas)

    def _moved(self, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
        return moved(self._known, portfolio, markets)

    def _resting(self, keys: Collection[MarketKey]) -> list[TrackedOrder]:
        """What is on the book, as far as blocks were counted."""
        return [
            order
            for order in self.books.live
            if order.height and order.expiry_height and order.request.market.key in keys
        ]

    async def _count(self, height: int, markets: Sequence[Market] = ()) -> None:
        """Of these and of all that we ever signed for; what is read is written, whatever comes after it."""
        every = {market.key: market for market in self.every(markets)}
        while self.ledger.counted < height:
            first = self.ledger.counted + 1
            last = min(height, first + SPAN_BLOCKS - 1)
            fills = await self.chain.fills(list(every.values()), first, last)
            self.ledger.write(Kind.FILLS, Fills(first, last, tuple(fills)))
            self._tell(fills, every)

    def _tell(self, fills: Sequence[Fill], markets: Mapping[MarketKey, Market]) -> None:
        for said in amounts(self.books.foreign(fills), markets):
            LOG.warning("another client of this account traded: counted %s", said)
        for fill in (each for each in fills if each.liquidation):
            market, at = markets[fill.key], plain(fill.price)
            said = f"{plain(fill.signed)} {market.base} at {at}; what that left of the margin is lost"
            LOG.error("the chain liquidated %s: %s", market.ticker, said)
