from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.relaying import taken
from tests.venues.injective.chain.kit import ADDRESS, OTHER, SUBACCOUNT
from tests.venues.injective.chain.kit_history import World, fills, trade

OWN = SUBACCOUNT[:42]
SECOND = f"{SUBACCOUNT[:-1]}1"


@pytest.mark.parametrize(
    ("told", "recipient", "whose", "paid"),
    [
        ("0.6", OWN, SECOND, "1"),
        ("-1", OWN, SECOND, "-0.6"),
        ("0", OWN, SECOND, "0"),
        ("0.6", "0x" + "ab" * 20, SECOND, "0.6"),
        ("0.6", "", SECOND, "0.6"),
        ("0.6", OWN, SUBACCOUNT, "0.6"),
        ("-1", OWN, SUBACCOUNT, "-1"),
    ],
)
def test_the_recipients_share_is_paid_by_any_subaccount_but_the_default_one(told, recipient, whose, paid):
    assert taken(Decimal(told), recipient, whose) == Decimal(paid)


def test_eighteen_places_are_told_as_the_chain_has_them():
    assert taken(Decimal("0.003842000000000001"), OWN, SECOND) == Decimal("0.006403333333333335")


@pytest.mark.parametrize("node_blocks", [1, 100], ids=["by the indexer", "by the node"])
async def test_node_and_indexer_tell_the_same_fee(node_blocks):
    told = trade(999, subaccount=SECOND, recipient=ADDRESS), trade(1000)
    (fill,) = await fills(World(*told), 999, subaccount_index=1, policy=ChainPolicy(node_blocks=node_blocks))
    assert fill.fee == taken(told[0]["fee"], OWN, SECOND) > told[0]["fee"]
    foreign = trade(999, subaccount=SECOND, recipient=OTHER)
    policy = ChainPolicy(node_blocks=node_blocks)
    (fill,) = await fills(World(foreign), 999, subaccount_index=1, policy=policy)
    assert fill.fee == foreign["fee"]


async def test_a_recipient_that_is_no_address_is_malformed():
    world = World(trade(999, recipient="inj1x"))
    with pytest.raises(Malformed):
        await fills(world, 999, policy=ChainPolicy(node_blocks=1))
