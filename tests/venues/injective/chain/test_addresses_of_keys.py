from defi_analytics.keys.address import account_of, bech32
from defi_analytics.keys.mnemonic import private_key_of
from defi_analytics.keys.signer import public_key_of
from defi_analytics.venues.injective.chain.addresses import account_bytes


def test_what_the_keys_encode_the_chain_reads():
    account = account_of(public_key_of(private_key_of("22" * 32)))
    assert account_bytes(bech32(account)) == account
