"""What the journal and the venue tell differently of one account, exactly: values in, differences out."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from enum import StrEnum

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.order import Fill, OpenOrder, OrderState
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.domain.transaction import SignedTransaction
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.reckoning import GAS, Reckoning, Story, received, reckoned

_DIGITS = 60
_ZERO = Decimal(0)
_MOST_GAS = Decimal("0.001")
"""INJ for one fill of somebody else: some twenty times what an order costs."""
_BY_HAND = 10
"""Transactions of an owner that trade nothing, such as a grant that is given anew: the gas of so many is no
loss to stop for."""


def others_gas(fills: int) -> Decimal:
    """The most INJ that others, or an owner by hand, may have paid where so many of their fills are known."""
    return _MOST_GAS * (fills + _BY_HAND)


class Code(StrEnum):
    ORDER_MISSING = "ORDER_MISSING"
    """Open by the journal, not on the venue's book."""
    ORDER_NOT_OVER = "ORDER_NOT_OVER"
    """Over by the journal, still on the venue's book."""
    ORDER_REMAINING = "ORDER_REMAINING"
    ORDER_FOREIGN = "ORDER_FOREIGN"
    """On the venue's book, and none of this journal's."""
    FILL_MISSING = "FILL_MISSING"
    """In blocks that the journal has counted, and not in it."""
    FILL_UNKNOWN = "FILL_UNKNOWN"
    """In the journal, and not in its block on the venue."""
    FILL_CHANGED = "FILL_CHANGED"
    FILL_TWICE = "FILL_TWICE"
    """In the journal more than once; it counts once."""
    FILL_FOREIGN = "FILL_FOREIGN"
    """Not counted yet, and of an order that is none of this journal's: it explains what it moved."""
    POSITION = "POSITION"
    BALANCE = "BALANCE"
    RECEIVED = "RECEIVED"
    """More than anything explains, and nothing was paid for it: anybody can send that."""
    GAS_FOREIGN = "GAS_FOREIGN"
    """No more than others who traded the account may have paid for it."""
    PERPETUAL_CASH = "PERPETUAL_CASH"
    """Cash of perpetuals, where the source of a fill did not tell by which index its funding was settled."""


TOLD_ONLY = frozenset(
    {Code.FILL_FOREIGN, Code.FILL_TWICE, Code.PERPETUAL_CASH, Code.GAS_FOREIGN, Code.RECEIVED}
)
"""Does not keep an agent from starting."""


@dataclass(frozen=True, slots=True)
class Difference:
    code: Code
    about: str
    """An order's or fill's id, a market's ticker, or an asset."""
    journal: Decimal
    venue: Decimal
    unit: str

    @property
    def gap(self) -> Decimal:
        """What the venue has more than the journal can explain."""
        with localcontext(prec=_DIGITS):
            return self.venue - self.journal

    @property
    def refuses(self) -> bool:
        return self.code not in TOLD_ONLY

    def __str__(self) -> str:
        here, there = plain(self.journal), plain(self.venue)
        return f"{self.code} {self.about}: {here} here, {there} {self.unit} there"


@dataclass(frozen=True, slots=True)
class Journalled:
    """The journal's side."""

    books: Bookkeeping
    fills: Sequence[Fill] = ()
    """All since the baseline, as often as they were written."""
    baseline: Mapping[str, Decimal] = field(default_factory=dict)
    """What the account had, and people moved since; assets that are not in it are not compared."""
    gas: Decimal = _ZERO
    """What the account paid up to the venue's block, in INJ."""


@dataclass(frozen=True, slots=True)
class Told:
    """The venue's side, of one block."""

    portfolio: Portfolio
    fills: Sequence[Fill] = ()
    """All of the blocks from `first_height` to `last_height`."""
    first_height: int = 1
    last_height: int = 0
    """Before the first: no block was read."""
    proven: Sequence[SignedTransaction] = ()
    """Those without proof in the journal that are in a block."""


def plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def differences(own: Journalled, told: Told, markets: Mapping[MarketKey, Market]) -> tuple[Difference, ...]:
    """In the order in which a person should look at them."""
    fresh = uncounted(own.books, told)
    every = [*_by_id(own.fills).values(), *fresh]
    with localcontext(prec=_DIGITS):
        strayed = tuple(_positions(every, told.portfolio, markets))
        return (
            *_orders(own.books, told, fresh),
            *_fills(own, told, markets),
            *strayed,
            *_balances(own, told, fresh, markets, strayed=bool(strayed)),
        )


def uncounted(books: Bookkeeping, told: Told) -> list[Fill]:
    """Fills in blocks that the journal has not counted yet, and will: no difference, each once."""
    return [fill for fill in _by_id(told.fills).values() if fill.height > books.scanned_height]


def must_rest(books: Bookkeeping, told: Told) -> list[TrackedOrder]:
    """Orders that are on the venue's book, if the journal is right."""
    height = told.portfolio.height
    proven = {transaction.tx_hash for transaction in told.proven}
    cancelled = {
        cancel.client_order_id
        for tx_hash, pending in books.unresolved.items()
        for cancel in pending.cancels
        if tx_hash in proven
    }
    return [
        order
        for order in books.live
        if order.state is OrderState.OPEN
        and order.request.kind is not OrderKind.MARKET
        and order.height <= height < order.expiry_height
        and order.request.client_order_id not in cancelled
    ]


