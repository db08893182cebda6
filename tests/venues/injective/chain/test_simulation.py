import pytest

from defi_analytics.errors import (
    DataError,
    OrderRejected,
    Unavailable,
)
from defi_analytics.venues.injective.chain.protos import protos
from tests.venues.injective.chain.kit import (
    FakeNode,
    an_order,
    refusal,
    signed,
    simulation,
)


@pytest.mark.parametrize(
    ("said", "code", "codespace"),
    [
        (
            "failed to execute message; message index: 0: price 5.1235: invalid price [core/x.go:1] with gas used: '7'",
            16,
            "exchange",
        ),
        ("failed to execute message; message index: 0: subaccount has insufficient deposits", 6, "exchange"),
        ("spendable balance 0inj is smaller than 48000000000000inj: insufficient funds", 5, "sdk"),
        (
            "failed to execute message; message index: 1: 1usdt is smaller than 2usdt: insufficient funds",
            95,
            "exchange",
        ),
        ("failed to get grant: authorization not found", 2, "authz"),
        ("something nobody has seen", 0, ""),
    ],
)
async def test_what_the_simulation_refuses_is_told_by_code_and_in_plain_words(
    said: str, code: int, codespace: str
):
    with pytest.raises(OrderRejected) as caught:
        await signed(FakeNode(simulate=refusal(500, 2, said)))
    assert (caught.value.order_code, caught.value.codespace) == (code, codespace)


@pytest.mark.parametrize(
    "error", [Unavailable("injective", "down"), refusal(503, 14, "busy"), refusal(500, 13, "panic")]
)
async def test_a_simulation_that_could_not_be_asked_is_not_a_refusal(error: DataError):
    with pytest.raises(DataError):
        await signed(FakeNode(simulate=error))


async def test_an_order_in_a_market_that_pauses_is_refused_before_it_is_signed():
    answer = protos().exchange.MsgBatchUpdateOrdersResponse(spot_market_order_hashes=[""])
    with pytest.raises(OrderRejected, match="an order of it: the market is paused or closed") as caught:
        await signed(FakeNode(simulate=simulation(1000, answer)))
    assert (caught.value.order_code, caught.value.codespace) == (41, "exchange")


async def test_a_batch_that_would_succeed_without_one_of_its_orders_is_refused():
    answer = protos().exchange.MsgBatchUpdateOrdersResponse(
        spot_order_hashes=["0x" + "ab" * 32, "59"],
        created_spot_orders_cids=["a"],
        failed_spot_orders_cids=["b"],
    )
    node = FakeNode(simulate=simulation(1000, answer))
    with pytest.raises(OrderRejected, match="b: a post-only order would have crossed") as caught:
        await signed(node, an_order(client_order_id="a"), an_order(client_order_id="b"))
    assert caught.value.order_code == 59
