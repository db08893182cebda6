from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.decision import Ladder, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import OrderRequest
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.paper_fills import entered, touched
from tests.engine.trading import HOME
from tests.fakes import NOON

BLOCK = Block(7, NOON, "injective-1")
NOBODY = Ladder((), ())


def a_request(side: Side, ticks: int, lots: int, kind: OrderKind = OrderKind.MARKET) -> OrderRequest:
    return OrderRequest("c1", HOME, side, kind, ticks, lots, "oracle", trigger_ticks=ticks)


ladders = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=8).map(
    lambda steps: Ladder(
        tuple(25_000 + sum(step for step, _ in steps[: n + 1]) for n in range(len(steps))),
        tuple(lots for _, lots in steps),
    )
)


@given(ladders, st.integers(1, 60), st.integers(25_000, 25_500))
def test_a_market_buy_never_takes_more_than_is_there_nor_pays_more_than_its_worst_price(
    asks: Ladder, lots: int, worst: int
) -> None:
    result, fill = entered(a_request(Side.BUY, worst, lots), (NOBODY, asks), BLOCK)
    reachable = sum(size for ticks, size in zip(asks.ticks, asks.lots, strict=True) if ticks <= worst)
    if fill is None:
        assert (result.error_code, reachable) == (25, 0)
    else:
        assert HOME.lots(fill.quantity) == min(lots, reachable)
        assert HOME.price(asks.ticks[0]) <= fill.price <= HOME.price(worst)
        assert fill.fee >= fill.price * fill.quantity * HOME.taker_fee - Decimal("1e-12")


def resting(kind: OrderKind, side: Side = Side.SELL, filled: str = "0") -> TrackedOrder:
    order = TrackedOrder(a_request(side, 25_000, 1_000, kind), "T1", 99, NOON)
    return replace(order, order_hash="0xh", filled=Decimal(filled))


def test_a_maker_pays_the_makers_fee_on_what_was_left() -> None:
    fill = touched(resting(OrderKind.LIMIT, filled="0.4"), (Ladder((25_001,), (1,)), NOBODY), BLOCK)
    assert fill is not None
    assert (fill.quantity, fill.price, fill.fee, fill.maker) == (Decimal("0.6"), Decimal(25), 0, True)


def test_nothing_is_touched_where_nobody_bids() -> None:
    assert touched(resting(OrderKind.STOP), (NOBODY, NOBODY), BLOCK) is None
    assert touched(resting(OrderKind.LIMIT), (Ladder((25_000,), (1,)), NOBODY), BLOCK) is None
