"""What the chain's refusals mean, by code and by the description that a simulation answers with.

Source: InjectiveLabs/injective-core modules/exchange/types/errors.go, cosmos/cosmos-sdk types/errors: the
registered description of an error ends its text, whatever it was wrapped in.
"""

import re
from typing import NamedTuple

from defi_analytics.domain.text import safe
from defi_analytics.errors import OrderRejected

EXCHANGE, SDK, AUTHZ, LOCAL = "exchange", "sdk", "authz", "local"
WRONG_SEQUENCE = 32
IN_MEMPOOL = 19
_SHOWN = 200
_MISMATCH = re.compile(r"account sequence mismatch, expected (\d{1,19}), got (\d{1,19})")


class Known(NamedTuple):
    codespace: str
    code: int
    chain_says: str
    """The registered description, or enough of it."""
    means: str


_KNOWN = (
    Known(EXCHANGE, 6, "subaccount has insufficient deposits", "the subaccount has too little to lock"),
    Known(EXCHANGE, 8, "position quantity insufficient for order", "it would reduce more than the position"),
    Known(EXCHANGE, 16, "invalid price", "the price is not one the market takes"),
    Known(EXCHANGE, 17, "invalid quantity", "the quantity is not one the market takes"),
    Known(EXCHANGE, 19, "order doesnt exist", "no such order rests: it was filled, cancelled or expired"),
    Known(EXCHANGE, 24, "no liquidity on the orderbook!", "the other side of the book is empty"),
    Known(
        EXCHANGE, 25, "orderbook liquidity cannot satisfy current worst price", "no offer at the worst price"
    ),
    Known(EXCHANGE, 26, "insufficient margin", "the margin is below what the market demands"),
    Known(EXCHANGE, 28, "position not found", "there is no such position to reduce"),
    Known(
        EXCHANGE,
        29,
        "position direction does not oppose the reduce-only order",
        "it would not reduce the position",
    ),
    Known(
        EXCHANGE, 30, "price Surpasses Bankruptcy Price", "the price lies beyond the position's bankruptcy"
    ),
    Known(EXCHANGE, 32, "invalid trigger price", "the trigger price is already passed, or none"),
    Known(EXCHANGE, 37, "exceeds order side count", "too many orders rest on this side"),
    Known(
        EXCHANGE,
        38,
        "market order in the same market was already placed in same block",
        "one market order per market and block",
    ),
    Known(
        EXCHANGE,
        39,
        "conditional market order in same relative direction already exists",
        "a stop order rests in this direction already",
    ),
    Known(EXCHANGE, 41, "invalid market status", "the market is paused or closed"),
    Known(EXCHANGE, 47, "spot exchange is not enabled yet", "spot trading is switched off"),
    Known(EXCHANGE, 48, "derivatives exchange is not enabled yet", "derivatives trading is switched off"),
    Known(EXCHANGE, 59, "post-only order exceeds top of book price", "a post-only order would have crossed"),
    Known(EXCHANGE, 76, "market not found", "the chain has no such market"),
    Known(EXCHANGE, 95, "insufficient funds", "the account has too little"),
    Known(
        EXCHANGE,
        96,
        "exchange is in post-only mode",
        "after a halt only post-only orders are taken for a while",
    ),
    Known(EXCHANGE, 97, "client order id already exists", "an order of this client id rests already"),
    Known(EXCHANGE, 98, "client order id is invalid. Max length is 36 chars", "the client id is too long"),
    Known(EXCHANGE, 100, "invalid notional", "it is worth less than the market's minimum"),
    Known(EXCHANGE, 101, "stale oracle price", "the market's oracle is stale"),
    Known(EXCHANGE, 107, "invalid expiration block", "it would have expired before it could rest"),
    Known(EXCHANGE, 112, "open notional cap breached", "the market is full: its open notional is capped"),
    Known(AUTHZ, 2, "authorization not found", "the account has not granted this key what it needs"),
    Known(AUTHZ, 6, "authorization expired", "the account's grant to this key has expired"),
    Known(
        SDK, 4, "unauthorized", "the key is not allowed to: a grant is missing, expired or for other markets"
    ),
    Known(SDK, 5, "insufficient funds", "the key has too little INJ for gas"),
    Known(SDK, 9, "unknown address", "the account does not exist on this chain yet"),
    Known(SDK, 11, "out of gas", "it needed more gas than it was given"),
    Known(SDK, 13, "insufficient fee", "the gas price is below the chain's"),
    Known(SDK, IN_MEMPOOL, "tx already in mempool", "this very transaction is waiting already"),
    Known(SDK, 20, "mempool is full", "the node takes no more transactions at the moment"),
    Known(SDK, 21, "tx too large", "the transaction is too large"),
    Known(SDK, 30, "tx timeout height", "its timeout height is passed"),
    Known(SDK, WRONG_SEQUENCE, "incorrect account sequence", "another transaction of this key came between"),
)
_BY_CODE = {(known.codespace, known.code): known for known in _KNOWN}


def explained(codespace: str, code: int) -> str:
    """A plain sentence for a code; the bare code where it is one we never meet."""
    known = _BY_CODE.get((codespace, code))
    return f"{known.means} ({codespace} {code})" if known else f"refused with {safe(codespace, 32)} {code}"


def refused(text: str) -> OrderRejected:
    """What a simulation's text says, as an error with code and codespace where it names one we know."""
    # The description stands last, but for the place in the source and the gas used, so the last one counts.
    found = max(_KNOWN, key=lambda known: (text.rfind(known.chain_says), len(known.chain_says)))
    if text.rfind(found.chain_says) < 0:
        return OrderRejected(f"the chain would refuse it: {safe(text, _SHOWN)}")
    codespace = found.codespace
    if found.chain_says == "insufficient funds":
        # Both modules register these words; only the ante handler, which takes the fee, knows of fees.
        codespace = SDK if "fee" in text or "spendable balance" in text else EXCHANGE
    code = next(k.code for k in _KNOWN if (k.codespace, k.chain_says) == (codespace, found.chain_says))
    return OrderRejected(explained(codespace, code), order_code=code, codespace=codespace)


def coded(client_order_id: str, code: int) -> OrderRejected:
    """An order that would fail though its transaction would not."""
    whose = safe(client_order_id, 36) if client_order_id else "an order of it"
    message = f"{whose}: {explained(EXCHANGE, code)}"
    return OrderRejected(message, order_code=code, codespace=EXCHANGE)


def local(message: str, hint: str = "") -> OrderRejected:
    """A refusal of our own, before anything is signed."""
    return OrderRejected(message, codespace=LOCAL, hint=hint)


def expected_sequence(text: str) -> int | None:
    """What a sequence mismatch says the next one must be; None for any other text."""
    found = _MISMATCH.search(text)
    return int(found[1]) if found else None
