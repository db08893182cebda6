"""One account's story: the journal on the disk and what it means, kept in step."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Any, Self

import msgspec

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKey
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.records import Kind
from defi_analytics.errors import Mismatch
from defi_analytics.ports import Clock, Journal
from defi_analytics.risk.halting import FLOW, apply, market_text
from defi_analytics.risk.losses import RiskState

BASELINE = "baseline"


@dataclass(slots=True)
class Ledger:
    """Appends, then believes. A crash between the two is mended by the next start, which reads the same."""

    journal: Journal
    clock: Clock
    books: Bookkeeping = field(default_factory=Bookkeeping)
    risk: RiskState = field(default_factory=RiskState)
    baseline: Mapping[str, str] | None = None
    """What the account had before the first order of this journal, and what people moved since: by asset."""
    since: int = 0
    """The block of that: what was traded up to it is none of this journal's."""
    read: int = 0
    """How many records of the journal this is the meaning of."""

    @property
    def counted(self) -> int:
        """The last block whose fills are in the books, or were before this story began."""
        return max(self.books.scanned_height, self.since)

    @classmethod
    def opened(cls, journal: Journal, clock: Clock) -> Self:
        """As the journal has it. Raises Mismatch for records that cannot follow each other."""
        ledger = cls(journal, clock)
        ledger.catch_up()
        return ledger

    def catch_up(self) -> None:
        """Follows what was appended since, by whichever process: a halt counts as soon as it is written.

        Cheap where nothing was. Raises what the journal raises, and Mismatch as `opened` does.
        """
        for at, kind, body in self.journal.replay(after=self.read):
            self.follow(kind, at, body)

    def write(self, kind: str, record: Any) -> None:
        """Durable when it returns; only then does it count. Raises what the journal raises.

        Read back, so that the order of two writers' records is the journal's for both of them.
        """
        body = msgspec.to_builtins(record, builtin_types=(bytes,))
        self.journal.append(kind, self.clock.now(), body)
        self.catch_up()

    def follow(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        """One record, and what it implies for risk: derived each time, so that no crash can separate them."""
        if kind == BASELINE:
            balances, height = _start(body)
            self.since = self.since if self.baseline else height
            # The first word on an asset counts; later records add those that came to be traded since.
            self.baseline = {**balances, **(self.baseline or {})}
        if kind == FLOW and "asset" in body and self.baseline is not None:
            self.baseline = _moved(self.baseline, body)
        before, paid = dict(self.books.net), self.books.gas_paid
        self.books.apply(kind, body)
        for implied, meaning in self._implied(kind, before, paid):
            self.risk = apply(self.risk, implied, at, meaning)
        self.risk = apply(self.risk, kind, at, body)
        self.read += 1

    def _implied(
        self, kind: str, before: Mapping[MarketKey, Inventory], paid: Decimal
    ) -> Iterator[tuple[str, dict[str, str | float]]]:
        if kind == Kind.FILLS:
            for key, held in self.books.net.items():
                if not held.quantity and before.get(key, Inventory()).quantity:
                    yield "risk.exit", {"market": market_text(key)}
        if self.books.gas_paid > paid:
            yield "risk.gas", {"inj": float(self.books.gas_paid - paid)}
        if kind == Kind.SIGNED:
            newest = next(reversed(self.books.unresolved.values())).transaction.client_order_ids
            for order_id in newest:
                request = self.books.orders[order_id].request
                if not request.reduce_only:
                    yield "risk.trade", {"market": market_text(request.market.key)}


class _Start(msgspec.Struct):
    balances: dict[str, str]
    height: int = 0


def _start(body: Mapping[str, Any]) -> tuple[Mapping[str, str], int]:
    try:
        start = msgspec.convert(dict(body), _Start)
    except msgspec.ValidationError as error:
        raise Mismatch(f"the journal holds an impossible {BASELINE!r} record: {error}") from None
    return start.balances, start.height


def _moved(baseline: Mapping[str, str], body: Mapping[str, Any]) -> dict[str, str]:
    """Raises Mismatch for a flow that cannot be read."""
    asset = str(body["asset"])
    try:
        with localcontext(prec=60):
            after = Decimal(baseline.get(asset, "0")) + Decimal(body["quantity"])
    except (KeyError, ArithmeticError, TypeError, ValueError) as error:
        raise Mismatch(f"the journal holds an impossible flow of {asset}: {error}") from None
    return {**baseline, asset: str(after)}
