"""Why a transaction fails or is never accepted, in the chain's own codes and words.

Source: the error registrations of injective-core's exchange module, cosmos-sdk's errors and x/authz.
"""

from enum import IntEnum
from typing import Self


class Coded(IntEnum):
    """Codes of one codespace, each with its words."""

    words: str

    def __new__(cls, number: int, words: str) -> Self:
        member = int.__new__(cls, number)
        member._value_ = number
        member.words = words
        return member


class Code(Coded):
    """Of the exchange module."""

    SPOT_MARKET_NOT_FOUND = 2, "spot market not found"
    MARKET_INVALID = 5, "failed to validate market"
    INSUFFICIENT_DEPOSIT = 6, "subaccount has insufficient deposits"
    UNRECOGNIZED_ORDER_TYPE = 7, "unrecognized order type"
    INSUFFICIENT_POSITION = 8, "position quantity insufficient for order"
    ORDER_HASH_INVALID = 9, "order hash is not valid"
    BAD_SUBACCOUNT = 10, "subaccount id is not valid"
    INVALID_PRICE = 16, "invalid price"
    INVALID_QUANTITY = 17, "invalid quantity"
    ORDER_DOES_NOT_EXIST = 19, "order doesnt exist"  # codespell:ignore doesnt -- the chain's own spelling
    NO_LIQUIDITY = 24, "no liquidity on the orderbook!"
    SLIPPAGE = 25, "orderbook liquidity cannot satisfy current worst price"
    INSUFFICIENT_MARGIN = 26, "insufficient margin"
    DERIVATIVE_MARKET_NOT_FOUND = 27, "derivative market not found"
    POSITION_NOT_FOUND = 28, "position not found"
    REDUCE_ONLY_DIRECTION = 29, "position direction does not oppose the reduce-only order"
    BEYOND_BANKRUPTCY = 30, "price Surpasses Bankruptcy Price"
    INVALID_TRIGGER_PRICE = 32, "invalid trigger price"
    ORDER_SIDE_COUNT = 37, "exceeds order side count"
    MARKET_ORDER_EXISTS = (
        38,
        (
            "subaccount cannot place a market order when a market order in the same market was "
            "already placed in same block"
        ),
    )
    CONDITIONAL_MARKET_ORDER_EXISTS = (
        39,
        (
            "cannot place a conditional market order when a conditional market order in same "
            "relative direction already exists"
        ),
    )
    INVALID_BATCH = 58, "invalid batch msg update"
    EXCEEDS_TOP_OF_BOOK = 59, "post-only order exceeds top of book price"
    ORDER_TYPE_FOR_MESSAGE = 60, "order type not supported for given message"
    NO_MARGIN_LOCKED = 81, "no margin locked in subaccount"
    ACCESS_LEVEL = 82, "invalid access level to perform action"
    INVALID_AMOUNT = 91, "invalid amount"
    BAD_NONCE = 94, "subaccount nonce is invalid"
    INSUFFICIENT_FUNDS = 95, "insufficient funds"
    POST_ONLY_MODE = 96, "exchange is in post-only mode"
    CID_EXISTS = 97, "client order id already exists"
    INVALID_CID = 98, "client order id is invalid. Max length is 36 chars"
    INVALID_NOTIONAL = 100, "invalid notional"
    INVALID_EXPIRATION = 107, "invalid expiration block"


class Sdk(Coded):
    """Of cosmos-sdk itself."""

    TX_DECODE = 2, "tx parse error"
    UNAUTHORIZED = 4, "unauthorized"
    INSUFFICIENT_FUNDS = 5, "insufficient funds"
    UNKNOWN_REQUEST = 6, "unknown request"
    INVALID_ADDRESS = 7, "invalid address"
    INVALID_PUBKEY = 8, "invalid pubkey"
    UNKNOWN_ADDRESS = 9, "unknown address"
    INVALID_COINS = 10, "invalid coins"
    OUT_OF_GAS = 11, "out of gas"
    MEMO_TOO_LARGE = 12, "memo too large"
    INSUFFICIENT_FEE = 13, "insufficient fee"
    TOO_MANY_SIGNATURES = 14, "maximum number of signatures exceeded"
    NO_SIGNATURES = 15, "no signatures supplied"
    INVALID_REQUEST = 18, "invalid request"
    TX_IN_MEMPOOL = 19, "tx already in mempool"
    MEMPOOL_FULL = 20, "mempool is full"
    TX_TOO_LARGE = 21, "tx too large"
    INVALID_TYPE = 29, "invalid type"
    TIMEOUT_HEIGHT = 30, "tx timeout height"
    WRONG_SEQUENCE = 32, "incorrect account sequence"


class Authz(Coded):
    """Of grants."""

    NO_AUTHORIZATION = 2, "authorization not found"
    EXPIRATION_TIME = 3, "expiration time of authorization should be more than current time"
    UNKNOWN_AUTHORIZATION = 4, "unknown authorization type"
    EXPIRED = 6, "authorization expired"
    GRANTEE_IS_GRANTER = 7, "grantee and granter should be different"


_CODESPACES: dict[type[Coded], str] = {Code: "exchange", Sdk: "sdk", Authz: "authz"}


class Failed(Exception):
    """A message that fails its transaction, or a transaction that a node does not take."""

    def __init__(self, code: int, codespace: str, log: str) -> None:
        super().__init__(log)
        self.code = code
        self.codespace = codespace
        self.log = log
        self.order_hash = ""
        """Of the order that was refused, once it had one."""


def failure(code: Coded, detail: str = "") -> Failed:
    """A detail comes before the error's own words, as the chain wraps errors."""
    return Failed(int(code), _CODESPACES[type(code)], f"{detail}: {code.words}" if detail else code.words)
