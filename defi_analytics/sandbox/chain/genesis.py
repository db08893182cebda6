"""Who owns what in block 0: the well-known development account, and whoever asks the faucet.

Its private key is public (the first of Hardhat's and Anvil's test accounts), so it is worthless anywhere
else: whatever is sent to it on a real chain is taken at once.
"""

from typing import Any

from defi_analytics.sandbox.listings import LISTINGS, SPOT

DEV_ADDRESS = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
DEV_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Public knowledge, not a secret."""
_USD = 10_000
"""What it owns of every base asset, in USD, roughly; and a hundredfold in USDT."""


def fund(chain: Any) -> None:
    """INJ for gas and trading, the quote of every market, and base assets to sell."""
    for denom, amount in _holdings(chain.moment().world).items():
        chain.fund(DEV_ADDRESS, denom, amount)


def _holdings(world: Any) -> dict[str, int]:
    holdings = {one.quote_denom: 1_000_000 * 10**one.quote_decimals for one in LISTINGS.values()}
    for listing in SPOT:
        if not listing.impostor:
            quantity = _USD / world.prices.usd(listing.asset, 0)
            holdings[listing.base_denom] = round(quantity * 10**6) * 10 ** max(0, listing.base_decimals - 6)
    holdings["inj"] = 10_000 * 10**18
    return holdings
