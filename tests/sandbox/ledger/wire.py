"""Messages as the ledger sees decoded protobuf: attributes, and a descriptor that tells their names."""

from decimal import Decimal
from types import SimpleNamespace

from defi_analytics.sandbox.ledger.addresses import encoded, subaccount
from defi_analytics.sandbox.ledger.records import OrderType

ALICE, BOB = encoded(bytes(range(20))), encoded(bytes(range(20, 40)))
RELAYER = encoded(bytes([7]) * 20)
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
ATOM_USDT = "0x0511ddc4e6586f3bfe1acb2dd905f8b8a82c97e1edaef654b12ca7e6031ca0fa"
PAUSED = "0x01e920e081b6f3b2e5183399d5b6733bb6f80319e6be3805b95cb7236910ff0e"
INJ_PERP = "0x9b9980167ecc3645ff1a5517886652d94a0825e54a77d2057cbbe3ebee015963"
BTC_PERP = "0x4ca0f92fc28be0c9761326016b5a1a2177dd6375558365116b5bdda9abc229ce"
NOWHERE = "0x" + "ab" * 32
_EXCHANGE = "injective.exchange.v2."


def sub(address, index=0):
    return subaccount(address, index)


def message(full_name, **fields):
    descriptor = SimpleNamespace(
        full_name=full_name,
        name=full_name.rpartition(".")[2],
        fields_by_name=dict.fromkeys(fields),
    )
    return SimpleNamespace(DESCRIPTOR=descriptor, **fields)


def wei(value):
    """A decimal as protobuf carries it."""
    return f"{Decimal(value).scaleb(18):f}".split(".")[0]


def order(market_id, side, price, quantity, **more):
    """`side` is the order type's name."""
    owner, index = more.pop("owner", ALICE), more.pop("index", 0)
    info = SimpleNamespace(
        subaccount_id=more.pop("subaccount_id", sub(owner, index)),
        fee_recipient=more.pop("fee_recipient", ""),
        price=wei(price),
        quantity=wei(quantity),
        cid=more.pop("cid", ""),
    )
    trigger, margin = more.pop("trigger", None), more.pop("margin", None)
    found = SimpleNamespace(
        market_id=market_id,
        order_info=info,
        order_type=int(OrderType[side]),
        trigger_price=wei(trigger) if trigger is not None else "",
        margin=wei(margin) if margin is not None else "",
        expiration_block=more.pop("expiration", 0),
    )
    assert not more, more
    return found


def create(found, sender=ALICE, *, market=False, derivative=False):
    kind, how = "Derivative" if derivative else "Spot", "Market" if market else "Limit"
    return message(f"{_EXCHANGE}MsgCreate{kind}{how}Order", sender=sender, order=found)


def data(market_id, cid="", order_hash="", **more):
    return SimpleNamespace(
        market_id=market_id,
        cid=cid,
        order_hash=order_hash,
        subaccount_id=more.get("subaccount_id", sub(more.get("owner", ALICE), more.get("index", 0))),
        order_mask=more.get("mask", 1),
    )


def cancel(market_id, cid="", order_hash="", *, derivative=False, **more):
    found = data(market_id, cid, order_hash, **more)
    kind = "Derivative" if derivative else "Spot"
    return message(f"{_EXCHANGE}MsgCancel{kind}Order", sender=more.get("owner", ALICE), **vars(found))


_BATCH = (
    "spot_market_ids_to_cancel_all",
    "derivative_market_ids_to_cancel_all",
    "binary_options_market_ids_to_cancel_all",
    "spot_orders_to_cancel",
    "derivative_orders_to_cancel",
    "binary_options_orders_to_cancel",
    "spot_orders_to_create",
    "derivative_orders_to_create",
    "binary_options_orders_to_create",
    "spot_market_orders_to_create",
    "derivative_market_orders_to_create",
    "binary_options_market_orders_to_create",
)


def batch_update(sender=ALICE, subaccount_id="", **lists):
    fields = {name: lists.pop(name, ()) for name in _BATCH}
    assert not lists, lists
    return message(f"{_EXCHANGE}MsgBatchUpdateOrders", sender=sender, subaccount_id=subaccount_id, **fields)


def batch_create(orders, sender=ALICE, *, derivative=False):
    kind = "Derivative" if derivative else "Spot"
    return message(f"{_EXCHANGE}MsgBatchCreate{kind}LimitOrders", sender=sender, orders=orders)


def batch_cancel(found, sender=ALICE, *, derivative=False):
    kind = "Derivative" if derivative else "Spot"
    return message(f"{_EXCHANGE}MsgBatchCancel{kind}Orders", sender=sender, data=found)


def coin(denom, amount):
    return SimpleNamespace(denom=denom, amount=str(amount))


def deposit(denom, amount, subaccount_id, sender=ALICE):
    return message(
        f"{_EXCHANGE}MsgDeposit", sender=sender, subaccount_id=subaccount_id, amount=coin(denom, amount)
    )


def withdraw(denom, amount, subaccount_id, sender=ALICE):
    return message(
        f"{_EXCHANGE}MsgWithdraw", sender=sender, subaccount_id=subaccount_id, amount=coin(denom, amount)
    )


def transfer(denom, amount, source, target, sender=ALICE):
    return message(
        f"{_EXCHANGE}MsgSubaccountTransfer",
        sender=sender,
        source_subaccount_id=source,
        destination_subaccount_id=target,
        amount=coin(denom, amount),
    )


def increase_margin(market_id, amount, source, target, sender=ALICE):
    return message(
        f"{_EXCHANGE}MsgIncreasePositionMargin",
        sender=sender,
        source_subaccount_id=source,
        destination_subaccount_id=target,
        market_id=market_id,
        amount=wei(amount),
    )


def send(denom, amount, to, sender=ALICE):
    return message(
        "cosmos.bank.v1beta1.MsgSend", from_address=sender, to_address=to, amount=[coin(denom, amount)]
    )
