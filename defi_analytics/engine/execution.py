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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from defi_analytics.domain.market import Market
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest
from defi_analytics.domain.text import safe
from defi_analytics.domain.transaction import Block, Sent, SignedTransaction
from defi_analytics.engine.absence import MARGIN_BLOCKS, beyond_timeout, overtaken
from defi_analytics.engine.bookkeeping import Bookkeeping, Unresolved
from defi_analytics.engine.counting import Counting
from defi_analytics.engine.foreign import Agreed
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.records import (
    Kind,
    Refused,
    Resolved,
    Sending,
    Signed,
    check,
    refused_for_good,
    transaction_hash,
)
from defi_analytics.errors import ExecutionError, OrderRejected, OutcomeUnknown
from defi_analytics.ports import Chain
from defi_analytics.risk.codes import TradingState

LOG = logging.getLogger("defi.run")
_STOPPED = "stopped before it was sent"
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
    traded: Sequence[Market] = ()
    """What a run trades besides the markets that the books know."""
    options: str = ""
    """What makes another command mean this account."""
    _passed: dict[str, int] = field(default_factory=dict)
    """By transaction: the block at which its account was first seen to be beyond its sequence."""
    _agreed: Agreed = field(default_factory=Agreed)
    _wanted: set[str] = field(default_factory=set)
    """Transactions of this process that enter: nobody else knows whether they are wanted still."""

    @property
    def books(self) -> Bookkeeping:
        return self.ledger.books

    def command(self, name: str) -> str:
        """That a person is told to use, such as `risk flatten`: whole, to be typed as it stands."""
        return f"defi {name} {self.options}".rstrip()

    @property
    def counting(self) -> Counting:
        return Counting(self.chain, self.ledger, self._agreed, self.pays_gas, self.traded)

    async def submit(
        self, orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel] = (), decision: str = ""
    ) -> SignedTransaction:
        """Signs one transaction for all of these, makes it durable, and sends it once, unless told to stop.

        Raises OutcomeUnknown while an earlier transaction has no proof yet: nothing is signed then. What the
        chain answers is in the books, not raised.
        """
        if self.books.unresolved:
            raise OutcomeUnknown(
                "an earlier transaction is not proven yet", hint=f"see: {self.command('reconcile')}"
            )
        requests = tuple(order.request for order in orders)
        transaction = await self._signed(orders, cancels)
        check(transaction, requests)
        await self.counting.idle()
        self.ledger.write(Kind.SIGNED, Signed(transaction, requests, tuple(cancels), decision))
        self._wanted = {transaction.tx_hash}
        if not self._may_leave(requests):
            # No byte of it has left, and nobody but this call could have sent it.
            self.ledger.write(Kind.RESOLVED, Resolved.never(transaction, _STOPPED))
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
        """Why it is proven that nothing of it came about; None while that is not known, or something did.

        And where we ourselves held it back: nobody refused it.
        """
        record = self.books.failed.get(transaction.tx_hash)
        if record is None or record.reason == _STOPPED:
            return None
        said = f": {safe(record.log, _SHOWN)} ({safe(record.codespace)} {record.code})" if record.code else ""
        return OrderRejected(record.reason + said, order_code=record.code, codespace=record.codespace)

    async def prove(self) -> None:
        """Brings the books up to the chain: what became of transactions, and what was filled.

        Raises DataError when the chain cannot be read; what was learned before that stays.
        """
        await self.counting.sent(await self.resolve())

    async def resolve(self) -> Block:
        """Asks for proof of every transaction that lacks it. Returns the latest block. Raises DataError."""
        block = await self.chain.block()
        for pending in list(self.books.unresolved.values()):
            await self._resolve(pending, block)
        if any(order.height > block.height for order in self.books.live):
            # A block came in between, or a node is ahead: what came of it is not in the blocks up to ours.
            block = await self.chain.block()
        return block

    async def settle(self) -> None:
        """As `prove`, and takes resting orders that the venue no longer lists for over."""
        await self.prove()
        await self.counting.look()

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
        """Unless it was accepted or refused, or nobody wants it any more: an entry expires on its own."""
        if pending.refused or pending.sent[-1:] == (Sent.ACCEPTED,):
            return False
        signed = pending.transaction
        requests = [self.books.orders[order_id].request for order_id in signed.client_order_ids]
        return _only_ends(requests) or (signed.tx_hash in self._wanted and self._may_leave(requests))

    def enter_nothing_more(self) -> None:
        """What would enter, and has not left yet, stays where it is."""
        self._wanted.clear()

    def _may_leave(self, requests: Sequence[OrderRequest]) -> bool:
        """By what anybody said up to this moment; cancels, and orders that only reduce, always."""
        if _only_ends(requests):
            return True
        self.ledger.catch_up()
        return self.ledger.risk.trading is TradingState.ACTIVE and not self.stopped()

    async def _send_again(self, transaction: SignedTransaction) -> None:
        if transaction_hash(transaction.tx_bytes) != transaction.tx_hash:
            raise ExecutionError(f"the stored bytes of {transaction.tx_hash} are not those that were signed")
        submission = await self.chain.broadcast(transaction)
        self.ledger.write(Kind.SENT, Sending(transaction.tx_hash, submission))


def _only_ends(requests: Sequence[OrderRequest]) -> bool:
    return all(request.reduce_only for request in requests)
