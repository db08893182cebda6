"""Transactions in SIGN_MODE_DIRECT with an ethsecp256k1 key.

Source: cosmos.tx.v1beta1 TxBody, AuthInfo, SignDoc, TxRaw; Injective signs the Keccak-256 of the SignDoc.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from defi_analytics.errors import ExecutionError
from defi_analytics.ports import Signer
from defi_analytics.venues.injective.chain.protos import packed, protos

FEE_DENOM = "inj"
_SIGNATURE_BYTES = 64


class Bill(NamedTuple):
    gas: int
    fee: int
    """inj-wei."""


@dataclass(frozen=True, slots=True)
class Unsigned:
    """All that a signature covers, but the bill."""

    body: bytes
    chain_id: str
    account_number: int
    sequence: int


def body_of(messages: Sequence[Any], timeout_height: int, latest_height: int) -> bytes:
    """Raises ExecutionError for a timeout height that never comes or has passed: zero means never."""
    if not timeout_height > latest_height > 0:
        raise ExecutionError(
            f"timeout height {timeout_height} is not beyond block {latest_height}: nothing was signed"
        )
    body = protos().tx.TxBody(
        messages=[packed(message) for message in messages], timeout_height=timeout_height
    )
    return bytes(body.SerializeToString(deterministic=True))


def unsigned_bytes(unsigned: Unsigned, public_key: bytes) -> bytes:
    """For a simulation, which checks no signature but wants one to be there."""
    auth = _auth_info(unsigned, public_key, Bill(0, 0))
    return _raw(unsigned.body, auth, b"")


def signed_bytes(unsigned: Unsigned, bill: Bill, signer: Signer) -> bytes:
    auth = _auth_info(unsigned, signer.public_key, bill)
    document = protos().tx.SignDoc(
        body_bytes=unsigned.body,
        auth_info_bytes=auth,
        chain_id=unsigned.chain_id,
        account_number=unsigned.account_number,
    )
    signature = signer.sign(document.SerializeToString(deterministic=True))
    if len(signature) != _SIGNATURE_BYTES:
        raise ExecutionError("the signer gave no signature of 64 bytes: nothing was sent")
    return _raw(unsigned.body, auth, signature)


def tx_hash(tx_bytes: bytes) -> str:
    return hashlib.sha256(tx_bytes).hexdigest().upper()


def _auth_info(unsigned: Unsigned, public_key: bytes, bill: Bill) -> bytes:
    own = protos()
    direct = own.tx.ModeInfo(single=own.tx.ModeInfo.Single(mode=own.signing.SIGN_MODE_DIRECT))
    signer = own.tx.SignerInfo(
        public_key=packed(own.keys.PubKey(key=public_key)), mode_info=direct, sequence=unsigned.sequence
    )
    fee = own.tx.Fee(amount=[own.coin.Coin(denom=FEE_DENOM, amount=str(bill.fee))], gas_limit=bill.gas)
    return bytes(own.tx.AuthInfo(signer_infos=[signer], fee=fee).SerializeToString(deterministic=True))


def _raw(body: bytes, auth: bytes, signature: bytes) -> bytes:
    raw = protos().tx.TxRaw(body_bytes=body, auth_info_bytes=auth, signatures=[signature])
    return bytes(raw.SerializeToString(deterministic=True))
