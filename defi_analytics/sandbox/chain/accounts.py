"""Accounts and their sequences: as the last block left them, and as the mempool will leave them."""

from collections import Counter, deque
from dataclasses import dataclass, field

from defi_analytics.sandbox.chain.past import KEPT_BLOCKS

_FIRST_NUMBER = 7
"""The numbers before it belong to the chain's own modules."""


@dataclass(slots=True)
class Account:
    address: str
    number: int
    sequence: int = 0
    """Of the next transaction."""
    public_key: bytes = b""
    """Known since its first transaction."""
    changes: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=KEPT_BLOCKS))
    """The last blocks with transactions of its, and the sequence before each."""

    def use(self, block: int) -> None:
        """One more of its transactions is in this block."""
        if not self.changes or self.changes[-1][0] != block:
            self.changes.append((block, self.sequence))
        self.sequence += 1

    def sequence_at(self, block: int) -> int:
        """After this block."""
        return next((before for changed, before in self.changes if changed > block), self.sequence)


class Accounts:
    def __init__(self) -> None:
        self._known: dict[str, Account] = {}
        self._pending: Counter[str] = Counter()
        self._fees: Counter[str] = Counter()

    def get(self, address: str) -> Account | None:
        return self._known.get(address)

    def ensure(self, address: str) -> Account:
        """The account, created when it does not exist: receiving funds creates an account."""
        if address not in self._known:
            self._known[address] = Account(address, _FIRST_NUMBER + len(self._known))
        return self._known[address]

    def all(self) -> tuple[Account, ...]:
        return tuple(self._known.values())

    def checked_sequence(self, account: Account) -> int:
        """What the next transaction must carry to enter the mempool."""
        return account.sequence + self._pending[account.address]

    def pending_fees(self, address: str) -> int:
        return self._fees[address]

    def accept(self, address: str, fee: int) -> None:
        """One more of this account's transactions waits in the mempool."""
        self._pending[address] += 1
        self._fees[address] += fee

    def forget_pending(self) -> None:
        """A block was made: what still waits is accepted anew."""
        self._pending.clear()
        self._fees.clear()
