from collections.abc import Mapping
from decimal import Decimal

import pytest

from defi_analytics.errors import (
    OrderRejected,
)
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from tests.venues.injective.chain.kit import (
    FakeNode,
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


@pytest.mark.parametrize(
    ("policy", "answers"),
    [
        (ChainPolicy(max_gas=299_999), {}),
        (ChainPolicy(max_fee=Decimal("0.00001")), {}),
        (ChainPolicy(), {"simulate": simulation(5_000_000)}),
        (ChainPolicy(), {"cur_eip": base_fee("500000000000." + "0" * 18)}),
    ],
)
async def test_a_transaction_beyond_the_gas_budget_is_not_signed(
    policy: ChainPolicy, answers: Mapping[str, bytes]
):
    with pytest.raises(OrderRejected, match="it would need") as caught:
        await signed(FakeNode(**answers), policy=policy)
    assert caught.value.codespace == "local"