def _orders(books: Bookkeeping, told: Told, fresh: Iterable[Fill]) -> Iterator[Difference]:
    done: dict[str, Decimal] = {}
    for fill in fresh:
        done[fill.client_order_id] = done.get(fill.client_order_id, _ZERO) + fill.quantity
    rest = {order.request.client_order_id: order for order in must_rest(books, told)}
    listed = {_name(books, order): order for order in told.portfolio.open_orders}
    for order_id, order in rest.items():
        left = order.request.quantity - order.filled - done.get(order_id, _ZERO)
        there = listed[order_id].remaining if order_id in listed else _ZERO
        if left > 0 and left != there:
            code = Code.ORDER_REMAINING if there else Code.ORDER_MISSING
            yield Difference(code, order_id, left, there, order.request.market.base)
    for order_id, found in listed.items():
        known = books.orders.get(order_id)
        if known is None:
            yield Difference(Code.ORDER_FOREIGN, order_id, _ZERO, found.remaining, "base")
        elif not known.live:
            base = known.request.market.base
            yield Difference(Code.ORDER_NOT_OVER, order_id, _ZERO, found.remaining, base)


def _name(books: Bookkeeping, found: OpenOrder) -> str:
    own = books.own(found)
    return own.request.client_order_id if own else found.client_order_id or found.order_hash


def _fills(own: Journalled, told: Told, markets: Mapping[MarketKey, Market]) -> Iterator[Difference]:
    counts = Counter(fill.fill_id for fill in own.fills)
    known, seen = _by_id(own.fills), _by_id(told.fills)
    for fill_id, fill in known.items():
        base = _base(fill.key, markets)
        if counts[fill_id] > 1:
            yield Difference(Code.FILL_TWICE, fill_id, fill.quantity * counts[fill_id], fill.quantity, base)
        if told.first_height <= fill.height <= told.last_height and fill_id not in seen:
            yield Difference(Code.FILL_UNKNOWN, fill_id, fill.signed, _ZERO, base)
    for fill_id, fill in seen.items():
        if fill_id in known:
            yield from _changed(known[fill_id], fill, markets)
        elif fill.height <= own.books.scanned_height:
            yield Difference(Code.FILL_MISSING, fill_id, _ZERO, fill.signed, _base(fill.key, markets))
        elif fill.client_order_id not in own.books.orders:
            yield Difference(Code.FILL_FOREIGN, fill_id, _ZERO, fill.signed, _base(fill.key, markets))


def _changed(known: Fill, seen: Fill, markets: Mapping[MarketKey, Market]) -> Iterator[Difference]:
    if known.key != seen.key or known.signed != seen.signed:
        base = _base(seen.key, markets)
        yield Difference(Code.FILL_CHANGED, seen.fill_id, known.signed, seen.signed, base)
    elif _cash(known) != _cash(seen):
        quote = markets[seen.key].quote if seen.key in markets else "quote"
        yield Difference(Code.FILL_CHANGED, seen.fill_id, _cash(known), _cash(seen), quote)


def _positions(
    fills: Iterable[Fill], portfolio: Portfolio, markets: Mapping[MarketKey, Market]
) -> Iterator[Difference]:
    own: dict[MarketKey, Decimal] = {}
    for fill in fills:
        own[fill.key] = own.get(fill.key, _ZERO) + fill.signed
    for key, market in markets.items():
        if market.kind is MarketKind.SPOT:
            continue
        held = portfolio.positions.get(key)
        journal, venue = own.get(key, _ZERO), held.quantity if held else _ZERO
        if journal != venue:
            yield Difference(Code.POSITION, market.ticker, journal, venue, market.base)


def _balances(
    own: Journalled, told: Told, fresh: Sequence[Fill], markets: Mapping[MarketKey, Market], *, strayed: bool
) -> Iterator[Difference]:
    story = _story(own, fresh, markets)
    found = reckoned(story, told.portfolio, markets)
    came = received(found, story, markets.values(), strayed=strayed)
    for asset, gap in found.gaps.items():
        if gap:
            journal = found.comes_to[asset]
            code = _code(asset, gap, found, story, came)
            yield Difference(code, asset, journal, journal + gap, asset)


def _code(asset: str, gap: Decimal, found: Reckoning, story: Story, came: Collection[str]) -> Code:
    if asset in found.untold:
        return Code.PERPETUAL_CASH
    if asset in came:
        return Code.RECEIVED
    return Code.GAS_FOREIGN if asset == GAS and 0 < -gap <= story.others_gas else Code.BALANCE


def _story(own: Journalled, fresh: Sequence[Fill], markets: Mapping[MarketKey, Market]) -> Story:
    held: dict[MarketKey, Inventory] = {}
    untold = set()
    for fill in (each for each in (*_by_id(own.fills).values(), *fresh) if each.key in markets):
        before = held.get(fill.key, Inventory())
        if not before.knows_funding(fill.funding_index):
            untold.add(fill.key)
        held[fill.key] = before.after(fill)
    others = own.books.foreign_fills + sum(map(own.books.unheard_of, fresh))
    return Story(own.baseline, held, untold, own.gas, others_gas(others))


def _by_id(fills: Iterable[Fill]) -> dict[str, Fill]:
    return {fill.fill_id: fill for fill in fills}


def _cash(fill: Fill) -> Decimal:
    """Quote received, or, negative, paid."""
    return -fill.signed * fill.price - fill.fee


def _base(key: MarketKey, markets: Mapping[MarketKey, Market]) -> str:
    return markets[key].base if key in markets else "base"
