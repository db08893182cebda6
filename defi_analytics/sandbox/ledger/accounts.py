"""Money: bank balances, subaccounts' deposits, and the module's own pockets. All of it in chain units.

Whatever leaves one of them enters another, so the total of a denom changes by `credit` alone.
Source: injective-core, modules/exchange/keeper/deposit.go: the default subaccount's money is the bank's, only
what locks it and the dust below one unit is kept as its deposit.
"""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Any, NamedTuple

from defi_analytics.sandbox.ledger.addresses import is_default, owner
from defi_analytics.sandbox.ledger.failed import Code, Failed, Sdk, failure
from defi_analytics.sandbox.ledger.numbers import EXACT, ceiling, floor
from defi_analytics.sandbox.ledger.records import ZERO
from defi_analytics.sandbox.ledger.tables import Table, Undo


class Deposit(NamedTuple):
    available: Decimal = ZERO
    total: Decimal = ZERO
    """What open orders lock is the difference."""


class Pocket(StrEnum):
    """Whom users deal with: these may be negative, since nobody funded them."""

    MAKERS = "makers"
    """The world's own makers and takers, and the profits and losses of positions."""
    FEES = "fees"
    INSURANCE = "insurance"
    GAS = "gas"


class Accounts:
    def __init__(self, undo: Undo) -> None:
        self._bank: Table[tuple[str, str], int] = Table(undo)
        self._deposits: Table[tuple[str, str], Deposit] = Table(undo)
        self._pockets: Table[tuple[Pocket, str], Decimal] = Table(undo)

    def balance(self, address: str, denom: str) -> int:
        return self._bank.get((address, denom), 0)

    def balances(self, address: str) -> Mapping[str, int]:
        found = {
            denom: amount for (who, denom), amount in self._bank.all.items() if who == address and amount
        }
        return dict(sorted(found.items()))

    def deposit(self, subaccount: str, denom: str) -> Deposit:
        return self._deposits.get((subaccount, denom), Deposit())

    def deposits(self, subaccount: str) -> Mapping[str, Deposit]:
        found = {denom: held for (who, denom), held in self._deposits.all.items() if who == subaccount}
        return {denom: held for denom, held in sorted(found.items()) if held != Deposit()}

    def subaccounts(self) -> list[str]:
        return sorted({who for who, _ in self._deposits.all})

    def pocket(self, pocket: Pocket, denom: str) -> Decimal:
        return self._pockets.get((pocket, denom), ZERO)

    def held(self, denom: str) -> Decimal:
        """By everyone, but for the margins of positions."""
        with localcontext(EXACT):
            banked = sum(amount for (_, name), amount in self._bank.all.items() if name == denom)
            deposited = sum(
                (one.total for (_, name), one in self._deposits.all.items() if name == denom), ZERO
            )
            kept = sum((one for (_, name), one in self._pockets.all.items() if name == denom), ZERO)
            return banked + deposited + kept

    def credit(self, address: str, denom: str, amount: int) -> None:
        self._bank.put((address, denom), self.balance(address, denom) + amount)

    def debit(self, address: str, denom: str, amount: int) -> None:
        """Raises Failed in the bank's words when there is less."""
        have = self.balance(address, denom)
        if have < amount:
            detail = f"spendable balance {have}{denom} is smaller than {amount}{denom}"
            raise failure(Sdk.INSUFFICIENT_FUNDS, detail)
        self._bank.put((address, denom), have - amount)

    def keep(self, pocket: Pocket, denom: str, amount: Decimal) -> None:
        """A negative amount is taken out."""
        with localcontext(EXACT):
            self._pockets.put((pocket, denom), self.pocket(pocket, denom) + amount)

    def lock(self, subaccount: str, denom: str, amount: Decimal) -> None:
        """Takes it from what is available; the default subaccount's comes from the bank, rounded up.

        Raises Failed: the exchange module's codes 95 and 6.
        """
        if is_default(subaccount):
            self._bring(subaccount, denom, ceiling(amount))
        held = self.deposit(subaccount, denom)
        if held.available < amount:
            detail = f"Insufficient Deposits for subaccountID {subaccount} asset {denom}"
            raise failure(Code.INSUFFICIENT_DEPOSIT, f"{detail}. Available Balance {held.available:.18f}")
        self._set(subaccount, denom, Deposit(EXACT.subtract(held.available, amount), held.total))

    def release(self, subaccount: str, denom: str, amount: Decimal) -> None:
        """What was locked is available again."""
        held = self.deposit(subaccount, denom)
        self._set(subaccount, denom, Deposit(EXACT.add(held.available, amount), held.total))
        self._sweep(subaccount, denom)

    def spend(self, subaccount: str, denom: str, amount: Decimal) -> None:
        """What was locked leaves."""
        held = self.deposit(subaccount, denom)
        self._set(subaccount, denom, Deposit(held.available, EXACT.subtract(held.total, amount)))

    def receive(self, subaccount: str, denom: str, amount: Decimal) -> None:
        held = self.deposit(subaccount, denom)
        more = Deposit(EXACT.add(held.available, amount), EXACT.add(held.total, amount))
        self._set(subaccount, denom, more)
        self._sweep(subaccount, denom)

    def pay(self, subaccount: str, denom: str, amount: Decimal) -> None:
        """`lock` and `spend` at once."""
        self.lock(subaccount, denom, amount)
        self.spend(subaccount, denom, amount)

    def lock_up_to(self, subaccount: str, denom: str, amount: Decimal) -> Decimal:
        """As much of it as there is; what was locked."""
        have = self.deposit(subaccount, denom).available
        if is_default(subaccount):
            have = Decimal(self.balance(owner(subaccount), denom))
        locked = min(have, amount)
        self.lock(subaccount, denom, locked)
        return locked

    @property
    def tables(self) -> tuple[Table[Any, Any], ...]:
        return self._bank, self._deposits, self._pockets

    def take(self, other: "Accounts") -> None:
        """Everything of the other, as it is now."""
        for own, its in zip(self.tables, other.tables, strict=True):
            own.take(its)

    def dump(self) -> dict[str, dict[str, str]]:
        return {
            "bank": {f"{who} {denom}": str(n) for (who, denom), n in sorted(self._bank.all.items()) if n},
            "deposits": {
                f"{who} {denom}": f"{held.available:f} {held.total:f}"
                for (who, denom), held in sorted(self._deposits.all.items())
                if held != Deposit()
            },
            "pockets": {
                f"{one} {denom}": f"{n:f}" for (one, denom), n in sorted(self._pockets.all.items()) if n
            },
        }

    def _bring(self, subaccount: str, denom: str, amount: int) -> None:
        """From the bank into the default subaccount's deposit."""
        address = owner(subaccount)
        try:
            self.debit(address, denom, amount)
        except Failed:
            detail = f"{self.balance(address, denom)}{denom} is smaller than {amount}{denom}"
            raise failure(Code.INSUFFICIENT_FUNDS, detail) from None
        held = self.deposit(subaccount, denom)
        more = Deposit(EXACT.add(held.available, amount), EXACT.add(held.total, amount))
        self._set(subaccount, denom, more)

    def _sweep(self, subaccount: str, denom: str) -> None:
        """The default subaccount's whole units go to the bank; the dust stays."""
        if not is_default(subaccount):
            return
        held = self.deposit(subaccount, denom)
        whole = floor(held.available)
        if whole:
            self._set(
                subaccount,
                denom,
                Deposit(EXACT.subtract(held.available, whole), EXACT.subtract(held.total, whole)),
            )
            self.credit(owner(subaccount), denom, whole)

    def _set(self, subaccount: str, denom: str, deposit: Deposit) -> None:
        self._deposits.put((subaccount, denom), deposit)
