import base64

import pytest

from tests.sandbox.chain.signing import Wallet, needs_sdk

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
