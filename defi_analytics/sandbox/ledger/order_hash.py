"""Order hashes: EIP-712 over the order's own text, salted with the subaccount's trade nonce.

Source: injective-core v1.17.2, modules/exchange/types/common_order.go; the chain id in the domain is 888 on
every network.
"""

from decimal import Decimal
from functools import lru_cache

from defi_analytics.sandbox.ledger.keccak import keccak256
from defi_analytics.sandbox.ledger.records import Request

_DOMAIN_TYPE = (
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
)
_CHAIN_ID = 888
_CONTRACT = bytes.fromhex("cc" * 20)
_INFO_TYPE = "OrderInfo(string SubaccountId,string FeeRecipient,string Price,string Quantity)"
_SPOT_TYPE = (
    "SpotOrder(string MarketId,OrderInfo OrderInfo,string Salt,string OrderType,string TriggerPrice)"
    f"{_INFO_TYPE}"
)
_DERIVATIVE_TYPE = (
    "DerivativeOrder(string MarketId,OrderInfo OrderInfo,string OrderType,string Margin,string TriggerPrice,"
    f"string Salt){_INFO_TYPE}"
)


def order_hash(request: Request, nonce: int) -> str:
    """`nonce` is the subaccount's after this order was counted."""
    info = _struct(
        _INFO_TYPE, request.subaccount, request.fee_recipient, _text(request.price), _text(request.quantity)
    )
    kind, trigger = chr(request.kind), _text(request.trigger_price)
    if request.margin is None:
        parts = (_hashed(request.market_id), info, _hashed(str(nonce)), _hashed(kind), _hashed(trigger))
        encoded = _hashed(_SPOT_TYPE) + b"".join(parts)
    else:
        texts = (kind, _text(request.margin), trigger, str(nonce))
        encoded = _hashed(_DERIVATIVE_TYPE) + _hashed(request.market_id) + info
        encoded += b"".join(_hashed(text) for text in texts)
    return "0x" + keccak256(b"\x19\x01" + _domain() + keccak256(encoded)).hex()


def _text(value: Decimal | None) -> str:
    """As the chain writes decimals; an absent trigger price is the empty text."""
    return "" if value is None else f"{value:.18f}"


def _struct(kind: str, *texts: str) -> bytes:
    return keccak256(_hashed(kind) + b"".join(_hashed(text) for text in texts))


@lru_cache(4_096)
def _hashed(text: str) -> bytes:
    return keccak256(text.encode())


@lru_cache(1)
def _domain() -> bytes:
    words = _CHAIN_ID.to_bytes(32, "big") + _CONTRACT.rjust(32, b"\0") + bytes(32)
    return keccak256(_hashed(_DOMAIN_TYPE) + _hashed("Injective Protocol") + _hashed("2.0.0") + words)
