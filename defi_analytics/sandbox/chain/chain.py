"""The chain: transactions in, blocks out.

CheckTx answers at once from the mempool's view; everything else happens when a block is made, which is when
somebody first asks after its time, in order, as if it had been made on the dot.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from defi_analytics.sandbox.chain import ante, events, execution
from defi_analytics.sandbox.chain.abci import TxResult
from defi_analytics.sandbox.chain.accounts import Accounts
from defi_analytics.sandbox.chain.blocks import Blocks, Made
from defi_analytics.sandbox.chain.faults import Fault, Faults, Kind
from defi_analytics.sandbox.chain.gas import MIN_GAS_PRICE, gas_used
from defi_analytics.sandbox.chain.mempool import Entry, Mempool
from defi_analytics.sandbox.chain.past import Past
from defi_analytics.sandbox.chain.transaction import Transaction, decode, hash_of, receivers
from defi_analytics.sandbox.ledger.failed import Failed, Sdk, failure
from defi_analytics.sandbox.ledger.standstill import BLOCKS_AFTER_DOWNTIME, DOWNTIME_S
from defi_analytics.sandbox.moment import FIRST_HEIGHT, BlockClock, Moment
from defi_analytics.sandbox.node import CHAIN_ID

FEE_DENOM = "inj"
_MOST_BLOCKS = 5_000
"""So many are made for one request; of a longer silence only the last ones touch anybody's orders."""
_MEMPOOL = 5_000


