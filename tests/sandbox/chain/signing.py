"""Signed transactions for tests, made with the official SDK's own code."""

import base64
import importlib.util
import os
import sys

import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.genesis import DEV_KEY
from defi_analytics.sandbox.node import CHAIN_ID

needs_sdk = pytest.mark.skipif(
    importlib.util.find_spec("pyinjective") is None
    and (os.environ.get("CI") != "true" or sys.version_info >= (3, 13)),
    reason="the official SDK is not installed: pip install defi-analytics[injective]",
)
INJ_USDT = "0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0"
GAS = 300_000


class Wallet:
    def __init__(self, key=DEV_KEY):
        import coincurve

        from defi_analytics.sandbox.chain.crypto import address_of

        self.key = coincurve.PrivateKey(bytes.fromhex(key))
        self.public_key = self.key.public_key.format()
        self.address = address_of(self.public_key)
        self.subaccount = ""

    def market_order(self, cid="a", price="1000", quantity="1", market_id=INJ_USDT, sender=None):
        message = protobufs.new("injective.exchange.v2.MsgCreateSpotMarketOrder")
        message.sender = sender or self.address
        message.order.market_id, message.order.order_type = market_id, 1
        info = message.order.order_info
        info.price, info.quantity, info.cid = price + "0" * 18, quantity + "0" * 18, cid
        return message

    def sign(
        self,
        *messages,
        sequence=0,
        number=7,
        chain_id=CHAIN_ID,
        gas=GAS,
        fee=None,
        memo="",
        timeout=0,
        key=True,
        low=True,
    ):
        body = protobufs.new("cosmos.tx.v1beta1.TxBody")
        for message in messages:
            pack(body.messages.add(), message)
        body.memo, body.timeout_height = memo, timeout
        auth = protobufs.new("cosmos.tx.v1beta1.AuthInfo")
        info = auth.signer_infos.add(sequence=sequence)
        info.mode_info.single.mode = 1
        if key:
            public_key = protobufs.new("injective.crypto.v1beta1.ethsecp256k1.PubKey")
            public_key.key = self.public_key
            pack(info.public_key, public_key)
        auth.fee.gas_limit = gas
        auth.fee.amount.add(denom="inj", amount=str(gas * 160_000_000 if fee is None else fee))
        document = protobufs.new("cosmos.tx.v1beta1.SignDoc")
        document.body_bytes, document.auth_info_bytes = body.SerializeToString(), auth.SerializeToString()
        document.chain_id, document.account_number = chain_id, number
        raw = protobufs.new("cosmos.tx.v1beta1.TxRaw")
        raw.body_bytes, raw.auth_info_bytes = document.body_bytes, document.auth_info_bytes
        raw.signatures.append(self.signature(document.SerializeToString()))
        return raw.SerializeToString()

    def signature(self, document):
        from defi_analytics.sandbox.chain.crypto import keccak

        return self.key.sign_recoverable(keccak(document), hasher=None)[:64]


def pack(target, message):
    target.type_url, target.value = f"/{message.DESCRIPTOR.full_name}", message.SerializeToString()


def encoded(raw):
    return base64.b64encode(raw).decode()
