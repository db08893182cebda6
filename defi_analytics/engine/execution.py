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
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from defi_analytics.domain.market import Market, MarketKey
from defi_analytics.domain.order import ApprovedOrder, Cancel
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.text import safe
from defi_analytics.domain.transaction import Block, Sent, SignedTransaction
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder, Unresolved
from defi_analytics.engine.differences import Difference, plain
from defi_analytics.engine.foreign import moved
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
QUERIES_FOR_ABSENCE = 2
"""How often a transaction must be missing beyond its timeout height before it counts as absent."""
MARGIN_BLOCKS = 2
"""Blocks beyond the timeout height until that is asked: a node's index may lag behind its blocks."""
INDEX_BLOCKS = 200
"""About two minutes: beyond, no index lags, and nodes may not keep the blocks."""
_SHOWN = 200
"""Characters of what a node said."""


@dataclass(slots=True)
class Execution:
    """One account's way to the chain. Make one per account and process: see `storage.lock`."""

    chain: Chain
    ledger: Ledger
    _passed: dict[str, int] = field(default_factory=dict)
    """By transaction: the block at which its account was first seen to be beyond its sequence."""
    _agreed: int = 0
    """The last block at which the account was seen to be what the books come to."""

    @property
    def books(self) -> Bookkeeping:
        return self.ledger.books

    async def submit(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = (), decision: str = ""
    ) -> SignedTransaction:
        """Signs one transaction for all of these, makes it durable, and sends it once.

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

        Raises DataError when the chain cannot be read; what was learned before that stays.
        """
        block = await self.chain.block()
        for pending in list(self.books.unresolved.values()):
            await self._resolve(pending, block)
        if self.books.live:
            await self._count_fills(block.height)
        return block

    async def settle(self) -> Block:
        """As `prove`, and takes resting orders that the venue no longer lists for over."""
        block = await self.prove()
        markets = list(
            {o.request.market.key: o.request.market for o in self._resting(self.books.markets)}.values()
        )
        if markets:
            await self.reconcile(await self.chain.portfolio(markets), markets)
        return block

    async def reconcile(self, portfolio: Portfolio, markets: Sequence[Market]) -> None:
        """Orders that were open at the counted height and are no longer on the venue's list are over.

        Of these markets, which `portfolio` is of. Raises DataError.
        """
        keys = {market.key for market in markets}
        if not self._resting(keys):
            return
        # A node may tell the list as of a newer block than it was asked for: the fills are counted up to a
        # block that is asked for after it, so that what took an order off the list is among them.
        height = max(portfolio.height, (await self.chain.block()).height)
        await self._count_fills(height)
        listed = {order.client_order_id for order in portfolio.open_orders}
        listed_hashes = {order.order_hash for order in portfolio.open_orders}
        gone = tuple(
            order.request.client_order_id
            for order in self._resting(keys)
            if order.height < portfolio.height
            and order.request.client_order_id not in listed
            and order.order_hash not in listed_hashes
        )
        if gone:
            self.ledger.write(Kind.CLOSED, Closed(height, gone))

    async def explained(self, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
        """Counts what others traded with the account, where its quantities have moved without us.

        Returns what no fill explains; once may be a fill between two reads, twice the same is a fact. Raises
        DataError where the chain does not have all the blocks since the last count.
        """
        if self.chain.account == ACCOUNT or not self.books.settled:
            return ()
        if not self._moved(portfolio, markets):
            self._agreed = max(self._agreed, portfolio.height)
            return ()
        await self.count(markets)
        # What was read first is older than the blocks that are counted now, and this may be newer.
        again = await self.chain.portfolio(markets)
        await self.count(markets, again.height)
        return self._moved(again, markets)

    async def count(self, markets: Sequence[Market], height: int | None = None) -> None:
        """Every fill up to `height`, or now, on these markets and on all that we ever signed for.

        Raises DataError.
        """
        last = (await self.chain.block()).height if height is None else height
        await self._count_fills(last, markets)

    def _moved(self, portfolio: Portfolio, markets: Sequence[Market]) -> tuple[Difference, ...]:
        return moved(self.books, self.ledger.baseline, portfolio, markets)

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
            await self._resolve_absent(transaction)
        elif await self._overtaken(transaction, block.height):
            reason = "its sequence was taken by another transaction"
            self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, reason))
        elif block.height < transaction.timeout_height and self._worth_sending_again(pending):
            await self._send_again(transaction)

    async def _overtaken(self, transaction: SignedTransaction, height: int) -> bool:
        """Whether its sequence is used up and no block until now holds it: then none can execute it.

        The blocks are read, for the index behind `find` may lag; and only some blocks after the account was
        seen to be beyond, for a node that is ahead of the others may have told of the account. Without an
        answer nothing is proven: the timeout height remains.
        """
        if not transaction.height or height <= transaction.height + 1:
            return False
        try:
            if transaction.tx_hash not in self._passed:
                if await self.chain.next_sequence() > transaction.sequence:
                    self._passed[transaction.tx_hash] = height
                return False
            if height < self._passed[transaction.tx_hash] + MARGIN_BLOCKS:
                return False
            return not await self.chain.holds(transaction.tx_hash, transaction.height + 1, height)
        except DataError:
            return False

    def _worth_sending_again(self, pending: Unresolved) -> bool:
        """Unless it was accepted or refused; while trading is halted, only what adds nothing."""
        if pending.refused or pending.sent[-1:] == (Sent.ACCEPTED,):
            return False
        orders = [self.books.orders[order_id] for order_id in pending.transaction.client_order_ids]
        halted = self.ledger.risk.trading is TradingState.HALTED
        return not halted or all(order.request.reduce_only for order in orders)

    async def _send_again(self, transaction: SignedTransaction) -> None:
        if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
            raise ExecutionError(f"the stored bytes of {transaction.tx_hash} are not those that were signed")
        submission = await self.chain.broadcast(transaction)
        self.ledger.write(Kind.SENT, Sending(transaction.tx_hash, submission))

    async def _resolve_absent(self, transaction: SignedTransaction) -> None:
        """By the index, asked again, and by the blocks themselves while the index may be behind them."""
        for _ in range(QUERIES_FOR_ABSENCE - 1):
            again = await self.chain.block()
            if again.height <= transaction.timeout_height:
                return  # another node, which is behind: its silence proves nothing
            found = await self.chain.find(transaction.tx_hash)
            if found is not None:
                self.ledger.write(Kind.RESOLVED, Resolved.included(found))
                return
        if await self._in_blocks(transaction, again.height):
            return  # the index will tell it too
        reason = f"not in any block up to its timeout height {transaction.timeout_height}"
        self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, reason))

    async def _in_blocks(self, transaction: SignedTransaction, height: int) -> bool:
        first, last = transaction.height + 1, transaction.timeout_height
        if first == 1 or height > last + INDEX_BLOCKS:
            return False
        return await self.chain.holds(transaction.tx_hash, first, last)

    async def _count_idle_blocks(self) -> None:
        """Nothing of ours was on the book since the last count, so nothing of ours was filled.

        And nothing of others up to the block at which the account had not moved; on paper there are none.
        """
        if self.books.live:
            return
        height = (await self.chain.block()).height if self.chain.account == ACCOUNT else self._agreed
        if height > self.ledger.counted:
            self.ledger.write(Kind.FILLS, Fills(self.ledger.counted + 1, height, ()))

    async def _count_fills(self, height: int, markets: Sequence[Market] = ()) -> None:
        """Of these and of all that we ever signed for."""
        first = self.ledger.counted + 1
        if first > height:
            return
        every = {**self.books.markets, **{market.key: market for market in markets}}
        fills = await self.chain.fills(list(every.values()), first, height)
        self.ledger.write(Kind.FILLS, Fills(first, height, tuple(fills)))
        theirs = self.books.foreign(fills)
        for key in {fill.key: None for fill in theirs}:
            moved = sum((fill.signed for fill in theirs if fill.key == key), Decimal(0))
            said = f"{plain(moved)} {every[key].base} on {every[key].ticker}"
            LOG.warning("another client of this account traded: counted %s", said)