class Chain:
    def __init__(
        self, clock: BlockClock, ledger: Any, faults: Faults | None = None, *, mempool: int = _MEMPOOL
    ) -> None:
        self.clock, self.ledger = clock, ledger
        self.faults = Faults() if faults is None else faults
        self.accounts, self.blocks = Accounts(), Blocks()
        self.mempool = Mempool(mempool)
        self.past = Past()
        self._made = clock.moment().block
        self.past.keep(self._made, ledger.kept())
        self._listeners: list[Callable[[Made], None]] = []

    def moment(self) -> Moment:
        """Now, with every block until now made."""
        moment = self.clock.moment()
        first = self._made + 1
        if not self._listeners:
            first = max(first, moment.block - _MOST_BLOCKS + 1)
        for block in range(first, moment.block + 1):
            if self._is_idle() and not self._listeners:
                break
            self._make(block, moment)
        self._made = max(self._made, moment.block)
        return moment._replace(ledger=self.ledger, chain=self)

    def as_of(self, moment: Moment, blocks: int) -> Moment:
        """What was told so many blocks before this moment; at most as many as are kept."""
        if not blocks:
            return moment
        block = moment.block - blocks
        return moment._replace(block=block, at=moment.time_of(block), ledger=self.past.at(block))

    @property
    def held(self) -> bool:
        return self.clock.held

    def advance(self, blocks: int) -> None:
        """Raises WrongState when blocks follow the clock, or the chain is halted."""
        self.clock.advance(blocks)

    def broadcast(self, raw: bytes) -> TxResult:
        """CheckTx: whether it may wait for a block."""
        moment, tx_hash = self.moment(), hash_of(raw)
        try:
            self.mempool.admit(tx_hash)
            if len(raw) > ante.MAX_TX_BYTES:
                raise failure(Sdk.TX_TOO_LARGE)
            transaction = decode(raw)
            self._interfere(transaction)
            context = self._check_context(transaction, moment.height)
            ante.check(transaction, context._replace(gas_price=self._asked_gas_price()))
        except Failed as failed:
            return TxResult(tx_hash, failed.code, failed.codespace, failed.log)
        late = self.faults.happens(Kind.LATE_INCLUSION)
        self._accept(_entry(transaction, moment.block + 1 + (round(late.value) if late else 0)))
        return TxResult(tx_hash)

    def simulate(self, raw: bytes) -> TxResult:
        """What it would do on the ledger as it stands. Raises Failed."""
        moment, transaction = self.moment(), decode(raw)
        self._lie_about_sequence(transaction)
        context = self._check_context(transaction, moment.height)._replace(simulate=True)
        ante.check(transaction, context)
        done = execution.rehearse(self.ledger, transaction, *_next(moment))
        written = (*events.of_ante(transaction), *done.events)
        return TxResult(
            transaction.tx_hash,
            data=done.data,
            gas_used=gas_used(transaction),
            events=written,
            tx=transaction,
        )

    def find(self, tx_hash: str) -> TxResult | None:
        self.moment()
        return self.blocks.find(tx_hash.upper())

    def fund(self, address: str, denom: str, amount: int) -> None:
        """Out of nothing, at once."""
        self.moment()
        self.accounts.ensure(address)
        self.ledger.credit(address, denom, amount)
        self.past.keep(self._made, self.ledger.kept())

    @property
    def gas_price(self) -> int:
        """What gas costs at present, in the smallest unit of INJ."""
        return round(MIN_GAS_PRICE * self.faults.base_fee)

    def set_faults(self, faults: Iterable[Fault], seed: int) -> None:
        """These instead of those before; a halt without a chance begins now."""
        self.faults.set(faults, seed)
        if self.faults.halt_now:
            self.moment()
            self._halt(self.faults.halt_now.value)
            self.faults.counts[Kind.HALT] += 1

    def post_only(self, blocks: int) -> int:
        """So many blocks from the next on take post-only orders alone. The first height after them."""
        until = self.moment().height + 1 + blocks
        self.ledger.standstill.post_only_until = until
        return until

    def take_sequence(self, address: str) -> None:
        """A transaction of this account from elsewhere enters the mempool."""
        account = self.accounts.get(address)
        if account is not None:
            sequence = self.accounts.checked_sequence(account)
            raw = f"{address}/{sequence}".encode()
            self._accept(Entry(hash_of(raw), raw, address, 0, sequence, self._made + 1, None))

    @property
    def listeners(self) -> int:
        """How many listen to every block at present."""
        return len(self._listeners)

    @contextlib.contextmanager
    def listening(self, listener: Callable[[Made], None]) -> Iterator[None]:
        """Tells every block as soon as it is made, empty ones too."""
        self.moment()
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def _interfere(self, transaction: Transaction) -> None:
        """What can go wrong on the way into the mempool. Raises Failed."""
        self._lie_about_sequence(transaction)
        if self.faults.happens(Kind.FOREIGN_TX):
            self.take_sequence(transaction.signer)
        halt = None if self.faults.halt_now else self.faults.happens(Kind.HALT)
        if halt:
            self._halt(halt.value)

    def _halt(self, seconds: float) -> None:
        """After a long one, as on mainnet, only post-only orders are taken for a while."""
        self.clock.halt(seconds)
        if seconds >= DOWNTIME_S:
            self.post_only(BLOCKS_AFTER_DOWNTIME)

    def _lie_about_sequence(self, transaction: Transaction) -> None:
        if self.faults.happens(Kind.SEQUENCE_MISMATCH):
            raise ante.mismatch(transaction.sequence + 1, transaction.sequence)

    def _asked_gas_price(self) -> int:
        rose = self.faults.happens(Kind.BASE_FEE)
        return round(MIN_GAS_PRICE * rose.value) if rose else self.gas_price

    def _is_idle(self) -> bool:
        return not len(self.mempool) and bool(self.ledger.idle)

    def _check_context(self, transaction: Transaction, height: int) -> ante.Context:
        account = self.accounts.get(transaction.signer)
        pending = self.accounts.pending_fees(transaction.signer)
        spendable = self.ledger.balance(transaction.signer, FEE_DENOM) - pending if account else 0
        sequence = self.accounts.checked_sequence(account) if account else 0
        return ante.Context(CHAIN_ID, height, account, sequence, spendable)

    def _accept(self, entry: Entry) -> None:
        self.mempool.add(entry)
        self.accounts.accept(entry.signer, entry.fee)

    def _make(self, block: int, moment: Moment) -> None:
        height, at = FIRST_HEIGHT + block, moment.time_of(block)
        self._evict(height)
        entries = self.mempool.take(block)
        txs = tuple(self._deliver(entry, block, at)._replace(height=height, at=at) for entry in entries)
        told = self.ledger.end_block(block)
        made = Made(block, height, at, txs, tuple(entry.raw for entry in entries), told)
        self._made = block
        self.past.keep(block, self.ledger.kept())
        self.blocks.add(made)
        self._recheck()
        for listener in self._listeners:
            listener(made)

    def _evict(self, height: int) -> None:
        over = [entry for entry in self.mempool if _is_over(entry, height)]
        if over:
            self.mempool.drop(over)
            self._recheck()

    def _recheck(self) -> None:
        """What still waits must follow the accounts as they are now; what can not is dropped."""
        self.accounts.forget_pending()
        dropped = []
        for entry in self.mempool:
            account = self.accounts.ensure(entry.signer)
            if entry.sequence == self.accounts.checked_sequence(account):
                self.accounts.accept(entry.signer, entry.fee)
            else:
                dropped.append(entry)
        if dropped:
            self.mempool.drop(dropped)

    def _deliver(self, entry: Entry, block: int, at: datetime) -> TxResult:
        account = self.accounts.ensure(entry.signer)
        if entry.transaction is None:
            account.use(block)
            return TxResult(entry.tx_hash)
        result = self._run(entry.transaction, block, at)
        if result.code:
            self.mempool.forget(entry.tx_hash)
        return result

    def _run(self, transaction: Transaction, block: int, at: datetime) -> TxResult:
        account = self.accounts.ensure(transaction.signer)
        used = gas_used(transaction)
        result = TxResult(
            transaction.tx_hash, gas_wanted=transaction.gas_limit, gas_used=used, tx=transaction
        )
        spendable = self.ledger.balance(transaction.signer, FEE_DENOM)
        context = ante.Context(CHAIN_ID, FIRST_HEIGHT + block, account, account.sequence, spendable)
        try:
            ante.check(transaction, context)
        except Failed as failed:
            return result._replace(code=failed.code, codespace=failed.codespace, log=failed.log)
        self.ledger.debit(transaction.signer, FEE_DENOM, transaction.fee)
        account.use(block)
        account.public_key = transaction.public_key or account.public_key
        result = result._replace(events=events.of_ante(transaction))
        try:
            if used > transaction.gas_limit:
                raise ante.out_of_gas("WritePerByte", transaction.gas_limit, used)
            done = execution.run(self.ledger, transaction, block, at.timestamp())
        except Failed as failed:
            return result._replace(code=failed.code, codespace=failed.codespace, log=failed.log)
        for address in receivers(transaction.messages):
            self.accounts.ensure(address)
        return result._replace(data=done.data, events=(*result.events, *done.events))


def _entry(transaction: Transaction, earliest_block: int) -> Entry:
    return Entry(
        transaction.tx_hash,
        transaction.raw,
        transaction.signer,
        transaction.fee,
        transaction.sequence,
        earliest_block,
        transaction,
    )


def _next(moment: Moment) -> tuple[int, float]:
    """The next block and its time."""
    return moment.block + 1, moment.time_of(moment.block + 1).timestamp()


def _is_over(entry: Entry, height: int) -> bool:
    timeout = entry.transaction.timeout_height if entry.transaction else 0
    return bool(timeout) and height > timeout
