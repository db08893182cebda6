"""Transactions as they arrive: decoded, with what their signature covers.

Source: cosmos.tx.v1beta1 TxRaw, TxBody, AuthInfo and SignDoc.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.ledger.failed import Sdk, failure

_KEY_TYPE = "/injective.crypto.v1beta1.ethsecp256k1.PubKey"
_DIRECT = 1
_MESSAGES = frozenset(
    {
        "/cosmos.bank.v1beta1.MsgSend",
        "/cosmos.authz.v1beta1.MsgGrant",
        "/cosmos.authz.v1beta1.MsgExec",
        "/cosmos.authz.v1beta1.MsgRevoke",
    }
)
_EXCHANGE = ("/injective.exchange.v2.Msg", "/injective.exchange.v1beta1.Msg")
_DEEPEST = 6
_SIGNER_FIELDS = ("sender", "from_address", "granter", "grantee")


@dataclass(frozen=True, slots=True)
class Transaction:
    raw: bytes
    tx_hash: str
    """SHA-256 of the bytes, upper-case hexadecimal."""
    messages: tuple[Any, ...]
    """Protobuf messages, unpacked."""
    signer: str
    """The one account that every message says it is from."""
    public_key: bytes
    """Compressed; empty when the transaction does not carry it."""
    sequence: int
    signature: bytes
    memo: str
    timeout_height: int
    gas_limit: int
    fee: int
    """In the smallest unit of INJ."""
    body_bytes: bytes
    auth_bytes: bytes

    def document(self, chain_id: str, account_number: int) -> bytes:
        """What must have been signed for this chain and account."""
        found = protobufs.new("cosmos.tx.v1beta1.SignDoc")
        found.body_bytes, found.auth_info_bytes = self.body_bytes, self.auth_bytes
        found.chain_id, found.account_number = chain_id, account_number
        raw: bytes = found.SerializeToString()
        return raw


def hash_of(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest().upper()


def decode(raw: bytes) -> Transaction:
    """Raises Failed as the chain does, before any state is looked at."""
    try:
        tx = protobufs.parsed("cosmos.tx.v1beta1.TxRaw", raw)
        body = protobufs.parsed("cosmos.tx.v1beta1.TxBody", tx.body_bytes)
        auth = protobufs.parsed("cosmos.tx.v1beta1.AuthInfo", tx.auth_info_bytes)
    except ValueError as error:
        raise failure(Sdk.TX_DECODE, str(error)) from error
    messages = tuple(unpacked(one) for one in body.messages)
    for message in messages:
        _check_nested(message)
    if not messages:
        raise failure(Sdk.INVALID_REQUEST, "must contain at least one message")
    info = _signer_info(auth, tx)
    return Transaction(
        raw=raw,
        tx_hash=hash_of(raw),
        messages=messages,
        signer=_only_signer(messages),
        public_key=_public_key(info),
        sequence=info.sequence,
        signature=tx.signatures[0],
        memo=body.memo,
        timeout_height=body.timeout_height,
        gas_limit=auth.fee.gas_limit,
        fee=sum(int(coin.amount) for coin in auth.fee.amount if _is_inj(coin)),
        body_bytes=tx.body_bytes,
        auth_bytes=tx.auth_info_bytes,
    )


def unpacked(packed: Any) -> Any:
    """The message inside an Any. Raises Failed for a type this chain does not run."""
    url = packed.type_url
    if url not in _MESSAGES and not url.startswith(_EXCHANGE):
        raise failure(Sdk.TX_DECODE, f"unable to resolve type URL {url}")
    try:
        message = protobufs.parsed(url[1:], packed.value)
    except KeyError as error:
        raise failure(Sdk.TX_DECODE, f"unable to resolve type URL {url}") from error
    except ValueError as error:
        raise failure(Sdk.TX_DECODE, str(error)) from error
    if not any(field in message.DESCRIPTOR.fields_by_name for field in _SIGNER_FIELDS):
        raise failure(Sdk.TX_DECODE, f"unable to resolve type URL {url}")
    return message


def _check_nested(message: Any, depth: int = 0) -> None:
    if message.DESCRIPTOR.name != "MsgExec":
        return
    if depth > _DEEPEST:
        raise failure(Sdk.INVALID_REQUEST, "messages are nested too deeply")
    for packed in message.msgs:
        _check_nested(unpacked(packed), depth + 1)


def signer_of(message: Any) -> str:
    """Who a message says it is from."""
    fields = message.DESCRIPTOR.fields_by_name
    if message.DESCRIPTOR.name == "MsgExec":
        return str(message.grantee)
    return str(getattr(message, next(field for field in _SIGNER_FIELDS if field in fields)))


def receivers(messages: Iterable[Any]) -> Iterator[str]:
    """Whose accounts these messages create where there are none yet: who gets money or a grant."""
    for message in messages:
        name = message.DESCRIPTOR.name
        if name == "MsgSend":
            yield message.to_address
        elif name == "MsgGrant":
            yield message.grantee
        elif name == "MsgExec":
            yield from receivers(unpacked(one) for one in message.msgs)


def _only_signer(messages: tuple[Any, ...]) -> str:
    signers = {signer_of(one) for one in messages}
    if len(signers) != 1:
        raise failure(Sdk.UNAUTHORIZED, f"invalid number of signer;  expected: {len(signers)}, got 1")
    return signers.pop()


def _signer_info(auth: Any, tx: Any) -> Any:
    if not tx.signatures:
        raise failure(Sdk.NO_SIGNATURES)
    if len(auth.signer_infos) != 1 or len(tx.signatures) != 1:
        count = max(len(auth.signer_infos), len(tx.signatures))
        raise failure(Sdk.UNAUTHORIZED, f"invalid number of signer;  expected: 1, got {count}")
    (info,) = auth.signer_infos
    if info.mode_info.single.mode != _DIRECT:
        raise failure(Sdk.UNAUTHORIZED, "this sandbox verifies SIGN_MODE_DIRECT only")
    return info


def _public_key(info: Any) -> bytes:
    if not info.HasField("public_key"):
        return b""
    if info.public_key.type_url != _KEY_TYPE:
        raise failure(Sdk.INVALID_PUBKEY, f"unsupported key type {info.public_key.type_url}")
    try:
        key: bytes = protobufs.parsed(_KEY_TYPE[1:], info.public_key.value).key
    except ValueError as error:
        raise failure(Sdk.TX_DECODE, str(error)) from error
    return key


def _is_inj(coin: Any) -> bool:
    if not re.fullmatch(r"[0-9]{1,40}", coin.amount):
        raise failure(Sdk.TX_DECODE, f"{coin.amount!r} is not an amount")
    return bool(coin.denom == "inj")
