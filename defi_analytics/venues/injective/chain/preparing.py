"""From messages to signed bytes: a fresh sequence, a simulation, a bill, a signature."""

from dataclasses import dataclass, field
from typing import NamedTuple

from defi_analytics.errors import DataError
from defi_analytics.ports import Signer
from defi_analytics.venues.injective.chain import refusals
from defi_analytics.venues.injective.chain.gas import billed
from defi_analytics.venues.injective.chain.node import Account, Node
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.signing import (
    Bill,
    Unsigned,
    signed_bytes,
    unsigned_bytes,
)
from defi_analytics.venues.injective.chain.simulation import Simulated, parse_simulation, verdict
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.wire import together


class Prepared(NamedTuple):
    tx_bytes: bytes
    sequence: int
    bill: Bill


class Draft(NamedTuple):
    """What is to be signed, and what is known of it."""

    body: bytes
    height: int
    """Of the latest block."""
    usual_gas: int
    sequence: int | None = None
    """For a transaction that must follow others of ours that no block has yet; else the chain is asked."""
    only_ends: bool = False
    """Whether it only reduces or cancels."""


@dataclass(slots=True)
class Preparing:
    node: Node
    signer: Signer
    policy: ChainPolicy
    _number: int | None = field(default=None, init=False)
    """The account's, which never changes; its sequence is never kept."""

    async def signed(self, draft: Draft) -> Prepared:
        """Raises OrderRejected when the simulation refuses, DataError when it could not be asked."""
        unsigned, base_fee = await together(self._unsigned(draft, draft.height), self.node.base_fee())
        try:
            simulated = await self._simulated(unsigned)
        except _SequenceError as error:
            if draft.sequence is not None:
                raise refusals.refused(error.said) from None
            # A newer block than the draft's may hold the transaction that came between.
            newer = await self.node.block()
            unsigned = await self._unsigned(draft, max(newer.height, draft.height))
            simulated = await self._simulated_again(unsigned)
        used, ends = simulated.gas_used, draft.only_ends
        bill = billed(used, draft.usual_gas, base_fee, self.policy, only_ends=ends)
        return Prepared(signed_bytes(unsigned, bill, self.signer), unsigned.sequence, bill)

    async def _unsigned(self, draft: Draft, height: int) -> Unsigned:
        number, sequence = self._number, draft.sequence
        if number is None or sequence is None:
            account: Account = await self.node.account(self.signer.address, height)
            number = self._number = account.number
            sequence = account.sequence if sequence is None else sequence
        return Unsigned(draft.body, self.node.network.chain_id, number, sequence)

    async def _simulated(self, unsigned: Unsigned) -> Simulated:
        try:
            body = await self.node.simulate(unsigned_bytes(unsigned, self.signer.public_key))
        except DataError as error:
            said = verdict(error)
            if refusals.expected_sequence(said) is not None:
                raise _SequenceError(said) from error
            if said:
                raise refusals.refused(said) from error
            raise
        simulated = parse_simulation(VENUE, body)
        for order in simulated.orders:
            if order.error_code:
                raise refusals.coded(order.client_order_id, order.error_code)
        return simulated

    async def _simulated_again(self, unsigned: Unsigned) -> Simulated:
        try:
            return await self._simulated(unsigned)
        except _SequenceError as error:
            raise refusals.refused(error.said) from None


class _SequenceError(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said
