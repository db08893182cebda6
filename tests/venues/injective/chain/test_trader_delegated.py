from defi_analytics.venues.injective.chain.trader import trader

KEY = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"
GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


def test_a_key_trades_for_its_granter_or_for_itself():
    assert trader(KEY, GRANTER, 0).delegated
    assert not trader(KEY, "", 0).delegated
    assert not trader(KEY, KEY, 0).delegated
