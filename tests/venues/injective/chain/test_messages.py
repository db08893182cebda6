from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel
from defi_analytics.errors import OrderRejected
from defi_analytics.venues.injective.chain.messages import built, expiration
from defi_analytics.venues.injective.chain.trader import Trader, trader
from tests.venues.injective.chain.kit import (
    ADDRESS,
    HEIGHT,
    OTHER,
    OTHER_SUBACCOUNT,
    SUBACCOUNT,
    a_cancel,
    an_order,
    opened,
    perp,
    spot,
)

OWN = trader(ADDRESS, "", 0)
DELEGATED = trader(ADDRESS, OTHER, 0)
LIMIT, MARKET, POST_ONLY, STOP = OrderKind.LIMIT, OrderKind.MARKET, OrderKind.POST_ONLY, OrderKind.STOP


def made(*orders: ApprovedOrder, cancels: tuple[Cancel, ...] = (), who: Trader = OWN) -> list[object]:
    return list(built(orders, cancels, who, HEIGHT))


def names(messages: list[object]) -> list[str]:
    return [type(one).__name__ for one in messages]


@pytest.mark.parametrize(
    ("market", "kind", "side", "message", "order_type"),
    [
        (spot(), LIMIT, Side.BUY, "MsgCreateSpotLimitOrder", 1),
        (spot(), LIMIT, Side.SELL, "MsgCreateSpotLimitOrder", 2),
        (spot(), POST_ONLY, Side.BUY, "MsgCreateSpotLimitOrder", 7),
        (spot(), POST_ONLY, Side.SELL, "MsgCreateSpotLimitOrder", 8),
        (spot(), MARKET, Side.BUY, "MsgCreateSpotMarketOrder", 1),
        (perp(), LIMIT, Side.SELL, "MsgCreateDerivativeLimitOrder", 2),
        (perp(), POST_ONLY, Side.BUY, "MsgCreateDerivativeLimitOrder", 7),
        (perp(), MARKET, Side.SELL, "MsgCreateDerivativeMarketOrder", 2),
        (perp(), STOP, Side.BUY, "MsgCreateDerivativeMarketOrder", 3),
        (perp(), STOP, Side.SELL, "MsgCreateDerivativeMarketOrder", 4),
        (perp(kind=MarketKind.FUTURE), LIMIT, Side.BUY, "MsgCreateDerivativeLimitOrder", 1),
    ],
)
def test_one_order_is_one_message_of_its_own_type(market, kind, side, message, order_type):
    (one,) = made(an_order(market, kind, side=side))
    assert type(one).__name__ == message
    assert one.order.order_type == order_type
    assert one.sender == ADDRESS
    info = one.order.order_info
    assert (info.price, info.quantity) == ("5123000000000000000", "1500000000000000000")
    assert (info.subaccount_id, info.fee_recipient, info.cid) == (SUBACCOUNT, ADDRESS, "defi-1")


@pytest.mark.parametrize(
    ("kind", "rests"), [(LIMIT, True), (POST_ONLY, True), (MARKET, False), (STOP, False)]
)
def test_every_order_that_rests_as_a_limit_expires_and_no_other_can(kind, rests):
    order = an_order(perp(), kind)
    (one,) = made(order)
    assert one.order.expiration_block == (HEIGHT + 50 if rests else 0) == expiration(order, HEIGHT)


def test_a_stop_carries_its_trigger_and_no_other_order_one():
    assert made(an_order(perp(), STOP))[0].order.trigger_price == "5200000000000000000"
    assert made(an_order(perp(), LIMIT))[0].order.trigger_price == "0"


@pytest.mark.parametrize(
    ("leverage", "quote_decimals", "margin"),
    [
        ("1", 6, "7684500000000000000"),
        ("3", 6, "2561500000000000000"),
        ("7", 6, "1097786000000000000"),
        ("7", 18, "1097785714285714286"),
    ],
)
def test_margin_is_rounded_up_to_the_quotes_smallest_unit(leverage, quote_decimals, margin):
    (one,) = made(an_order(perp(quote_decimals=quote_decimals), leverage=Decimal(leverage)))
    assert one.order.margin == margin


def test_an_order_that_only_reduces_locks_no_margin():
    assert made(an_order(perp(), MARKET, reduce_only=True))[0].order.margin == "0"


def test_legs_of_one_group_are_messages_that_fail_together():
    legs = [
        an_order(client_order_id="a", group="g"),
        an_order(perp(), MARKET, client_order_id="b", group="g"),
    ]
    assert names(made(*legs)) == ["MsgCreateSpotLimitOrder", "MsgCreateDerivativeMarketOrder"]
    with_cancel = made(*legs, cancels=(a_cancel(),))
    assert names(with_cancel) == [
        "MsgBatchUpdateOrders",
        "MsgCreateSpotLimitOrder",
        "MsgCreateDerivativeMarketOrder",
    ]
    assert not with_cancel[0].spot_orders_to_create


