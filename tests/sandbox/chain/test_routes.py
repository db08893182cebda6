import base64

import pytest

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.sandbox.chain.signing import Wallet, needs_sdk
from tests.shared_data import shared_json

pytestmark = needs_sdk

TXS = "/cosmos/tx/v1beta1/txs"


@pytest.fixture
def post(client):
    async def post(path, expected=200, /, **body):
        answer = await client.post(path, json=body)
        assert answer.status_code == expected, answer.text
        return answer.json()

    return post


@pytest.fixture
def broadcast(post):
    async def broadcast(raw, mode="BROADCAST_MODE_SYNC"):
        answer = await post(TXS, tx_bytes=base64.b64encode(raw).decode(), mode=mode)
        return answer["tx_response"]

    return broadcast


async def test_a_market_order_is_accepted_included_and_found_by_its_hash(get, broadcast, sandbox):
    wallet = Wallet()
    raw = wallet.sign(wallet.market_order("first"))
    told = await broadcast(raw)
    assert (told["code"], told["height"], told["raw_log"], told["tx"]) == (0, "0", "", None)
    assert (await get(f"{TXS}/{told['txhash']}", 404))["code"] == 5
    sandbox.advance()
    found = await get(f"{TXS}/{told['txhash']}")
    response = found["tx_response"]
    assert (response["code"], response["codespace"], response["txhash"]) == (0, "", told["txhash"])
    assert response["height"] == str(sandbox.moment().height)
    assert response["timestamp"].endswith("Z")
    (message,) = found["tx"]["body"]["messages"]
    assert message["@type"] == "/injective.exchange.v2.MsgCreateSpotMarketOrder"
    assert message["order"]["order_info"]["price"] == "1000.000000000000000000"
    assert (
        bytes.fromhex(response["data"]).find(b"/injective.exchange.v2.MsgCreateSpotMarketOrderResponse") > 0
    )
    block = await get(f"/cosmos/base/tendermint/v1beta1/blocks/{response['height']}")
    assert block["block"]["data"]["txs"] == [base64.b64encode(raw).decode()]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"mode": "BROADCAST_MODE_SYNC"}, 400, 3),
        ({"tx_bytes": "", "mode": "BROADCAST_MODE_SYNC"}, 400, 3),
        ({"tx_bytes": "?", "mode": "BROADCAST_MODE_SYNC"}, 400, 3),
        ({"tx_bytes": "AAAA", "mode": "BROADCAST_MODE_BLOCK"}, 400, 3),
        (["AAAA"], 400, 3),
    ],
)
async def test_what_is_no_broadcast_is_an_invalid_argument(client, body, status, code):
    answer = await client.post(TXS, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_body_that_is_no_json_is_an_invalid_argument(client):
    for content in (b"{", b'{"tx_bytes": "\xff"}'):
        assert (await client.post(TXS, content=content)).status_code == 400


async def test_bytes_that_are_no_transaction_are_a_parse_error(broadcast):
    for raw in (b"\xff\xff\xff", b"nonsense"):
        told = await broadcast(raw)
        assert (told["code"], told["codespace"]) == (2, "sdk")
        assert told["raw_log"].endswith("tx parse error")


async def test_a_simulation_tells_the_gas_the_events_and_the_responses(post, sandbox):
    wallet = Wallet()
    raw = wallet.sign(wallet.market_order("sim"), gas=0, fee=0)
    found = await post("/cosmos/tx/v1beta1/simulate", tx_bytes=base64.b64encode(raw).decode())
    assert 130_000 < int(found["gas_info"]["gas_used"]) < 180_000
    (response,) = found["result"]["msg_responses"]
    assert (response["@type"], response["cid"]) == (
        "/injective.exchange.v2.MsgCreateSpotMarketOrderResponse",
        "sim",
    )
    kinds = [event["type"] for event in found["result"]["events"]]
    assert kinds == ["tx", "tx", "tx", "message"]
    assert not len(sandbox.chain.mempool)


async def test_a_simulation_that_fails_is_an_unknown_error_with_the_chains_words(post):
    wallet = Wallet()
    raw = wallet.sign(wallet.market_order("sim", price="1"))
    found = await post("/cosmos/tx/v1beta1/simulate", 500, tx_bytes=base64.b64encode(raw).decode())
    assert found["code"] == 2
    assert found["message"].startswith("failed to execute message; message index: 0: ")
    assert "with gas used" in found["message"]


@pytest.mark.parametrize("tx_hash", ["x", "12", "G" * 64])
async def test_what_is_no_hash_is_an_invalid_argument(get, tx_hash):
    assert (await get(f"{TXS}/{tx_hash}", 400))["code"] == 3


async def test_an_account_tells_its_number_sequence_and_key(get, broadcast, sandbox):
    wallet = Wallet()
    path = f"/cosmos/auth/v1beta1/accounts/{wallet.address}"
    recorded = shared_json("samples/injective/derived_lcd/cosmos_auth_account.json")["account"]
    before = (await get(path))["account"]
    assert before.keys() == recorded.keys()
    assert before["base_account"].keys() == recorded["base_account"].keys()
    assert before["base_account"]["pub_key"] is None
    await broadcast(wallet.sign(wallet.market_order("a")))
    sandbox.advance()
    after = (await get(path))["account"]["base_account"]
    assert (after["account_number"], after["sequence"]) == ("7", "1")
    assert base64.b64decode(after["pub_key"]["key"]) == wallet.public_key
    everyone = await get("/cosmos/auth/v1beta1/accounts")
    assert [one["base_account"] for one in everyone["accounts"]] == [after]
    assert (await get("/cosmos/auth/v1beta1/params"))["params"]["max_memo_characters"] == "256"


async def test_an_account_that_was_never_funded_is_not_found(get):
    found = await get("/cosmos/auth/v1beta1/accounts/inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d", 404)
    assert found["code"] == 5


async def test_a_transaction_from_elsewhere_is_found_without_its_content(get, sandbox):
    wallet = Wallet()
    sandbox.chain.take_sequence(wallet.address)
    (entry,) = sandbox.chain.mempool
    sandbox.advance()
    sandbox.moment()
    found = await get(f"{TXS}/{entry.tx_hash}")
    assert (found["tx"]["body"], found["tx_response"]["code"]) == (None, 0)


async def test_without_the_sdk_transactions_are_not_implemented(post, get, monkeypatch):
    monkeypatch.setattr(protobufs, "available", lambda: False)
    for path in (TXS, "/cosmos/tx/v1beta1/simulate"):
        assert (await post(path, 501, tx_bytes="AAAA", mode="BROADCAST_MODE_SYNC"))["code"] == 12
    await get(f"/cosmos/auth/v1beta1/accounts/{DEV_ADDRESS}")
