import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.gas import gas_used
from defi_analytics.sandbox.chain.transaction import decode, hash_of, receivers, signer_of
from defi_analytics.sandbox.ledger.failed import Failed
from tests.sandbox.chain.signing import Wallet, needs_sdk, pack
from tests.shared_data import shared

pytestmark = needs_sdk
OTHER = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"


def send(sender, to=OTHER):
    message = protobufs.new("cosmos.bank.v1beta1.MsgSend")
    message.from_address, message.to_address = sender, to
    message.amount.add(denom="inj", amount="5")
    return message


def test_the_official_sdks_transaction_is_read_as_it_was_signed():
    golden = json.loads(shared("samples/injective/golden/signed_tx.json").read_bytes())
    import base64

    transaction = decode(base64.b64decode(golden["tx_bytes_base64"]))
    assert transaction.tx_hash == golden["tx_hash"] == hash_of(transaction.raw)
    assert (transaction.sequence, transaction.gas_limit, transaction.timeout_height) == (3, 225_000, 1_000)
    assert transaction.fee == 36_000_000_000_000
    assert transaction.document("injective-888", 7).hex() == golden["sign_doc_hex"]
    assert transaction.signature.hex() == golden["signature_hex"]
    assert transaction.signer == Wallet().address


def refusal(raw):
    with pytest.raises(Failed) as refused:
        decode(raw)
    return refused.value.code, refused.value.log


def test_a_transaction_needs_a_message():
    assert refusal(Wallet().sign())[0] == 18


def test_every_message_must_be_of_the_same_account():
    wallet = Wallet()
    code, log = refusal(wallet.sign(wallet.market_order(), send(OTHER)))
    assert (code, "invalid number of signer" in log) == (4, True)


@pytest.mark.parametrize("name", ["cosmos.base.v1beta1.Coin", "cosmos.tx.v1beta1.TxBody"])
def test_a_message_the_chain_does_not_run_is_no_transaction(name):
    code, log = refusal(Wallet().sign(protobufs.new(name)))
    assert (code, log) == (2, f"unable to resolve type URL /{name}: tx parse error")


def execute(*messages):
    found = protobufs.new("cosmos.authz.v1beta1.MsgExec")
    found.grantee = Wallet().address
    for message in messages:
        pack(found.msgs.add(), message)
    return found


def test_messages_inside_others_must_be_known_too():
    unknown = execute(protobufs.new("cosmos.tx.v1beta1.TxBody"))
    assert refusal(Wallet().sign(unknown))[0] == 2
    broken = execute(send(OTHER))
    broken.msgs[0].value = b"\xff"
    assert refusal(Wallet().sign(broken))[0] == 2
    invented = execute(send(OTHER))
    invented.msgs[0].type_url = "/injective.exchange.v2.MsgInvented"
    assert refusal(Wallet().sign(invented))[0] == 2


def test_a_message_of_the_exchange_that_does_not_exist_is_no_transaction():
    wallet = Wallet()
    raw = protobufs.parsed("cosmos.tx.v1beta1.TxRaw", wallet.sign(wallet.market_order()))
    body = protobufs.parsed("cosmos.tx.v1beta1.TxBody", raw.body_bytes)
    response = "/injective.exchange.v2.MsgDepositResponse"
    for url, value in (
        (response, b""),
        ("/injective.exchange.v2.MsgInvented", b""),
        (body.messages[0].type_url, b"\xff"),
    ):
        body.messages[0].type_url, body.messages[0].value = url, value
        raw.body_bytes = body.SerializeToString()
        assert refusal(raw.SerializeToString())[0] == 2


def test_who_a_message_is_from_depends_on_its_kind():
    assert signer_of(send("a")) == "a"
    assert signer_of(execute(send(OTHER))) == Wallet().address
    grant = protobufs.new("cosmos.authz.v1beta1.MsgGrant")
    grant.granter, grant.grantee = "granter", "grantee"
    assert signer_of(grant) == "granter"
    assert list(receivers([grant, execute(send(OTHER, "c")), Wallet().market_order()])) == ["grantee", "c"]


def changed(change):
    """A signed transaction whose parts were changed afterwards."""
    wallet = Wallet()
    raw = protobufs.parsed("cosmos.tx.v1beta1.TxRaw", wallet.sign(wallet.market_order()))
    auth = protobufs.parsed("cosmos.tx.v1beta1.AuthInfo", raw.auth_info_bytes)
    change(raw, auth)
    raw.auth_info_bytes = auth.SerializeToString()
    return raw.SerializeToString()


def no_signature(raw, auth):
    del raw.signatures[:]


def two_signers(raw, auth):
    auth.signer_infos.add()


def another_mode(raw, auth):
    auth.signer_infos[0].mode_info.single.mode = 127


def another_key(raw, auth):
    auth.signer_infos[0].public_key.type_url = "/cosmos.crypto.secp256k1.PubKey"


def broken_key(raw, auth):
    auth.signer_infos[0].public_key.value = b"\xff"


def no_amount(raw, auth):
    auth.fee.amount[0].amount = "1.5"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (no_signature, 15),
        (two_signers, 4),
        (another_mode, 4),
        (another_key, 8),
        (broken_key, 2),
        (no_amount, 2),
    ],
)
def test_what_is_not_signed_as_it_must_be_is_refused(change, code):
    assert refusal(changed(change))[0] == code


def test_messages_are_not_nested_without_end():
    deep = execute(send(Wallet().address))
    for _ in range(5):
        deep = execute(deep)
    decode(Wallet().sign(deep))
    code, log = refusal(Wallet().sign(execute(execute(deep))))
    assert (code, "too deeply" in log) == (18, True)


@given(st.data())
def test_bytes_that_were_changed_on_the_way_never_raise_anything_else(data):
    wallet = Wallet()
    raw = bytearray(wallet.sign(wallet.market_order()))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(Failed):
        gas_used(decode(bytes(raw)))


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise_anything_else(raw):
    with pytest.raises(Failed):
        decode(raw)
