"""Orders, positions, balances and fills as rows and columns."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from defi_analytics.cli.figures import decimal_text, short, time_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.schemas_audit import BalanceRow, DifferenceRow, FillRow, PositionRow, TrackedRow
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import OrderState
from defi_analytics.domain.portfolio import Balance
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.differences import Code, Difference

_NEVER = 2**62
_SHOWN = 13
"""Characters of an order's id, of which its beginning is enough."""

MEANS: Mapping[Code, str] = {
    Code.ORDER_MISSING: "open by the journal, not on the venue's book: filled or cancelled unseen",
    Code.ORDER_NOT_OVER: "over by the journal, still on the venue's book: cancel it there",
    Code.ORDER_REMAINING: "what is left of the order differs: fills are missing or counted twice",
    Code.ORDER_FOREIGN: "an order that this journal never placed: cancel it, or use an account of its own",
    Code.FILL_MISSING: "a fill in counted blocks that the journal does not have: traded by hand?",
    Code.FILL_UNKNOWN: "a fill that the venue does not have",
    Code.FILL_CHANGED: "a fill that the venue tells differently",
    Code.FILL_TWICE: "a fill that the journal holds more than once; it counts once",
    Code.FILL_FOREIGN: "traded by hand, or by another program: the next run counts it",
    Code.POSITION: "the position is not the sum of the fills: opened, closed or taken over elsewhere",
    Code.BALANCE: "not explained by fills, fees and gas: a withdrawal of yours? see --accept-flow",
    Code.RECEIVED: "came in, and nothing was paid for it: the next run books it",
    Code.GAS_FOREIGN: "no more gas than others who traded the account, or its owner by hand, may have paid",
    Code.PERPETUAL_CASH: "a fill of a perpetual did not tell the funding it settled",
}

ORDER_COLUMNS: Sequence[Column[TrackedRow]] = (
    Column("Order", lambda r: r.client_order_id[:_SHOWN], exact=lambda r: r.client_order_id),
    Column("Market", lambda r: r.market),
    Column("Strategy", lambda r: r.strategy, spare=60),
    Column("Side", lambda r: r.side),
    Column("Kind", lambda r: r.kind, spare=90),
    Column("State", lambda r: r.state),
    Column("Price", lambda r: r.price, number=True),
    Column("Quantity", lambda r: r.quantity, number=True),
    Column("Filled", lambda r: r.filled, number=True),
    Column(
        "Expires", lambda r: "" if r.expiry_height is None else str(r.expiry_height), number=True, spare=70
    ),
    Column("Tx", lambda r: r.tx_hash[:10], spare=80, exact=lambda r: r.tx_hash),
)
POSITION_COLUMNS: Sequence[Column[PositionRow]] = (
    Column("Market", lambda r: r.market),
    Column("Strategy", lambda r: r.strategy or "none of ours", spare=80),
    # A short has its minus.
    Column("Side", lambda r: r.side, machine=True),
    Column("Quantity", lambda r: r.quantity, number=True),
    Column("Entry", lambda r: short(r.entry_price), number=True, exact=lambda r: r.entry_price),
    Column("Mark", lambda r: short(r.mark), number=True, spare=70, exact=lambda r: r.mark or ""),
    Column("Unrealised", lambda r: _cents(r.unrealised), number=True, exact=lambda r: r.unrealised or ""),
    Column("All realised", lambda r: _cents(r.realised), number=True, spare=50, exact=lambda r: r.realised),
    Column("All fees", lambda r: _cents(r.fees), number=True, spare=60, exact=lambda r: r.fees),
    Column("Quote", lambda r: r.quote, spare=90),
)
BALANCE_COLUMNS: Sequence[Column[BalanceRow]] = (
    Column("Asset", lambda r: r.asset or "not verified"),
    Column("Total", lambda r: r.total, number=True),
    Column("Available", lambda r: r.available, number=True),
    Column("Start and paid in", lambda r: r.baseline or "", number=True, spare=60),
    Column("Change", lambda r: r.change or "", number=True, spare=50),
    Column("Denom", lambda r: r.denom, spare=90),
)
FILL_COLUMNS: Sequence[Column[FillRow]] = (
    Column("Time", lambda r: f"{r.at:%m-%d %H:%M:%S}", exact=lambda r: time_text(r.at)),
    Column("Market", lambda r: r.market),
    Column("Side", lambda r: r.side),
    Column("Price", lambda r: short(r.price), number=True, exact=lambda r: r.price),
    Column("Quantity", lambda r: r.quantity, number=True),
    Column("Base", lambda r: r.base, spare=100),
    Column("Notional", lambda r: _cents(r.notional), number=True, spare=30, exact=lambda r: r.notional),
    Column("Quote", lambda r: r.quote, spare=100),
    Column("Fee", lambda r: short(r.fee), number=True, exact=lambda r: r.fee),
    Column("Fee asset", lambda r: r.fee_asset, spare=50),
    Column("Liquidity", lambda r: r.liquidity, spare=70),
    Column("Strategy", lambda r: r.strategy, spare=60),
    Column("Height", lambda r: str(r.height), number=True, spare=80),
    Column("Order", lambda r: r.client_order_id, spare=110),
    Column("Tx", lambda r: r.tx_hash[:10], spare=90, exact=lambda r: r.tx_hash),
    Column("Fill", lambda r: r.fill_id, spare=120),
)
DIFFERENCE_COLUMNS: Sequence[Column[DifferenceRow]] = (
    Column("Code", lambda r: r.code, style=lambda r: "red" if r.refuses else "yellow"),
    Column("About", lambda r: r.about, fold=True),
    Column("Journal", lambda r: r.journal, number=True),
    Column("Venue", lambda r: r.venue, number=True),
    Column("Gap", lambda r: r.gap, number=True, spare=50),
    Column("Unit", lambda r: r.unit),
    Column("Meaning", lambda r: r.meaning, spare=90, fold=True),
)


