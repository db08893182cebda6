from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.errors import ExecutionError
from defi_analytics.venues.injective.chain import faithful
from defi_analytics.venues.injective.chain.amounts import from_dec
from defi_analytics.venues.injective.chain.messages import built
from defi_analytics.venues.injective.chain.protos import protos
from defi_analytics.venues.injective.chain.signing import body_of
from defi_analytics.venues.injective.chain.trader import trader
from tests.venues.injective.chain.kit import ADDRESS, HEIGHT, OTHER, a_cancel, an_order, opened, perp, spot

OWN, DELEGATED = trader(ADDRESS, "", 0), trader(ADDRESS, OTHER, 1)
TICKS = st.sampled_from(["1", "0.001", "0.0001", "0.000000000000000001", "10", "0.05"])


@st.composite
def orders(draw: Any) -> Any:
    kind, is_spot = draw(st.sampled_from(OrderKind)), draw(st.booleans())
    shape = {
        "price_tick": Decimal(draw(TICKS)),
        "quantity_tick": Decimal(draw(TICKS)),
        "quote_decimals": draw(st.sampled_from([6, 18, 8, 0])),
    }
    market = spot(**shape) if is_spot and kind is not OrderKind.STOP else perp(**shape)
    return an_order(
        market,
        kind,
        side=draw(st.sampled_from(Side)),
        ticks=draw(st.integers(1, 10**14)),
        lots=draw(st.integers(1, 10**14)),
        trigger_ticks=draw(st.integers(1, 10**14)) if kind is OrderKind.STOP else 0,
        leverage=draw(st.decimals("1", "50", places=2)),
        reduce_only=market.base_denom == "" and draw(st.booleans()),
        client_order_id=draw(st.uuids()).hex,
    )


@settings(max_examples=300, deadline=None)
@given(
    st.lists(orders(), min_size=1, max_size=4, unique_by=lambda o: o.request.client_order_id), st.booleans()
)
def test_whatever_is_approved_is_what_the_bytes_say(approved: list[Any], delegated: bool):
    who = DELEGATED if delegated else OWN
    body = body_of(built(approved, [a_cancel()], who, HEIGHT), HEIGHT + 30, HEIGHT)
    faithful.check(body, approved, [a_cancel()], who, HEIGHT)
    by_id = {order.request.client_order_id: order.request for order in approved}
    written = list(every_order(body))
    assert sorted(message.order_info.cid for message in written) == sorted(by_id)
    for message in written:
        request = by_id[message.order_info.cid]
        assert request.market.ticks(from_dec(message.order_info.price)) == request.ticks
        assert request.market.lots(from_dec(message.order_info.quantity)) == request.lots


def every_order(body: bytes) -> list[Any]:
    found: list[Any] = []

    def walk(message: Any) -> None:
        for inner in getattr(message, "msgs", ()):
            walk(opened(inner))
        found.extend([message.order] if hasattr(message, "order") else [])
        for name in (
            "spot_orders_to_create",
            "spot_market_orders_to_create",
            "derivative_orders_to_create",
            "derivative_market_orders_to_create",
        ):
            found.extend(getattr(message, name, ()))

    for packed in protos().tx.TxBody.FromString(body).messages:
        walk(opened(packed))
    return found


def _set(field: str, value: Any) -> Callable[[Any], None]:
    def change(message: Any) -> None:
        *path, last = field.split(".")
        for name in path:
            message = getattr(message, name)
        setattr(message, last, value)

    return change


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_set("order.order_info.price", "5123000000000000001"), "multiple"),
        (_set("order.order_info.price", "5122000000000000000"), "price"),
        (_set("order.order_info.price", "5123000000000000000.5"), "integer"),
        (_set("order.order_info.quantity", "1501000000000000000"), "quantity"),
        (_set("order.order_info.subaccount_id", "1"), "subaccount"),
        (_set("order.order_info.fee_recipient", OTHER), "fee recipient"),
        (_set("order.order_info.cid", "other"), "other orders"),
        (_set("order.market_id", "0x0"), "market"),
        (_set("order.order_type", 2), "type"),
        (_set("order.margin", "1"), "margin"),
        (_set("order.margin", "7684501000000000000"), "margin"),
        (_set("order.trigger_price", "1000000000000000"), "trigger"),
        (_set("order.expiration_block", 0), "expiration"),
    ],
)
def test_a_message_that_says_anything_else_is_never_signed(change: Callable[[Any], None], what: str):
    order = an_order(perp())
    (message,) = built([order], [], OWN, HEIGHT)
    change(message)
    with pytest.raises(ExecutionError, match=what):
        faithful.check(body_of([message], HEIGHT + 30, HEIGHT), [order], [], OWN, HEIGHT)


def test_an_order_too_many_or_of_another_message_is_never_signed():
    order = an_order()
    messages = built([order], [], OWN, HEIGHT)
    for wrong in ([*messages, *messages], []):
        with pytest.raises(ExecutionError, match="other orders"):
            faithful.check(body_of(wrong, HEIGHT + 30, HEIGHT), [order], [], OWN, HEIGHT)
    taking = protos().exchange.MsgCreateSpotMarketOrder(sender=ADDRESS, order=messages[0].order)
    with pytest.raises(ExecutionError, match="another kind"):
        faithful.check(body_of([taking], HEIGHT + 30, HEIGHT), [order], [], OWN, HEIGHT)


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ([a_cancel()], []),
        ([], [a_cancel()]),
        ([a_cancel()], [a_cancel(perp())]),
        ([a_cancel(), a_cancel(client_order_id="x")], [a_cancel(), a_cancel(client_order_id="y")]),
        ([a_cancel(client_order_id="", order_hash="0x1")], [a_cancel(client_order_id="", order_hash="0x2")]),
    ],
)
def test_other_cancels_than_were_asked_for_are_never_signed(said: list[Any], asked: list[Any]):
    order = an_order()
    body = body_of(built([order], said, OWN, HEIGHT), HEIGHT + 30, HEIGHT)
    with pytest.raises(ExecutionError, match="other cancels"):
        faithful.check(body, [order], asked, OWN, HEIGHT)


def test_a_cancel_in_another_subaccount_is_never_signed():
    body = body_of(built([], [a_cancel()], trader(ADDRESS, "", 1), HEIGHT), HEIGHT + 30, HEIGHT)
    with pytest.raises(ExecutionError, match="other cancels"):
        faithful.check(body, [], [a_cancel()], OWN, HEIGHT)


def test_a_message_that_moves_money_is_never_signed():
    deposit = protos().exchange.MsgDeposit(sender=ADDRESS)
    with pytest.raises(ExecutionError, match="trades nothing"):
        faithful.check(body_of([deposit], HEIGHT + 30, HEIGHT), [], [], OWN, HEIGHT)
