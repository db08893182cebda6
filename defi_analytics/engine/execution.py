"""Orders on a chain: written ahead, sent, and not believed until proven.

The order of things is the whole point. Signed bytes are durable before they leave; an unanswered broadcast is
neither success nor failure; the same bytes may be sent again, a second transaction for the same decision is
never signed. A transaction leaves doubt only when it is found in a block, or when the chain has passed its
timeout height and still does not have it, or when another transaction has taken its sequence.

To send the same bytes again is safe: the chain executes them once at most, only while their sequence is free,
and not beyond their timeout height, so that they do what was decided, or nothing, some blocks late at worst.
It is done where no answer to them is known (none came, or it died with the process that waited for it) and
after a refusal that was about the node. Bytes that were refused for what they are stay unsent.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.text import safe
from defi_analytics.domain.transaction import Block, Sent, SignedTransaction
from defi_analytics.engine.absence import MARGIN_BLOCKS, beyond_timeout, overtaken
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder, Unresolved
from defi_analytics.engine.differences import Difference
from defi_analytics.engine.foreign import Agreed, Known, amounts, moved, untouched
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import ACCOUNT
from defi_analytics.engine.records import (
    Closed,
    Fills,
    Kind,
    Refused,
    Resolved,
    Sending,
    Signed,
    check,
    refused_for_good,
    transaction_hash,
)
from defi_analytics.errors import DataError, ExecutionError, OrderRejected, OutcomeUnknown
from defi_analytics.ports import Chain
from defi_analytics.risk.codes import TradingState

LOG = logging.getLogger("defi.run")
SPAN_BLOCKS = 10_000
"""About two hours, whose fills are read and written down together."""
_SHOWN = 200
"""Characters of what a node said."""


@dataclass(slots=True)
class Execution:
    """One account's way to the chain. Make one per account and process: see `storage.lock`."""

    chain: Chain
    ledger: Ledger
    stopped: Callable[[], str] = str
    """Why not to trade at all, as a person says who may have no journal to say it in; empty for nothing."""
    pays_gas: bool = True
    """Out of what is traded here; false where another key or subaccount pays."""
    _passed: dict[str, int] = field(default_factory=dict)
    """By transaction: the block at which its account was first seen to be beyond its sequence."""
    _agreed: Agreed = field(default_factory=Agreed)

    @property
    def books(self) -> Bookkeeping:
        return self.ledger.books

    async def submit(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = (), decision: str = ""
    ) -> SignedTransaction:
        """Signs one transaction for all of these, makes it durable, and sends it once, unless told to stop.

        Raises OutcomeUnknown while an earlier transaction has no proof yet: nothing is signed then. What the
        chain answers is in the books, not raised.
        """
        if self.books.unresolved:
            raise OutcomeUnknown("an earlier transaction is not proven yet", hint="see: defi reconcile")
        requests = tuple(order.request for order in orders)
        transaction = await self._signed(orders, cancels)
        check(transaction, requests)
        await self._count_idle_blocks()
        self.ledger.write(Kind.SIGNED, Signed(transaction, requests, tuple(cancels), decision))
        if not self._may_leave(requests):
            # No byte of it has left, and nobody but this call could have sent it.
            self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, "stopped before it was sent"))
            return transaction
        submission = await self.chain.broadcast(transaction)
        if refused_for_good(submission):
            # Sent once, by this call, to one node, which says that it is not in its mempool. One record, so
            # that no crash parts the answer from its meaning: later the same answer would prove nothing.
            reason = "refused when it was first sent"
            self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, reason, submission))
        else:
            self.ledger.write(Kind.SENT, Sending(transaction.tx_hash, submission))
        return transaction

    async def _signed(self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel]) -> SignedTransaction:
        """That an exit was refused is written down: after some of them it is tried otherwise."""
        try:
            return await self.chain.sign(orders, cancels)
        except OrderRejected as error:
            exits = tuple(order.request for order in orders if order.request.reduce_only)
            if exits:
                said = error.order_code, error.codespace, error.message
                self.ledger.write(Kind.REFUSED, Refused(exits, orders[0].approved_at, *said))
            raise

    def refusal(self, transaction: SignedTransaction) -> OrderRejected | None:
        """Why it is proven that nothing of it came about; None while that is not known, or something did."""
        record = self.books.failed.get(transaction.tx_hash)
        if record is None:
            return None
        said = f": {safe(record.log, _SHOWN)} ({safe(record.codespace)} {record.code})" if record.code else ""
        return OrderRejected(record.reason + said, order_code=record.code, codespace=record.codespace)

    async def prove(self) -> Block:
        """Brings the books up to the chain: proofs and fills. Returns the latest block.

        What only rests is left to `reconcile`: reading every block for as long as a stop stands would take
        all that a public node lets anybody ask for.

        Raises DataError when the chain cannot be read; what was learned before that stays.
        """
        block = await self.chain.block()
        for pending in list(self.books.unresolved.values()):
            await self._resolve(pending, block)
        if any(order.height > block.height for order in self.books.live):
            # A block came in between, or a node is ahead: what came of it is not in the blocks up to ours.
            block = await self.chain.block()
        if self.books.live and not self._told:
            await self._count_fills(block.height)
        return block

    async def settle(self) -> Block:
        """As `prove`, and takes resting orders that the venue no longer lists for over."""
        block = await self.prove()
        if self._resting(self.books.markets):
            markets = list(self.books.markets.values())
            portfolio = await self.chain.portfolio(markets)
            # Where ours stand as they were, nothing of them waits for the fills of others.
            with suppress(DataError) if untouched(self._known, portfolio, markets) else nullcontext():
                await self.reconcile(portfolio, markets)
        return block

    async def reconcile(self, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        """Orders that were open at the counted height and are no longer on the venue's list are over.

        Of these markets, which `portfolio` is of. Blocks are read only if something moved. Raises DataError.
        """
        if not self._resting(self.books.markets) or await self._left_alone(portfolio, markets):
            return
        # A node may tell the list as of a newer block than it was asked for: the fills are counted up to a
        # block that is asked for after it, so that what took an order off the list is among them.
        height = max(portfolio.height, (await self.chain.block()).height)
        await self._count_fills(height, markets)
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

    @property
    def _told(self) -> bool:
        """Whether the venue's lists tell of fills. On paper they are made when they are asked for."""
        return self.chain.account != ACCOUNT and self.books.settled

    async def _left_alone(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Counts the blocks up to `portfolio`: unread, unless cash tells of others, where none met ours."""
        if not self._told:
            return False
        every = list({**self.books.markets, **{market.key: market for market in markets}}.values())
        if len(every) > len(markets):
            portfolio = await self.chain.portfolio(every)
        if not untouched(self._known, portfolio, every):
            return False
        if self._agreed.paid(portfolio, every):
            await self._count_fills(portfolio.height, every)
        self._agreed.see(portfolio, every)
        if portfolio.height > self.ledger.counted:
            self.ledger.write(Kind.FILLS, Fills(self.ledger.counted + 1, portfolio.height, ()))
        return True

    async def explained(self, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
        """Counts what others traded with the account, where it has moved without us.

        Returns what no fill explains; once may be a fill between two reads, twice the same is a fact. Raises
        DataError where quantities have moved and the chain lacks blocks since the last count. Where they
        agree, such blocks are asked for again at the next look, and not taken for empty.
        """
        try:
            await self.reconcile(portfolio, markets)
            if not self._told or await self._as_counted(portfolio, markets):
                return ()
        except DataError as error:
            if not self._told or self._moved(portfolio, markets):
                raise
            LOG.warning("%s; what is held is what the books say", error)
            return ()
        await self.count(markets)
        # What was read first is older than the blocks that are counted now, and this may be newer.
        again = await self.chain.portfolio(markets)
        await self.count(markets, again.height)
        return self._moved(again, markets)

    async def _as_counted(self, portfolio: Portfolio, markets: Sequence[Market]) -> bool:
        """Whether quantities are; then also who came and went between two looks is, who moved only cash."""
        if self._moved(portfolio, markets):
            return False
        if self._agreed.paid(portfolio, markets):
            await self._count_idle_blocks()
            await self.count(markets, portfolio.height)
        self._agreed.see(portfolio, markets)
        return True

    async def count(self, markets: Sequence[Market], height: int | None = None) -> None:
        """Every fill up to `height`, or now, on these markets and on all that we ever signed for.

        Raises DataError.
        """
        await self._count_fills((await self.chain.block()).height if height is None else height, markets)

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

    async def _resolve(self, pending: Unresolved, block: Block) -> None:
        transaction = pending.transaction
        found = await self.chain.find(transaction.tx_hash)
        if found is not None:
            self.ledger.write(Kind.RESOLVED, Resolved.included(found))
        elif block.height > transaction.timeout_height + MARGIN_BLOCKS:
            if record := await beyond_timeout(self.chain, transaction):
                self.ledger.write(Kind.RESOLVED, record)
        elif await overtaken(self.chain, transaction, block.height, self._passed):
            reason = "its sequence was taken by another transaction"
            self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, reason))
        elif block.height < transaction.timeout_height and self._worth_sending_again(pending):
            await self._send_again(transaction)

    def _worth_sending_again(self, pending: Unresolved) -> bool:
        """Unless it was accepted or refused, or nobody wants it any more."""
        if pending.refused or pending.sent[-1:] == (Sent.ACCEPTED,):
            return False
        orders = [self.books.orders[order_id] for order_id in pending.transaction.client_order_ids]
        return self._may_leave(order.request for order in orders)

    def _may_leave(self, requests: Iterable[OrderRequest]) -> bool:
        """By what anybody said up to this moment; cancels, and orders that only reduce, always."""
        if all(request.reduce_only for request in requests):
            return True
        self.ledger.catch_up()
        return self.ledger.risk.trading is TradingState.ACTIVE and not self.stopped()

    async def _send_again(self, transaction: SignedTransaction) -> None:
        if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
            raise ExecutionError(f"the stored bytes of {transaction.tx_hash} are not those that were signed")
        submission = await self.chain.broadcast(transaction)
        self.ledger.write(Kind.SENT, Sending(transaction.tx_hash, submission))

    async def _count_idle_blocks(self) -> None:
        """Nothing of ours was on the book since the last count, so nothing of ours was filled.

        And nothing of others up to the block at which the account had not moved; on paper there are none.
        """
        if self.books.live:
            return
        height = (await self.chain.block()).height if self.chain.account == ACCOUNT else self._agreed.height
        if height > self.ledger.counted:
            self.ledger.write(Kind.FILLS, Fills(self.ledger.counted + 1, height, ()))

    async def _count_fills(self, height: int, markets: Sequence[Market] = ()) -> None:
        """Of these and of all that we ever signed for; what is read is written, whatever comes after it."""
        every = {**self.books.markets, **{market.key: market for market in markets}}
        while self.ledger.counted < height:
            first = self.ledger.counted + 1
            last = min(height, first + SPAN_BLOCKS - 1)
            fills = await self.chain.fills(list(every.values()), first, last)
            self.ledger.write(Kind.FILLS, Fills(first, last, tuple(fills)))
            for said in amounts(self.books.foreign(fills), every):
                LOG.warning("another client of this account traded: counted %s", said)