def order_row(order: TrackedOrder) -> TrackedRow:
    request = order.request
    return TrackedRow(
        client_order_id=request.client_order_id,
        market=request.market.ticker,
        market_id=request.market.market_id,
        strategy=request.strategy,
        side=request.side.value,
        kind=request.kind.name.lower(),
        state=_state(order),
        price=text(request.price),
        quantity=text(request.quantity),
        filled=text(order.filled),
        reduce_only=request.reduce_only,
        height=order.height,
        expiry_height=None if order.expiry_height in (0, _NEVER) else order.expiry_height,
        tx_hash=order.tx_hash,
        order_hash=order.order_hash,
        signed_at=order.signed_at,
        error_code=order.error_code,
    )


def _state(order: TrackedOrder) -> str:
    """How it ended, of one that is over; what a market order does not fill at once is gone."""
    if order.state is not OrderState.DONE:
        return order.state.value
    if order.filled >= order.request.quantity:
        return "filled"
    if not order.expiry_height:
        return "filled in part" if order.filled else "unfilled"
    return "cancelled" if 0 < order.closed_height < order.expiry_height else "expired"


def position_row(market: Market, strategy: str, held: Inventory, mark: Decimal | None) -> PositionRow:
    with localcontext(prec=60):
        entry = held.cost / abs(held.quantity)
        value = None if mark is None else held.quantity * (mark - entry)
    return PositionRow(
        market=market.ticker,
        market_id=market.market_id,
        kind=market.kind.value,
        strategy=strategy,
        side="long" if held.quantity > 0 else "short",
        quantity=text(held.quantity),
        entry_price=text(rounded(entry)),
        mark=decimal_text(mark),
        unrealised=None if value is None else text(rounded(value)),
        realised=text(rounded(held.realised)),
        fees=text(held.fees),
        quote=market.quote,
        entered_at=held.entered_at,
    )


def balance_row(balance: Balance, baseline: Mapping[str, str]) -> BalanceRow:
    before = baseline.get(balance.asset)
    return BalanceRow(
        asset=balance.asset,
        denom=balance.denom,
        total=text(balance.total),
        available=text(balance.available),
        baseline=None if before is None else text(Decimal(before)),
        change=None if before is None else text(balance.total - Decimal(before)),
    )


def difference_row(found: Difference) -> DifferenceRow:
    return DifferenceRow(
        code=found.code.value,
        about=found.about,
        journal=text(found.journal),
        venue=text(found.venue),
        gap=text(found.gap),
        unit=found.unit,
        refuses=found.refuses,
        meaning=MEANS[found.code],
    )


def text(value: Decimal) -> str:
    """Every digit of it."""
    return decimal_text(value) or ""


def rounded(value: Decimal) -> Decimal:
    """To the chain's own 18 decimals: a quotient has no end."""
    with localcontext(prec=60):
        return value.quantize(Decimal("1e-18"))


def _cents(value: str | None) -> str:
    return "" if value is None else f"{float(value):,.2f}"
