from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS, DEV_KEY, fund
from defi_analytics.sandbox.listings import LISTINGS, SPOT
from tests.sandbox.chain.signing import Wallet, needs_sdk


def test_the_development_account_can_buy_sell_and_pay_for_gas_everywhere(chain, ledger):
    fund(chain)
    assert ledger.balance(DEV_ADDRESS, "inj") == 10**22
    assert chain.accounts.get(DEV_ADDRESS).number == 7
    for listing in LISTINGS.values():
        assert ledger.balance(DEV_ADDRESS, listing.quote_denom) > 0
    for listing in SPOT:
        held = ledger.balance(DEV_ADDRESS, listing.base_denom)
        assert (held > 0) or listing.impostor


@needs_sdk
def test_its_address_is_that_of_the_well_known_key():
    assert Wallet(DEV_KEY).address == DEV_ADDRESS
