"""Transactions and accounts over REST.

Source: cosmos.tx.v1beta1.Service and cosmos.auth.v1beta1.Query, as the chain's gateway writes them.
"""

import base64
import binascii
import re
from typing import Any

import msgspec

from defi_analytics.sandbox.chain import protobufs, protojson
from defi_analytics.sandbox.chain.abci import Event, TxResult
from defi_analytics.sandbox.chain.accounts import Account
from defi_analytics.sandbox.chain.transaction import Transaction
from defi_analytics.sandbox.gateway import Code, Refused, Route
from defi_analytics.sandbox.ledger.failed import Failed
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

_NO_CODE_HASH = "xdJGAYb3IzySfn2y3McDwOUAtlPKgic7e/rYBF2FpHA="
_MODES = {"BROADCAST_MODE_SYNC", "BROADCAST_MODE_ASYNC"}
_KEY_TYPE = "/injective.crypto.v1beta1.ethsecp256k1.PubKey"


def tx_bytes(request: Request) -> bytes:
    """The transaction in a request's body. Raises Refused."""
    if not protobufs.available():
        raise Refused(Code.UNIMPLEMENTED, "transactions need the official SDK: install the extra `injective`")
    return _decoded(_body(request).get("tx_bytes"))


def _body(request: Request) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Refused(Code.INVALID_ARGUMENT, str(error)) from error
    return body if isinstance(body, dict) else {}


def _decoded(text: object) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except binascii.Error as error:
        raise Refused(Code.INVALID_ARGUMENT, f"illegal base64 data: {error}") from error
    if not raw:
        raise Refused(Code.INVALID_ARGUMENT, "invalid empty tx")
    return raw


def _broadcast(moment: Moment, request: Request) -> Any:
    raw, mode = tx_bytes(request), _body(request).get("mode")
    if mode not in _MODES:
        raise Refused(Code.INVALID_ARGUMENT, f"unsupported return type {mode}; supported types: sync, async")
    return {"tx_response": tx_response(moment.chain.broadcast(raw))}


def _simulate(moment: Moment, request: Request) -> Any:
    raw = tx_bytes(request)
    try:
        found = moment.chain.simulate(raw)
    except Failed as failed:
        raise Refused(Code.UNKNOWN, f"{failed.log} with gas used: '0'") from failed
    responses = protobufs.parsed("cosmos.base.abci.v1beta1.TxMsgData", found.data)
    result = {
        "data": base64.b64encode(found.data).decode(),
        "log": "",
        "events": [_event(one) for one in found.events],
        "msg_responses": protojson.to_json(responses)["msg_responses"],
    }
    return {"gas_info": {"gas_wanted": "0", "gas_used": str(found.gas_used)}, "result": result}


def _find(moment: Moment, request: Request, tx_hash: str) -> Any:
    if not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", tx_hash):
        raise Refused(Code.INVALID_ARGUMENT, "The length of tx hash must be 64")
    found = moment.chain.find(tx_hash.removeprefix("0x"))
    if found is None or found.height > moment.height:
        raise Refused(Code.NOT_FOUND, f"tx not found: {tx_hash}")
    return {"tx": _tx(found.tx), "tx_response": tx_response(found)}


def tx_response(result: TxResult) -> dict[str, Any]:
    tx = {"@type": "/cosmos.tx.v1beta1.Tx", **_tx(result.tx)} if result.tx else None
    return {
        "height": str(result.height),
        "txhash": result.tx_hash,
        "codespace": result.codespace,
        "code": result.code,
        "data": result.data.hex().upper(),
        "raw_log": result.log,
        "logs": [],
        "info": "",
        "gas_wanted": str(result.gas_wanted),
        "gas_used": str(result.gas_used),
        "tx": tx,
        "timestamp": result.at.strftime("%Y-%m-%dT%H:%M:%SZ") if result.at else "",
        "events": [_event(one) for one in result.events],
    }


def _event(event: Event) -> dict[str, Any]:
    attributes = [{"key": key, "value": value, "index": True} for key, value in event.attributes]
    return {"type": event.kind, "attributes": attributes}


def _tx(transaction: Transaction | None) -> dict[str, Any]:
    if transaction is None:
        return {"body": None, "auth_info": None, "signatures": []}
    body = protobufs.parsed("cosmos.tx.v1beta1.TxBody", transaction.body_bytes)
    auth = protobufs.parsed("cosmos.tx.v1beta1.AuthInfo", transaction.auth_bytes)
    return {
        "body": protojson.to_json(body),
        "auth_info": protojson.to_json(auth),
        "signatures": [base64.b64encode(transaction.signature).decode()],
    }


def _account(moment: Moment, request: Request, address: str) -> Any:
    account = moment.chain.accounts.get(address)
    if account is None:
        raise Refused(Code.NOT_FOUND, f"account {address} not found: key not found")
    return {"account": _account_json(account, moment.block)}


def _accounts(moment: Moment, request: Request) -> Any:
    found = moment.chain.accounts.all()
    pagination = {"next_key": None, "total": str(len(found))}
    return {"accounts": [_account_json(one, moment.block) for one in found], "pagination": pagination}


def _account_json(account: Account, block: int) -> dict[str, Any]:
    key = base64.b64encode(account.public_key).decode()
    return {
        "@type": "/injective.types.v1beta1.EthAccount",
        "base_account": {
            "address": account.address,
            "pub_key": {"@type": _KEY_TYPE, "key": key} if account.public_key else None,
            "account_number": str(account.number),
            "sequence": str(account.sequence_at(block)),
        },
        "code_hash": _NO_CODE_HASH,
    }


def _auth_params(moment: Moment, request: Request) -> Any:
    return {
        "params": {
            "max_memo_characters": "256",
            "tx_sig_limit": "7",
            "tx_size_cost_per_byte": "10",
            "sig_verify_cost_ed25519": "590",
            "sig_verify_cost_secp256k1": "1000",
        }
    }


_AUTH, _TX = "/cosmos/auth/v1beta1", "/cosmos/tx/v1beta1"
ROUTES = (
    Route(f"POST {_TX}/txs", _broadcast),
    Route(f"POST {_TX}/simulate", _simulate),
    Route(f"GET {_TX}/txs/{{tx_hash}}", _find),
    Route(f"GET {_AUTH}/accounts", _accounts),
    Route(f"GET {_AUTH}/accounts/{{address}}", _account),
    Route(f"GET {_AUTH}/params", _auth_params),
)
