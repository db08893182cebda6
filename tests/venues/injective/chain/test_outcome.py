import pytest

from defi_analytics.domain.transaction import OrderResult
from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.chain.protos import protos
from tests.venues.injective.chain.kit import HEIGHT, msg_data
from tests.venues.injective.chain.kit_outcome import HASH, ONE, found, order_fail, outcome


async def test_a_transaction_in_a_block_tells_where_and_what_became_of_its_order():
    answer = protos().exchange.MsgCreateSpotLimitOrderResponse(
        order_hash=ONE.upper().replace("0X", "0x"), cid="a"
    )
    result = await found(outcome(msg_data(answer)))
    assert (result.tx_hash, result.height, result.code, result.gas_used) == (HASH, HEIGHT, 0, 123456)
    assert result.at.isoformat() == "2026-01-02T12:00:00+00:00"
    assert result.orders == (OrderResult("a", ONE),)


async def test_a_transaction_that_failed_tells_why_and_nothing_of_orders():
    result = await found(outcome(b"", code=11, codespace="sdk", raw_log="out of gas" * 100))
    assert (result.code, result.codespace, result.orders) == (11, "sdk", ())
    assert len(result.log) == 500


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        outcome(txhash="CD" * 32),
        outcome(height="0"),
        outcome(timestamp="0001-01-01T00:00:00Z"),
        outcome(timestamp=""),
        outcome(gas_used="many"),
    ],
)
async def test_a_transaction_that_makes_no_sense_is_malformed(body: bytes):
    with pytest.raises(Malformed, match="transaction"):
        await found(body)


@pytest.mark.parametrize(
    "body",
    [
        outcome(b"\xff\xff"),
        outcome().replace(b'"data": ""', b'"data": "no hexadecimal"'),
        outcome(events=[order_fail("[1,2]", '["a"]')]),
        outcome(events=[order_fail("no", "[]")]),
    ],
)
async def test_that_it_is_in_a_block_is_believed_though_what_it_did_there_cannot_be_read(body: bytes):
    result = await found(body)
    assert (result.tx_hash, result.height, result.code, result.orders) == (HASH, HEIGHT, 0, ())
