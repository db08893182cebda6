from decimal import Decimal

import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.chain.protojson import from_json
from defi_analytics.sandbox.chain.stream import Subscription
from defi_analytics.sandbox.listings import PERPETUALS
from tests.sandbox.chain.signing import INJ_USDT, Wallet, needs_sdk

pytestmark = needs_sdk
ALL = {"subaccount_ids": ["*"], "market_ids": ["*"]}
SUBACCOUNT = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266" + "0" * 24
PERP = next(one.market_id for one in PERPETUALS if one.ticker == "INJ/USDT PERP")


@pytest.fixture
def wallet():
    return Wallet()


@pytest.fixture
def told(sandbox, wallet):
    """What a subscriber hears of one block with these messages."""
    sequence = 0

    def told(filters, *messages):
        nonlocal sequence
        subscription, heard = Subscription(sandbox.chain, filters), []
        with sandbox.chain.listening(lambda made: heard.append(subscription.message(made))):
            for message in messages:
                checked = sandbox.chain.broadcast(wallet.sign(message, sequence=sequence))
                assert checked.code == 0, checked
                sequence += 1
            sandbox.advance()
            sandbox.moment()
        (message,) = heard
        from_json("injective.stream.v2.StreamResponse", message)
        return message

    return told


def limit(kind, price, cid, market_id, margin=None):
    message = protobufs.new(f"injective.exchange.v2.MsgCreate{kind}Order")
    message.sender, message.order.market_id, message.order.order_type = DEV_ADDRESS, market_id, 1
    info = message.order.order_info
    info.price, info.quantity, info.cid = f"{price}" + "0" * 18, "2" + "0" * 18, cid
    if margin is not None:
        message.order.margin = f"{margin}" + "0" * 18
    return message


def test_a_filter_that_is_not_set_tells_nothing_but_the_block(told, sandbox, wallet):
    message = told({}, wallet.market_order())
    assert message["block_height"] == str(sandbox.moment().height)
    assert message["gas_price"] == "160000000"
    assert not any(value for value in message.values() if isinstance(value, list))


def test_a_trade_an_order_and_the_money_of_one_block(told, wallet):
    filters = {
        "spot_trades_filter": ALL,
        "spot_orders_filter": ALL,
        "bank_balances_filter": {"accounts": [DEV_ADDRESS]},
    }
    message = told(filters, wallet.market_order("m"), limit("SpotLimit", 9, "l", INJ_USDT))
    (trade,) = message["spot_trades"]
    assert (trade["cid"], trade["subaccount_id"], trade["executionType"]) == ("m", SUBACCOUNT, "Market")
    statuses = {one["cid"]: one["status"] for one in message["spot_orders"]}
    assert statuses == {"m": "Matched", "l": "Booked"}
    (balance,) = message["bank_balances"]
    assert {coin["denom"][:5] for coin in balance["balances"]} == {"inj", "peggy"}
    assert not told(filters)["bank_balances"]


@pytest.mark.parametrize(
    ("filters", "heard"),
    [
        (ALL, 1),
        ({"subaccount_ids": [SUBACCOUNT], "market_ids": [INJ_USDT]}, 1),
        ({"subaccount_ids": ["0x1"], "market_ids": ["*"]}, 0),
        ({"subaccount_ids": ["*"], "market_ids": [PERP]}, 0),
        ({"subaccount_ids": ["*"]}, 0),
    ],
)
def test_both_lists_of_a_filter_must_match(told, wallet, filters, heard):
    assert len(told({"spot_trades_filter": filters}, wallet.market_order())["spot_trades"]) == heard


def test_a_position_is_told_when_it_changes_and_when_it_is_closed(told):
    filters = {"positions_filter": ALL, "derivative_trades_filter": ALL, "derivative_orders_filter": ALL}
    opened = told(filters, limit("DerivativeMarket", 100, "open", PERP, 200))
    (position,) = opened["positions"]
    assert (position["isLong"], position["quantity"]) == (True, "2.000000000000000000")
    (order,) = opened["derivative_orders"]
    assert (order["order"]["is_market"], order["order"]["order"]["margin"]) == (
        True,
        "200.000000000000000000",
    )
    assert not told(filters)["positions"]
    close = limit("DerivativeMarket", 1, "close", PERP, 0)
    close.order.order_type = 2
    (closed,) = told(filters, close)["positions"]
    assert Decimal(closed["quantity"]) == 0


def test_a_failed_order_of_a_batch_is_told_to_its_account(told, wallet):
    batch = protobufs.new("injective.exchange.v2.MsgBatchUpdateOrders")
    batch.sender = DEV_ADDRESS
    order = limit("SpotLimit", 9, "dear", INJ_USDT).order
    order.order_info.quantity = "9" * 12 + "0" * 18
    batch.spot_orders_to_create.add().CopyFrom(order)
    message = told({"order_failures_filter": {"accounts": [DEV_ADDRESS]}}, batch)
    (failure,) = message["order_failures"]
    assert (failure["account"], failure["cid"]) == (DEV_ADDRESS, "dear")
    assert failure["error_code"] in {6, 95}


def test_book_updates_applied_to_a_snapshot_are_the_next_snapshot(told, sandbox):
    def snapshot():
        found = []
        for side in sandbox.chain.ledger.book(INJ_USDT, sandbox.moment().block):
            found.append({})
            for order in side:
                found[-1][order.price] = found[-1].get(order.price, 0) + order.quantity
        return found

    levels = snapshot()
    filters = {"spot_orderbooks_filter": {"market_ids": [INJ_USDT]}}
    for messages in ((), (limit("SpotLimit", 9, "l", INJ_USDT),), ()):
        (update,) = told(filters, *messages)["spot_orderbook_updates"]
        assert update["seq"] == str(sandbox.moment().height)
        for side, name in zip(levels, ("buy_levels", "sell_levels"), strict=True):
            for level in update["orderbook"][name]:
                side[Decimal(level["p"])] = Decimal(level["q"])
                if not Decimal(level["q"]):
                    del side[Decimal(level["p"])]
        assert levels == snapshot()


def test_derivative_books_have_updates_of_their_own(told):
    message = told({"derivative_orderbooks_filter": {"market_ids": ["*"]}})
    assert len(message["derivative_orderbook_updates"]) == len(PERPETUALS)
    assert message["spot_orderbook_updates"] == []
