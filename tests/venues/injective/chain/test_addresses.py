import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.venues.injective.chain.addresses import account_bytes, subaccount_id
from tests.shared_data import shared_json
from tests.venues.injective.chain.kit import ADDRESS, SUBACCOUNT


def test_addresses_and_subaccounts_are_those_of_the_official_sdk():
    for vector in shared_json("samples/injective/golden/addresses.json")["vectors"]:
        assert f"0x{account_bytes(vector['inj']).hex()}" == vector["eth"]
        for index, expected in vector["subaccounts"].items():
            assert subaccount_id(vector["inj"], int(index)) == expected


def test_a_subaccount_is_always_all_66_characters_in_lower_case():
    assert subaccount_id(ADDRESS, 0) == SUBACCOUNT.lower()
    assert len(SUBACCOUNT) == 66


@pytest.mark.parametrize(
    "address",
    [
        "",
        "inj1",
        ADDRESS[:-1] + "d",
        ADDRESS.upper(),
        ADDRESS.replace("inj", "cosmos"),
        ADDRESS + "q",
        ADDRESS[:20] + "b" + ADDRESS[21:],
    ],
)
def test_a_mistyped_address_is_refused_without_being_repeated(address: str):
    with pytest.raises(ConfigError) as caught:
        account_bytes(address)
    assert len(address) < 5 or address not in str(caught.value)


@pytest.mark.parametrize("index", [-1, 2**31])
def test_an_impossible_subaccount_is_refused(index: int):
    with pytest.raises(ConfigError, match="index"):
        subaccount_id(ADDRESS, index)
