import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.venues.injective.chain.trader import trader
from tests.venues.injective.chain.kit import ADDRESS, OTHER, OTHER_SUBACCOUNT, SUBACCOUNT


def test_a_key_of_its_own_trades_its_own_subaccount():
    own = trader(ADDRESS, "", 0)
    assert (own.account, own.subaccount_id, own.delegated) == (ADDRESS, SUBACCOUNT, False)


def test_a_delegated_key_trades_the_granters():
    key = trader(ADDRESS, OTHER, 0)
    assert (key.signer, key.account, key.subaccount_id, key.delegated) == (
        ADDRESS,
        OTHER,
        OTHER_SUBACCOUNT,
        True,
    )
    assert trader(ADDRESS, OTHER, 2).subaccount_id == f"{OTHER_SUBACCOUNT[:-1]}2"


@pytest.mark.parametrize(("granter", "index", "pays"), [("", 0, True), ("", 1, False), (OTHER, 0, False)])
def test_gas_is_paid_by_the_bank_of_the_key(granter: str, index: int, pays: bool):
    assert trader(ADDRESS, granter, index).pays_gas is pays


@pytest.mark.parametrize(("signer", "granter"), [("inj1x", ""), ("inj1x", OTHER), (ADDRESS, "inj1x")])
def test_neither_may_be_mistyped(signer: str, granter: str):
    with pytest.raises(ConfigError):
        trader(signer, granter, 0)
