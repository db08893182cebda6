from collections.abc import Mapping
from decimal import Decimal

import pytest

from defi_analytics.domain.edge import Side
from defi_analytics.errors import OrderRejected
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    FakeNode,
    a_cancel,
    a_chain,
    an_order,
    base_fee,
    signed,
    simulation,
)


async def test_gas_is_what_the_simulation_used_and_more_at_the_current_price():
    node = FakeNode(simulate=simulation(400_001), cur_eip=base_fee("200000000.5" + "0" * 17))
    made = await signed(node)
    assert made.gas == 520_002
    assert made.fee == Decimal(520_002 * 220_000_001) / 10**18


async def test_gas_is_never_less_than_such_a_transaction_is_known_to_need():
    made = await signed(FakeNode(simulate=simulation(10), cur_eip=base_fee("1." + "0" * 18)))
    assert (made.gas, made.fee) == (300_000, Decimal("0.000048"))


BUSY = {"cur_eip": base_fee("70000000000." + "0" * 18)}
"""What costs 0.0231 INJ to place and 0.014 to cancel."""


@pytest.mark.parametrize(
    ("policy", "answers"),
    [
        (ChainPolicy(max_fee=Decimal("0.00001")), {}),
        (ChainPolicy(), {"simulate": simulation(50_000_000)}),
        (ChainPolicy(), BUSY),
    ],
)
async def test_a_transaction_beyond_the_gas_budget_is_not_signed(
    policy: ChainPolicy, answers: Mapping[str, bytes]
):
    with pytest.raises(OrderRejected, match="it would need") as caught:
        await signed(FakeNode(**answers), policy=policy)
    assert caught.value.codespace == "local"
    assert "run.max_fee" in caught.value.hint


async def test_what_only_reduces_or_cancels_may_cost_ten_times_as_much():
    leaving = an_order(reduce_only=True, side=Side.SELL)
    for orders, cancels in (([leaving], []), ([], [a_cancel()]), ([leaving], [a_cancel()])):
        made = await a_chain(FakeNode(**BUSY)).sign(orders, cancels)
        assert Decimal("0.01") < made.fee < Decimal("0.1")
        with pytest.raises(OrderRejected, match=r"run\.max_fee allows 0\.01 INJ"):
            await a_chain(FakeNode(**BUSY), policy=ChainPolicy(max_fee=Decimal("0.001"))).sign(
                orders, cancels
            )
    with pytest.raises(OrderRejected):
        await a_chain(FakeNode(**BUSY)).sign([leaving, an_order(client_order_id="defi-2")])
