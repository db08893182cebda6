from defi_analytics.sandbox.chain.events import of_ante, of_message, typed
from defi_analytics.sandbox.chain.transaction import decode
from tests.sandbox.chain.signing import Wallet, needs_sdk


@needs_sdk
def test_what_paid_tells_its_fee_sequence_and_signature():
    wallet = Wallet()
    transaction = decode(wallet.sign(wallet.market_order(), sequence=5))
    told = {key: value for event in of_ante(transaction) for key, value in event.attributes}
    assert told["fee"] == "48000000000000inj"
    assert (told["fee_payer"], told["acc_seq"]) == (wallet.address, f"{wallet.address}/5")


@needs_sdk
def test_a_message_tells_its_action_module_sender_and_place():
    (event,) = of_message(Wallet().market_order(), "inj1sender", 2)
    told = dict(event.attributes)
    assert told["action"] == "/injective.exchange.v2.MsgCreateSpotMarketOrder"
    assert (told["module"], told["sender"], told["msg_index"]) == ("exchange", "inj1sender", "2")


def test_a_typed_event_tells_each_field_as_json():
    event = typed("a.B", {"name": "x", "flag": True, "many": [1], "none": None}, ("mode", "EndBlock"))
    assert event.kind == "a.B"
    assert event.attributes == (
        ("name", '"x"'),
        ("flag", "true"),
        ("many", "[1]"),
        ("none", "null"),
        ("mode", "EndBlock"),
    )
