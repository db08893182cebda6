"""What an account's strategies earned, fill by fill, from its journal alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import NamedTuple

import msgspec

from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.records import Fills, Kind, Resolved, Signed
from defi_analytics.engine.shares import shares
from defi_analytics.errors import Mismatch
from defi_analytics.ports import Journal

_DIGITS = 60
_ZERO = Decimal(0)
_TYPES: dict[str, type[Signed | Resolved | Fills]] = {
    Kind.SIGNED: Signed,
    Kind.RESOLVED: Resolved,
    Kind.FILLS: Fills,
}


class Booked(NamedTuple):
    """What one fill, or the gas of one transaction, did. Amounts are in the market's quote, but for gas."""

    at: datetime
    """Of the block; for gas, of the signature."""
    markets: tuple[Market, ...]
    """One for a fill; those that a transaction was about."""
    fills: int = 0
    realised: Decimal = _ZERO
    """By what it closed, before fees and funding."""
    fees: Decimal = _ZERO
    """Charged; negative for a rebate."""
    funding: Decimal | None = _ZERO
    """Paid by this settlement; negative was received; None where the source did not tell."""
    gas: Decimal = _ZERO
    """INJ."""
    trades: tuple[Decimal, ...] = ()
    """What each trade that ended here earned from its first fill on, after fees and funding."""

    @property
    def market(self) -> Market | None:
        return self.markets[0] if len(self.markets) == 1 else None

    @property
    def quote(self) -> str:
        """Empty where the markets have several, or there is none."""
        quotes = {market.quote for market in self.markets}
        return quotes.pop() if len(quotes) == 1 else ""


@dataclass(slots=True)
class _Held:
    inventory: Inventory = field(default_factory=Inventory)
    gained_before: Decimal = _ZERO
    """Up to the fill that opened what is held now."""


@dataclass(slots=True)
class _Fold:
    orders: dict[str, OrderRequest] = field(default_factory=dict)
    markets: dict[MarketKey, Market] = field(default_factory=dict)
    pending: dict[str, tuple[SignedTransaction, tuple[Market, ...]]] = field(default_factory=dict)
    """By the transaction's hash."""
    held: dict[tuple[str, MarketKey], _Held] = field(default_factory=dict)
    counted: set[str] = field(default_factory=set)

    def signed(self, record: Signed) -> None:
        about: dict[MarketKey, Market] = {cancel.key: cancel.market for cancel in record.cancels}
        for request in record.orders:
            self.orders[request.client_order_id] = request
            about[request.market.key] = self.markets[request.market.key] = request.market
        self.pending[record.transaction.tx_hash] = (record.transaction, tuple(about.values()))

    def resolved(self, record: Resolved) -> Iterator[Booked]:
        transaction, markets = self.pending.pop(record.tx_hash)
        if record.height and transaction.fee:
            yield Booked(transaction.signed_at, markets, gas=transaction.fee)

    def filled(self, record: Fills) -> Iterator[Booked]:
        for fill in record.fills:
            if fill.fill_id in self.counted:
                continue
            self.counted.add(fill.fill_id)
            request, market = self.orders.get(fill.client_order_id), self.markets.get(fill.key)
            inventories = {owner: held.inventory for owner, held in self.held.items()}
            parts = [self._part(*part) for part in shares(fill, request, inventories, market) if part[0]]
            if parts and market is not None:
                yield _together(fill, market, parts)

    def _part(self, strategy: str, part: Fill) -> Booked:
        own = self.held.setdefault((strategy, part.key), _Held())
        return _together(part, self.markets[part.key], [_step(own, half) for half in _halves(part, own)])


def booked(journal: Journal) -> Iterator[Booked]:
    """In the journal's order; fills of orders that are not its own only where they closed what is.

    Raises Mismatch for a record that is not whole, or cannot follow the others.
    """
    fold = _Fold()
    for _, kind, body in journal.replay(*_TYPES):
        try:
            record = msgspec.convert(body, _TYPES[kind])
            if isinstance(record, Signed):
                fold.signed(record)
            elif isinstance(record, Resolved):
                yield from fold.resolved(record)
            else:
                yield from fold.filled(record)
        except (msgspec.ValidationError, KeyError) as error:
            raise Mismatch(f"the journal holds an impossible {kind!r} record: {error}") from None


