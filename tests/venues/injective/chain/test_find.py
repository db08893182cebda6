import json
from collections.abc import Mapping
from typing import Any

import pytest

from defi_analytics.domain.transaction import OrderResult
from defi_analytics.errors import AuthError, DataError, Malformed, NotFound, Unavailable
from defi_analytics.venues.injective.chain.protos import packed, protos
from tests.shared_data import shared
from tests.venues.injective.chain.kit import HEIGHT, FakeNode, a_chain, block, msg_data, refusal

HASH = "AB" * 32
ONE, TWO = "0x" + "1a" * 32, "0x" + "2b" * 32


def outcome(data: bytes = b"", events: Any = (), **changes: Any) -> bytes:
    response = {
        "height": str(HEIGHT),
        "txhash": HASH,
        "codespace": "",
        "code": 0,
        "data": data.hex().upper(),
        "raw_log": "",
        "logs": [],
        "gas_wanted": "300000",
        "gas_used": "123456",
        "tx": None,
        "timestamp": "2026-01-02T12:00:00Z",
        "events": list(events),
    }
    return json.dumps({"tx": {}, "tx_response": response | changes}).encode()


def batch(**fields: Any) -> Any:
    return protos().exchange.MsgBatchUpdateOrdersResponse(**fields)


def order_fail(flags: str, cids: str) -> dict[str, Any]:
    pairs = {"account": '"aW5q"', "hashes": "[]", "flags": flags, "cids": cids, "msg_index": "0"}
    return {
        "type": "injective.exchange.v2.EventOrderFail",
        "attributes": [{"key": key, "value": value, "index": True} for key, value in pairs.items()],
    }


async def found(body: bytes) -> Any:
    return await a_chain(FakeNode(**{"/txs/": body})).find(HASH)


async def test_a_transaction_in_a_block_tells_where_and_what_became_of_its_order():
    answer = protos().exchange.MsgCreateSpotLimitOrderResponse(
        order_hash=ONE.upper().replace("0X", "0x"), cid="a"
    )
    result = await found(outcome(msg_data(answer)))
    assert (result.tx_hash, result.height, result.code, result.gas_used) == (HASH, HEIGHT, 0, 123456)
    assert result.at.isoformat() == "2026-01-02T12:00:00+00:00"
    assert result.orders == (OrderResult("a", ONE),)


@pytest.mark.parametrize(
    "name",
    [
        "MsgCreateSpotMarketOrderResponse",
        "MsgCreateDerivativeLimitOrderResponse",
        "MsgCreateDerivativeMarketOrderResponse",
    ],
)
async def test_every_kind_of_single_order_answers(name: str):
    answer = getattr(protos().exchange, name)(order_hash=TWO, cid="c")
    assert (await found(outcome(msg_data(answer)))).orders == (OrderResult("c", TWO),)


async def test_code_0_of_a_batch_is_not_success_of_its_orders():
    answer = batch(
        spot_order_hashes=["59", ONE],
        created_spot_orders_cids=["b"],
        failed_spot_orders_cids=["a"],
        derivative_market_order_hashes=["38"],
        failed_derivative_market_orders_cids=["c"],
    )
    result = await found(outcome(msg_data(answer)))
    assert result.code == 0
    assert result.orders == (
        OrderResult("a", error_code=59),
        OrderResult("b", ONE),
        OrderResult("c", error_code=38),
    )


async def test_a_batch_of_a_delegated_key_is_looked_into():
    inner = batch(spot_market_order_hashes=["24"], failed_spot_market_orders_cids=["m"])
    execute = protos().authz_messages.MsgExecResponse(results=[inner.SerializeToString()])
    assert (await found(outcome(msg_data(execute)))).orders == (OrderResult("m", error_code=24),)


async def test_an_order_that_the_events_call_failed_has_failed():
    answer = protos().exchange.MsgCreateSpotLimitOrderResponse(order_hash=ONE, cid="a")
    result = await found(
        outcome(msg_data(answer), [{"type": "tx", "attributes": None}, order_fail("[59,97]", '["a","z"]')])
    )
    assert result.orders == (OrderResult("a", error_code=59), OrderResult("z", error_code=97))


async def test_a_transaction_that_failed_tells_why_and_nothing_of_orders():
    result = await found(outcome(b"", code=11, codespace="sdk", raw_log="out of gas" * 100))
    assert (result.code, result.codespace, result.orders) == (11, "sdk", ())
    assert len(result.log) == 500


