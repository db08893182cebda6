import pytest

from defi_analytics.sandbox.moment import FIRST_HEIGHT
from tests.sandbox.chain.signing import Wallet, needs_sdk

pytestmark = needs_sdk

OTHER = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"


@pytest.fixture
def refused(chain):
    def refused(raw):
        found = chain.broadcast(raw)
        return found.code, found.log

    return refused


def test_what_is_signed_for_another_chain_or_account_is_not_signed_for_this_one(wallet, refused):
    code, log = refused(wallet.sign(wallet.market_order(), chain_id="injective-1"))
    assert (code, "chain-id (injective-777)" in log) == (4, True)
    code, log = refused(wallet.sign(wallet.market_order(), number=8))
    assert (code, "account number (7)" in log) == (4, True)


def test_a_changed_bit_spoils_the_signature(wallet, refused):
    raw = bytearray(wallet.sign(wallet.market_order()))
    raw[-1] ^= 1
    assert refused(bytes(raw))[0] == 4


def test_the_key_must_belong_to_the_sender(wallet, refused):
    code, log = refused(wallet.sign(wallet.market_order(sender=OTHER)))
    assert code == 9
    thief = Wallet("11" * 32)
    code, log = refused(thief.sign(thief.market_order(sender=wallet.address)))
    assert (code, log.startswith("pubKey does not match signer address")) == (8, True)


def test_the_key_may_be_left_out_once_it_is_known(chain, wallet, advance):
    assert chain.broadcast(wallet.sign(wallet.market_order(), key=False)).code == 8
    chain.broadcast(wallet.sign(wallet.market_order()))
    advance()
    assert chain.accounts.get(wallet.address).public_key == wallet.public_key
    assert chain.broadcast(wallet.sign(wallet.market_order(), key=False, sequence=1)).code == 0


def test_a_fee_below_the_base_fee_is_refused(wallet, refused):
    code, log = refused(wallet.sign(wallet.market_order(), gas=300_000, fee=47_999_999_999_999))
    assert code == 13
    assert log == ("insufficient fees; got: 47999999999999inj required: 48000000000000inj: insufficient fee")


def test_gas_that_does_not_even_pay_for_the_bytes_is_refused_at_once(wallet, refused):
    code, log = refused(wallet.sign(wallet.market_order(), gas=50_000))
    assert (code, log.startswith("out of gas in location: txSize")) == (11, True)


def test_a_memo_has_256_characters_at_most(wallet, refused):
    assert refused(wallet.sign(wallet.market_order(), memo="m" * 257))[0] == 12
    assert refused(wallet.sign(wallet.market_order(), memo="m" * 256))[0] == 0


def test_a_timeout_height_of_the_past_is_refused(wallet, refused, advance):
    advance(2)
    code, log = refused(wallet.sign(wallet.market_order(), timeout=FIRST_HEIGHT + 1))
    assert (code, log) == (
        30,
        f"block height: {FIRST_HEIGHT + 2}, timeout height: {FIRST_HEIGHT + 1}: tx timeout height",
    )


def test_a_transaction_beyond_a_mebibyte_is_too_large(chain):
    assert chain.broadcast(b"\0" * (1 << 20) + b"\0").code == 21


def test_a_key_that_is_no_point_of_the_curve_is_refused(wallet, refused):
    wallet.public_key = b"\5" * 33
    assert refused(wallet.sign(wallet.market_order()))[0] == 8