def _halves(fill: Fill, own: _Held) -> tuple[Fill, ...]:
    """What closes, and what opens the other way: two trades, each with its part of the fee."""
    size = abs(own.inventory.quantity)
    turned = own.inventory.after(fill).quantity
    if not size or not turned or (turned > 0) == (own.inventory.quantity > 0):
        return (fill,)
    with localcontext(prec=_DIGITS):
        fee = fill.fee * size / fill.quantity
        rest = replace(fill, quantity=fill.quantity - size, fee=fill.fee - fee)
    return replace(fill, quantity=size, fee=fee), rest


def _step(own: _Held, fill: Fill) -> Booked:
    before, after = own.inventory, own.inventory.after(fill)
    told = not before.quantity or None not in (before.funding_index, fill.funding_index)
    if not before.quantity:
        own.gained_before = before.gained
    own.inventory = after
    with localcontext(prec=_DIGITS):
        return Booked(
            fill.at,
            (),
            realised=after.realised - before.realised,
            fees=fill.fee,
            funding=after.funding - before.funding if told else None,
            trades=() if after.quantity else (after.gained - own.gained_before,),
        )


def _together(fill: Fill, market: Market, parts: list[Booked]) -> Booked:
    """Of one fill. A spot market has no funding."""
    funding: Decimal | None = _ZERO
    with localcontext(prec=_DIGITS):
        if market.kind is not MarketKind.SPOT:
            told = [part.funding for part in parts if part.funding is not None]
            funding = sum(told, _ZERO) if len(told) == len(parts) else None
        return Booked(
            fill.at,
            (market,),
            1,
            sum((part.realised for part in parts), _ZERO),
            sum((part.fees for part in parts), _ZERO),
            funding,
            trades=tuple(trade for part in parts for trade in part.trades),
        )


class Sum(NamedTuple):
    """Of what belongs together and is in one currency."""

    day: date | None
    """UTC; None where it is of all days."""
    market: Market | None
    """None where it is of all markets, and for gas that was for several."""
    quote: str
    """Empty for gas that was for markets of several currencies."""
    fills: int
    trades: int
    """That ended."""
    won: int
    realised: Decimal
    fees: Decimal
    funding: Decimal | None
    gas: Decimal

    @property
    def total(self) -> Decimal | None:
        """In quote, after fees and funding. Gas is in another currency, and not in it."""
        with localcontext(prec=_DIGITS):
            return None if self.funding is None else self.realised - self.fees - self.funding


class By(StrEnum):
    DAY = "day"
    MARKET = "market"


def sums(entries: Sequence[Booked], by: By | None = None) -> list[Sum]:
    """In the order of days, or of tickers; without `by`, one for each currency."""
    groups: dict[tuple[date | None, MarketKey | None, str], list[Booked]] = {}
    for entry in entries:
        day = entry.at.astimezone(UTC).date() if by is By.DAY else None
        only = entry.market if by is By.MARKET else None
        groups.setdefault((day, only.key if only else None, entry.quote), []).append(entry)
    found = [
        _sum(day, group[0].market if key else None, quote, group)
        for (day, key, quote), group in groups.items()
    ]
    return sorted(found, key=lambda s: (s.day or date.min, s.market.ticker if s.market else "", s.quote))


def _sum(day: date | None, market: Market | None, quote: str, entries: Sequence[Booked]) -> Sum:
    trades = [trade for entry in entries for trade in entry.trades]
    told = [entry.funding for entry in entries if entry.funding is not None]
    with localcontext(prec=_DIGITS):
        return Sum(
            day,
            market,
            quote,
            fills=sum(entry.fills for entry in entries),
            trades=len(trades),
            won=sum(trade > 0 for trade in trades),
            realised=sum((entry.realised for entry in entries), _ZERO),
            fees=sum((entry.fees for entry in entries), _ZERO),
            funding=sum(told, _ZERO) if len(told) == len(entries) else None,
            gas=sum((entry.gas for entry in entries), _ZERO),
        )