async def test_other_messages_answer_nothing_about_orders():
    cancelled = protos().exchange.MsgCancelSpotOrderResponse()
    assert (await found(outcome(msg_data(cancelled)))).orders == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        outcome(txhash="CD" * 32),
        outcome(height="0"),
        outcome(b"\xff\xff"),
        outcome(timestamp="0001-01-01T00:00:00Z"),
        outcome(timestamp=""),
        outcome(gas_used="many"),
        outcome(events=[order_fail("[1,2]", '["a"]')]),
        outcome(events=[order_fail("no", "[]")]),
    ],
)
async def test_a_transaction_that_makes_no_sense_is_malformed(body: bytes):
    with pytest.raises(Malformed, match="transaction"):
        await found(body)


@pytest.mark.parametrize(
    "fields",
    [
        {"spot_order_hashes": [ONE, "59"], "created_spot_orders_cids": ["a"]},
        {"spot_order_hashes": [ONE], "created_spot_orders_cids": ["a", "b"]},
        {"spot_order_hashes": ["0x12"], "created_spot_orders_cids": ["a"]},
    ],
)
async def test_a_batch_whose_slots_do_not_fit_its_orders_is_malformed(fields: Mapping[str, Any]):
    with pytest.raises(Malformed):
        await found(outcome(msg_data(batch(**fields))))


async def test_data_cut_in_the_middle_is_malformed():
    answer = packed(batch(spot_order_hashes=[ONE], created_spot_orders_cids=["a"]))
    data = protos().results.TxMsgData(msg_responses=[answer]).SerializeToString()
    with pytest.raises(Malformed):
        await found(outcome(data[:-3]))


async def test_only_the_gateways_own_not_found_means_that_there_is_none():
    node = FakeNode(**{"/txs/": refusal(404, 5, f"tx not found: {HASH}")})
    assert await a_chain(node).find(HASH) is None


def proxy_404(answer: bytes) -> DataError:
    error = NotFound("injective", "answered 404")
    error.status, error.answer = 404, answer
    return error


@pytest.mark.parametrize(
    "error",
    [
        proxy_404(b""),
        proxy_404(b"<html>404</html>"),
        proxy_404(b'{"message":"no route"}'),
        proxy_404(b'{"code":12,"message":"Not Implemented"}'),
        proxy_404(b"[" * 100_000),
        refusal(500, 5, "tx not found"),
        refusal(400, 3, "invalid hash"),
        Unavailable("injective", "down"),
    ],
)
async def test_anything_less_clear_is_not_an_absence(error: DataError):
    with pytest.raises(DataError):
        await a_chain(FakeNode(**{"/txs/": error})).find(HASH)


async def test_a_node_behind_the_highest_block_seen_has_no_say_in_an_absence():
    def lagging(headers: Mapping[str, str], body: bytes) -> bytes:
        raise (
            refusal(500, 2, "ahead")
            if int(headers["x-cosmos-block-height"]) > HEIGHT
            else refusal(404, 5, "tx not found")
        )

    chain = a_chain(FakeNode(**{"/txs/": lagging, "blocks/latest": [block(HEIGHT), block(HEIGHT + 40)]}))
    assert await chain.find(HASH) is None
    await chain.block()
    with pytest.raises(DataError):
        await chain.find(HASH)


async def test_a_node_of_another_chain_has_no_say_either():
    node = FakeNode(
        **{"/txs/": refusal(404, 5, "tx not found"), "blocks/latest": block(chain_id="injective-1")}
    )
    with pytest.raises(AuthError, match="injective-1"):
        await a_chain(node).find(HASH)


def test_a_recorded_answer_of_a_delegated_market_order_is_read():
    text = shared("samples/injective/chain_docs/account.get_tx.python.txt").read_text()
    data = bytes.fromhex(text.partition('"data":"')[2].partition('"')[0])
    (answer,) = protos().results.TxMsgData.FromString(data).msg_responses
    (result,) = protos().authz_messages.MsgExecResponse.FromString(answer.value).results
    order = protos().exchange.MsgCreateSpotMarketOrderResponse.FromString(result)
    assert order.order_hash.startswith("0x41f01e6b2fdd3b4c")