@pytest.mark.parametrize("groups", [("", ""), ("g", "h"), ("g", "")])
def test_independent_orders_are_a_batch_that_fail_one_by_one(groups):
    kinds = [
        an_order(spot(), LIMIT),
        an_order(spot(), MARKET),
        an_order(perp(), POST_ONLY),
        an_order(perp(), STOP),
    ]
    orders = [
        replace(one, request=replace(one.request, client_order_id=f"c{n}", group=groups[n % 2]))
        for n, one in enumerate(kinds)
    ]
    (batch,) = made(*orders)
    assert type(batch).__name__ == "MsgBatchUpdateOrders"
    assert [
        [order.order_info.cid for order in own]
        for own in (
            batch.spot_orders_to_create,
            batch.spot_market_orders_to_create,
            batch.derivative_orders_to_create,
            batch.derivative_market_orders_to_create,
        )
    ] == [["c0"], ["c1"], ["c2"], ["c3"]]


def test_an_order_that_replaces_another_comes_in_a_batch_with_the_cancel():
    (batch,) = made(an_order(), cancels=(a_cancel(), a_cancel(perp(), "", "0xab")))
    assert [(one.cid, one.order_hash, one.order_mask) for one in batch.spot_orders_to_cancel] == [
        ("defi-0", "", 1)
    ]
    assert [(one.cid, one.order_hash) for one in batch.derivative_orders_to_cancel] == [("", "0xab")]


def test_one_cancel_is_a_message_of_its_own():
    (one,) = made(cancels=(a_cancel(),))
    assert (type(one).__name__, one.cid, one.subaccount_id) == ("MsgCancelSpotOrder", "defi-0", SUBACCOUNT)
    (other,) = made(cancels=(a_cancel(perp()),))
    assert (type(other).__name__, other.order_mask) == ("MsgCancelDerivativeOrder", 1)
    assert names(made(cancels=(a_cancel(), a_cancel(perp())))) == ["MsgBatchUpdateOrders"]


@pytest.mark.parametrize(
    ("orders", "cancels"),
    [
        ([an_order()], ()),
        ([], (a_cancel(),)),
        ([an_order(group="g"), an_order(client_order_id="b")], ()),
    ],
)
def test_a_delegated_key_sends_nothing_but_batches_for_the_granter(orders, cancels):
    (execute,) = made(*orders, cancels=cancels, who=DELEGATED)
    assert (type(execute).__name__, execute.grantee) == ("MsgExec", ADDRESS)
    (batch,) = map(opened, execute.msgs)
    assert (type(batch).__name__, batch.sender) == ("MsgBatchUpdateOrders", OTHER)
    for order in batch.spot_orders_to_create:
        assert (order.order_info.subaccount_id, order.order_info.fee_recipient) == (OTHER_SUBACCOUNT, OTHER)
    for cancel in batch.spot_orders_to_cancel:
        assert cancel.subaccount_id == OTHER_SUBACCOUNT


@pytest.mark.parametrize(
    "more", [[], [an_order(client_order_id="c")], [an_order(group="h", client_order_id="c")]]
)
def test_a_delegated_key_sends_no_legs_for_a_batch_may_place_one_and_not_the_other(more):
    legs = [an_order(group="g"), an_order(perp(), group="g", client_order_id="b")]
    with pytest.raises(OrderRejected, match="legs of g: a granted key cannot place all of them or none"):
        made(*legs, *more, who=DELEGATED)


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (an_order(spot(), STOP), "no stop orders"),
        (an_order(perp(), STOP, trigger_ticks=0), "trigger"),
        (an_order(ticks=0), "one step"),
        (an_order(lots=-1), "one step"),
        (an_order(client_order_id=""), "client id"),
        (an_order(client_order_id="x" * 37), "client id"),
        (an_order(spot(), reduce_only=True), "reduces nothing"),
        (an_order(perp(), leverage=Decimal("0.5")), "leverage"),
        (an_order(perp(), leverage=Decimal("NaN")), "leverage"),
        (an_order(expires_after_blocks=0), "expire"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_here(order, why):
    with pytest.raises(OrderRejected, match=why) as caught:
        made(order)
    assert caught.value.codespace == "local"


def test_what_names_nothing_or_the_same_twice_is_refused():
    for orders, cancels in (([], ()), ([an_order(), an_order()], ()), ([], (a_cancel(client_order_id=""),))):
        with pytest.raises(OrderRejected):
            made(*orders, cancels=cancels)
