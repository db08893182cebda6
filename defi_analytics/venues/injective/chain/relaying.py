"""What a fill took from the subaccount that traded, which is not always the fee that the chain writes down.

Of an order that names its own account as fee recipient, as ours do, only the part is told that others get.
The recipient's share is paid all the same, into the account's default subaccount: any other has it no more.
Source: injective-core, keeper/spot_orders_filling.go and derivative_execution.go (realizedTradeFee; the
recipient's subaccount is the one with index 0); exchange params, default relayer fee share.
"""

from decimal import Decimal, localcontext

from defi_analytics.venues.injective.chain.addresses import is_default

SHARE = Decimal("0.4")
_PLACES = Decimal("1e-18")
_ADDRESS = 42
"""Characters of a subaccount's id that are its account: 0x and 20 bytes."""


def taken(fee: Decimal, recipient: str, subaccount_id: str) -> Decimal:
    """`recipient` is 0x and 20 bytes in lower case; of a negative fee, a rebate, the share is a part."""
    if is_default(subaccount_id) or recipient != subaccount_id[:_ADDRESS]:
        return fee
    with localcontext(prec=60):
        whole = fee / (1 - SHARE) if fee > 0 else fee * (1 - SHARE)
        return whole.quantize(_PLACES)
