"""Why a message fails its transaction, in the chain's own codes and words.

Source: the error registrations of injective-core's exchange module, cosmos-sdk's errors and x/authz.
"""

from enum import IntEnum


class Code(IntEnum):
    """Of the exchange module."""

    SPOT_MARKET_NOT_FOUND = 2
    MARKET_INVALID = 5
    INSUFFICIENT_DEPOSIT = 6
    UNRECOGNIZED_ORDER_TYPE = 7
    INSUFFICIENT_POSITION = 8
    ORDER_HASH_INVALID = 9
    BAD_SUBACCOUNT = 10
    INVALID_PRICE = 16
    INVALID_QUANTITY = 17
    ORDER_DOES_NOT_EXIST = 19
    NO_LIQUIDITY = 24
    SLIPPAGE = 25
    INSUFFICIENT_MARGIN = 26
    DERIVATIVE_MARKET_NOT_FOUND = 27
    POSITION_NOT_FOUND = 28
    REDUCE_ONLY_DIRECTION = 29
    BEYOND_BANKRUPTCY = 30
    INVALID_TRIGGER_PRICE = 32
    ORDER_SIDE_COUNT = 37
    MARKET_ORDER_EXISTS = 38
    CONDITIONAL_MARKET_ORDER_EXISTS = 39
    INVALID_BATCH = 58
    EXCEEDS_TOP_OF_BOOK = 59
    ORDER_TYPE_FOR_MESSAGE = 60
    NO_MARGIN_LOCKED = 81
    ACCESS_LEVEL = 82
    INVALID_AMOUNT = 91
    BAD_NONCE = 94
    INSUFFICIENT_FUNDS = 95
    CID_EXISTS = 97
    INVALID_CID = 98
    INVALID_NOTIONAL = 100
    INVALID_EXPIRATION = 107


_WORDS = {
    Code.SPOT_MARKET_NOT_FOUND: "spot market not found",
    Code.MARKET_INVALID: "failed to validate market",
    Code.INSUFFICIENT_DEPOSIT: "subaccount has insufficient deposits",
    Code.UNRECOGNIZED_ORDER_TYPE: "unrecognized order type",
    Code.INSUFFICIENT_POSITION: "position quantity insufficient for order",
    Code.ORDER_HASH_INVALID: "order hash is not valid",
    Code.BAD_SUBACCOUNT: "subaccount id is not valid",
    Code.INVALID_PRICE: "invalid price",
    Code.INVALID_QUANTITY: "invalid quantity",
    Code.ORDER_DOES_NOT_EXIST: "order doesnt exist",  # codespell:ignore doesnt -- the chain's own spelling
    Code.NO_LIQUIDITY: "no liquidity on the orderbook!",
    Code.SLIPPAGE: "orderbook liquidity cannot satisfy current worst price",
    Code.INSUFFICIENT_MARGIN: "insufficient margin",
    Code.DERIVATIVE_MARKET_NOT_FOUND: "derivative market not found",
    Code.POSITION_NOT_FOUND: "position not found",
    Code.REDUCE_ONLY_DIRECTION: "position direction does not oppose the reduce-only order",
    Code.BEYOND_BANKRUPTCY: "price Surpasses Bankruptcy Price",
    Code.INVALID_TRIGGER_PRICE: "invalid trigger price",
    Code.ORDER_SIDE_COUNT: "exceeds order side count",
    Code.MARKET_ORDER_EXISTS: (
        "subaccount cannot place a market order when a market order in the same market was already placed "
        "in same block"
    ),
    Code.CONDITIONAL_MARKET_ORDER_EXISTS: (
        "cannot place a conditional market order when a conditional market order in same relative "
        "direction already exists"
    ),
    Code.INVALID_BATCH: "invalid batch msg update",
    Code.EXCEEDS_TOP_OF_BOOK: "post-only order exceeds top of book price",
    Code.ORDER_TYPE_FOR_MESSAGE: "order type not supported for given message",
    Code.NO_MARGIN_LOCKED: "no margin locked in subaccount",
    Code.ACCESS_LEVEL: "invalid access level to perform action",
    Code.INVALID_AMOUNT: "invalid amount",
    Code.BAD_NONCE: "subaccount nonce is invalid",
    Code.INSUFFICIENT_FUNDS: "insufficient funds",
    Code.CID_EXISTS: "client order id already exists",
    Code.INVALID_CID: "client order id is invalid. Max length is 36 chars",
    Code.INVALID_NOTIONAL: "invalid notional",
    Code.INVALID_EXPIRATION: "invalid expiration block",
}


class Failed(Exception):
    """A message that fails its transaction."""

    def __init__(self, code: int, codespace: str, log: str) -> None:
        super().__init__(log)
        self.code = code
        self.codespace = codespace
        self.log = log
        self.order_hash = ""
        """Of the order that was refused, once it had one."""


def exchange(code: Code, detail: str = "") -> Failed:
    """The exchange module's error; a detail comes before its words, as the chain wraps errors."""
    return Failed(int(code), "exchange", f"{detail}: {_WORDS[code]}" if detail else _WORDS[code])


class Sdk(IntEnum):
    TX_DECODE = 2
    UNAUTHORIZED = 4
    INSUFFICIENT_FUNDS = 5
    UNKNOWN_REQUEST = 6
    INVALID_ADDRESS = 7
    INVALID_COINS = 10
    INVALID_TYPE = 29


_SDK_WORDS = {
    Sdk.TX_DECODE: "tx parse error",
    Sdk.UNAUTHORIZED: "unauthorized",
    Sdk.INSUFFICIENT_FUNDS: "insufficient funds",
    Sdk.UNKNOWN_REQUEST: "unknown request",
    Sdk.INVALID_ADDRESS: "invalid address",
    Sdk.INVALID_COINS: "invalid coins",
    Sdk.INVALID_TYPE: "invalid type",
}


def sdk(code: Sdk, detail: str = "") -> Failed:
    return Failed(int(code), "sdk", f"{detail}: {_SDK_WORDS[code]}" if detail else _SDK_WORDS[code])


class Authz(IntEnum):
    NO_AUTHORIZATION = 2
    EXPIRATION_TIME = 3
    UNKNOWN_AUTHORIZATION = 4
    EXPIRED = 6
    GRANTEE_IS_GRANTER = 7


_AUTHZ_WORDS = {
    Authz.NO_AUTHORIZATION: "authorization not found",
    Authz.EXPIRATION_TIME: "expiration time of authorization should be more than current time",
    Authz.UNKNOWN_AUTHORIZATION: "unknown authorization type",
    Authz.EXPIRED: "authorization expired",
    Authz.GRANTEE_IS_GRANTER: "grantee and granter should be different",
}


def authz(code: Authz, detail: str = "") -> Failed:
    return Failed(int(code), "authz", f"{detail}: {_AUTHZ_WORDS[code]}" if detail else _AUTHZ_WORDS[code])
