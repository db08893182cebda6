import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger.addresses import (
    canonical,
    decoded,
    encoded,
    is_default,
    owner,
    subaccount,
    subaccount_of,
)
from defi_analytics.sandbox.ledger.failed import Code, Failed, Sdk
from tests.sandbox.ledger.wire import ALICE, BOB
from tests.shared_data import shared_json


def test_published_addresses_and_subaccounts():
    for vector in shared_json("samples/injective/golden/addresses.json")["vectors"]:
        assert encoded(bytes.fromhex(vector["eth"][2:])) == vector["inj"]
        for index, expected in vector["subaccounts"].items():
            assert subaccount(vector["inj"], int(index)) == expected
            assert owner(expected) == vector["inj"]
            assert is_default(expected) is (index == "0")


@given(st.binary(min_size=20, max_size=20))
def test_an_address_decodes_to_what_was_encoded(raw):
    assert decoded(encoded(raw)) == raw


@pytest.mark.parametrize(
    "address",
    [
        "",
        "inj",
        "inj1",
        ALICE[:-1],
        ALICE[:-1] + ("q" if ALICE[-1] != "q" else "p"),
        ALICE.replace("inj1", "cosmos1"),
        ALICE.upper(),
        "inj1b" + ALICE[5:],
        encoded(bytes(19)),
        encoded(bytes(32)),
    ],
)
def test_anything_else_is_no_address(address):
    with pytest.raises(Failed) as failed:
        decoded(address)
    assert (failed.value.codespace, failed.value.code) == ("sdk", Sdk.INVALID_ADDRESS)


def test_an_address_with_bits_left_over_is_none():
    # 33 characters of data are 165 bits: five more than twenty bytes, and not all of them zero.
    from defi_analytics.sandbox.ledger import addresses

    values = [1] * 33
    checksum = addresses._polymod(addresses._expanded() + values + [0] * 6) ^ 1
    tail = [checksum >> 5 * (5 - n) & 31 for n in range(6)]
    text = "inj1" + "".join(addresses._ALPHABET[one] for one in values + tail)
    with pytest.raises(Failed):
        decoded(text)


@pytest.mark.parametrize(("text", "index"), [("", 0), ("0", 0), ("1", 1), ("999", 999)])
def test_a_short_id_is_an_index_of_the_sender(text, index):
    assert subaccount_of(ALICE, text) == subaccount(ALICE, index)


def test_a_full_id_may_be_written_in_upper_case_and_without_its_prefix():
    mine = subaccount(ALICE, 3)
    assert subaccount_of(ALICE, mine.upper().replace("0X", "0x")) == mine
    assert subaccount_of(ALICE, mine[2:]) == mine


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x", Code.BAD_NONCE),
        ("²", Code.BAD_NONCE),
        ("-1", Code.BAD_NONCE),
        (subaccount(BOB), Code.BAD_SUBACCOUNT),
        ("0x1234", Code.BAD_SUBACCOUNT),
        (subaccount(ALICE) + "0", Code.BAD_SUBACCOUNT),
    ],
)
def test_somebody_elses_or_a_malformed_id_is_refused(text, code):
    with pytest.raises(Failed) as failed:
        subaccount_of(ALICE, text)
    assert (failed.value.codespace, failed.value.code) == ("exchange", code)


def test_a_full_id_is_canonical_whoever_it_belongs_to():
    assert canonical(subaccount(BOB, 7).upper()[2:]) == subaccount(BOB, 7)
