from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, localcontext

from defi_analytics.domain.funding import paid
from defi_analytics.domain.order import Fill

_DIGITS = 60
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Inventory:
    """What one strategy holds of one market by its real fills: exact, in base and quote."""

    quantity: Decimal = _ZERO
    """Base; negative is short."""
    cost: Decimal = _ZERO
    """Quote that the open quantity was bought (or sold short) for, at average prices; never negative."""
    realised: Decimal = _ZERO
    """Quote gained by what was closed, before fees."""
    fees: Decimal = _ZERO
    """Quote charged so far, rebates taken off."""
    entered_at: datetime | None = None
    """When the quantity last left zero."""
    exited_at: datetime | None = None
    """When it last came back to zero."""
    funding: Decimal = _ZERO
    """Quote paid for holding a perpetual, as far as fills have settled it; negative was received."""
    funding_index: Decimal | None = None
    """The market's, when it was last settled; empty where that fill did not tell it."""

    @property
    def gained(self) -> Decimal:
        """Quote, by what was closed and by holding, after fees."""
        with localcontext(prec=_DIGITS):
            return self.realised - self.fees - self.funding

    @property
    def cash(self) -> Decimal:
        """Quote received less quote paid by all fills so far, fees and settled funding included."""
        with localcontext(prec=_DIGITS):
            spent = self.cost if self.quantity > 0 else -self.cost
            return self.gained - spent

    def worth(self, price: Decimal) -> Decimal:
        """What closing everything at `price` would leave, before that fill's fee: in quote."""
        with localcontext(prec=_DIGITS):
            return self.cash + self.quantity * price

    def knows_funding(self, index: Decimal | None) -> bool:
        """Whether it is known what was paid for holding it from its last fill up to this index."""
        return not self.quantity or None not in (self.funding_index, index)

    def settled(self, index: Decimal | None) -> "Inventory":
        """With the funding up to this index of the market's."""
        with localcontext(prec=_DIGITS):
            owed = paid(self.quantity, self.funding_index, index)
            return replace(self, funding=self.funding + owed, funding_index=index)

    def after(self, fill: Fill) -> "Inventory":
        """With one more fill, which may close, open or turn the position around."""
        with localcontext(prec=_DIGITS):
            signed = fill.signed
            held = self.settled(fill.funding_index)
            closed = _closed(held, signed, fill)
            rest = signed - (closed.quantity - held.quantity)
            opened = _opened(closed, rest, fill) if rest else closed
            return replace(opened, fees=held.fees + fill.fee)


def _closed(held: Inventory, signed: Decimal, fill: Fill) -> Inventory:
    """With as much of `signed` applied as reduces what is open."""
    if not held.quantity or (signed > 0) == (held.quantity > 0):
        return held
    size = abs(held.quantity)
    part = min(abs(signed), size)
    whole = part == size
    cost = held.cost if whole else held.cost * part / size
    proceeds = part * fill.price
    return replace(
        held,
        quantity=_ZERO if whole else held.quantity + part.copy_sign(signed),
        cost=held.cost - cost,
        realised=held.realised + (proceeds - cost if held.quantity > 0 else cost - proceeds),
        exited_at=fill.at if whole else held.exited_at,
    )


def _opened(held: Inventory, signed: Decimal, fill: Fill) -> Inventory:
    return replace(
        held,
        quantity=held.quantity + signed,
        cost=held.cost + abs(signed) * fill.price,
        entered_at=held.entered_at if held.quantity else fill.at,
    )
