from collections.abc import Mapping
from typing import Any

import pytest

from defi_analytics.domain.transaction import OrderResult
from defi_analytics.venues.injective.chain.protos import packed, protos
from tests.shared_data import shared
from tests.venues.injective.chain.kit import HEIGHT, msg_data
from tests.venues.injective.chain.kit_outcome import ONE, TWO, batch, found, order_fail, outcome


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


async def test_other_messages_answer_nothing_about_orders():
    cancelled = protos().exchange.MsgCancelSpotOrderResponse()
    assert (await found(outcome(msg_data(cancelled)))).orders == ()


@pytest.mark.parametrize("delegated", [True, False])
async def test_an_order_that_was_passed_over_because_its_market_paused_is_refused_without_its_name(
    delegated: bool,
):
    inner = batch(spot_market_order_hashes=["", ONE, "24"],
        created_spot_market_orders_cids=["b"],
        failed_spot_market_orders_cids=["c"],
    )  # fmt: skip
    execute = protos().authz_messages.MsgExecResponse(results=[inner.SerializeToString()])
    result = await found(outcome(msg_data(execute if delegated else inner)))
    told = OrderResult("b", ONE), OrderResult("c", error_code=24), OrderResult("", error_code=41)
    assert result.orders == told


@pytest.mark.parametrize(
    "fields",
    [
        {"spot_order_hashes": [ONE, "59"], "created_spot_orders_cids": ["a"]},
        {"spot_order_hashes": [ONE], "created_spot_orders_cids": ["a", "b"]},
        {"spot_order_hashes": ["0x12"], "created_spot_orders_cids": ["a"]},
    ],
)
async def test_of_a_batch_whose_slots_do_not_fit_its_orders_only_the_events_are_believed(
    fields: Mapping[str, Any],
):
    data = msg_data(batch(**fields))
    assert (await found(outcome(data))).orders == ()
    told = (await found(outcome(data, [order_fail("[59]", '["b"]')]))).orders
    assert told == (OrderResult("b", error_code=59),)


async def test_data_cut_in_the_middle_tell_of_no_order_and_hide_no_inclusion():
    answer = packed(batch(spot_order_hashes=[ONE], created_spot_orders_cids=["a"]))
    data = protos().results.TxMsgData(msg_responses=[answer]).SerializeToString()
    result = await found(outcome(data[:-3]))
    assert (result.height, result.code, result.orders) == (HEIGHT, 0, ())


def test_a_recorded_answer_of_a_delegated_market_order_is_read():
    text = shared("samples/injective/chain_docs/account.get_tx.python.txt").read_text()
    data = bytes.fromhex(text.partition('"data":"')[2].partition('"')[0])
    (answer,) = protos().results.TxMsgData.FromString(data).msg_responses
    (result,) = protos().authz_messages.MsgExecResponse.FromString(answer.value).results
    order = protos().exchange.MsgCreateSpotMarketOrderResponse.FromString(result)
    assert order.order_hash.startswith("0x41f01e6b2fdd3b4c")
