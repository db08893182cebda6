import base64
import json

from tests.sandbox.chain.signing import Wallet, needs_sdk

pytestmark = needs_sdk


async def test_the_status_is_a_json_rpc_answer_with_the_latest_block(get, sandbox):
    found = await get("/status")
    assert (found["jsonrpc"], found["id"]) == ("2.0", -1)
    result = found["result"]
    assert result["node_info"]["network"] == "injective-777"
    assert result["sync_info"]["latest_block_height"] == str(sandbox.moment().height)
    assert result["sync_info"]["catching_up"] is False


async def test_a_blocks_results_hold_its_transactions_and_their_fills(get, sandbox):
    wallet = Wallet()
    sandbox.chain.broadcast(wallet.sign(wallet.market_order("filled", quantity="2")))
    sandbox.advance()
    height = sandbox.moment().height
    result = (await get("/block_results", height=str(height)))["result"]
    (tx,) = result["txs_results"]
    assert (tx["code"], tx["gas_wanted"]) == (0, "300000")
    assert b"MsgCreateSpotMarketOrderResponse" in base64.b64decode(tx["data"])
    (event,) = result["finalize_block_events"]
    assert event["type"] == "injective.exchange.v2.EventBatchSpotExecution"
    told = {one["key"]: one["value"] for one in event["attributes"]}
    assert (told["is_buy"], told["executionType"], told["mode"]) == ("true", '"Market"', "EndBlock")
    (trade,) = json.loads(told["trades"])
    assert (trade["quantity"], trade["cid"]) == ("2.000000000000000000", "filled")
    assert (
        base64.b64decode(trade["subaccount_id"]).hex()
        == "f39fd6e51aad88f6f4ce6ab8827279cfffb92266" + "0" * 24
    )
    (record,) = sandbox.chain.ledger.trades()
    assert base64.b64decode(trade["order_hash"]).hex() == record.order_hash[2:]


async def test_an_empty_block_has_no_results(get, sandbox):
    sandbox.advance(3)
    result = (await get("/block_results"))["result"]
    assert result["height"] == str(sandbox.moment().height)
    assert (result["txs_results"], result["finalize_block_events"]) == (None, [])


async def test_heights_that_are_not_there_are_internal_errors(get, sandbox):
    height = sandbox.moment().height
    for asked, words in ((height + 1, "must be less than"), (5, "lowest height"), ("x", "invalid")):
        found = await get("/block_results", 500, height=str(asked))
        assert words in found["error"]["data"]
