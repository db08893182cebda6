"""How much gas a transaction is given, and what it costs: charged whole, never refunded.

Source: docs.injective.network, gas heuristics (single messages); injective-core keeper/fixed_gas.go (orders
inside a batch, on top of what every transaction costs).
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel
from defi_analytics.venues.injective.chain.node import ceiling
from defi_analytics.venues.injective.chain.policy import ChainPolicy
from defi_analytics.venues.injective.chain.refusals import local
from defi_analytics.venues.injective.chain.signing import Bill

INJ = Decimal(10) ** 18
"""inj-wei."""
_TRANSACTION = 120_000
_DELEGATION = 30_000
_EACH = 3_000
_EXPIRY_FACTOR = Decimal("1.1")
"""An order that carries an expiration block costs a tenth more."""
_SINGLE = {
    (True, OrderKind.LIMIT): 300_000,
    (True, OrderKind.POST_ONLY): 330_000,
    (True, OrderKind.MARKET): 300_000,
    (False, OrderKind.LIMIT): 330_000,
    (False, OrderKind.POST_ONLY): 370_000,
    (False, OrderKind.MARKET): 310_000,
    (False, OrderKind.STOP): 310_000,
}
_IN_BATCH = {
    (True, OrderKind.LIMIT): 100_000,
    (True, OrderKind.POST_ONLY): 120_000,
    (True, OrderKind.MARKET): 50_000,
    (False, OrderKind.LIMIT): 120_000,
    (False, OrderKind.POST_ONLY): 140_000,
    (False, OrderKind.MARKET): 105_000,
    (False, OrderKind.STOP): 105_000,
}
_CANCEL = {True: 185_000, False: 200_000}
_CANCEL_IN_BATCH = {True: 65_000, False: 70_000}


def usual(orders: Sequence[ApprovedOrder], cancels: Sequence[Cancel], *, delegated: bool) -> int:
    """What such a transaction is known to need, whatever a simulation says."""
    extra = _DELEGATION if delegated else 0
    kinds = [(order.request.market.kind is MarketKind.SPOT, order.request.kind) for order in orders]
    spots = [cancel.market.kind is MarketKind.SPOT for cancel in cancels]
    if len(kinds) + len(spots) == 1:
        return extra + (_SINGLE[kinds[0]] if kinds else _CANCEL[spots[0]])
    placing = sum(ceiling(_IN_BATCH[kind] * _EXPIRY_FACTOR) + _EACH for kind in kinds)
    return extra + _TRANSACTION + placing + sum(_CANCEL_IN_BATCH[spot] + _EACH for spot in spots)


def billed(
    used: int, at_least: int, base_fee: Decimal, policy: ChainPolicy, *, only_ends: bool = False
) -> Bill:
    """Raises OrderRejected for a transaction that would cost more than the policy allows."""
    gas = max(ceiling(used * policy.gas_factor), at_least)
    with localcontext(prec=60):
        price = max(ceiling(base_fee * policy.base_fee_factor), policy.min_gas_price)
        fee, most = inj(gas * price), policy.fee_limit(only_ends=only_ends)
    if fee > most:
        raise local(
            f"it would need {gas} gas for {fee:f} INJ, and run.max_fee allows {most.normalize():f} INJ",
            hint="the chain may be busy; run.max_fee sets what a transaction may cost",
        )
    return Bill(gas, gas * price)


def inj(wei: int) -> Decimal:
    with localcontext(prec=60):
        return (Decimal(wei) / INJ).normalize() + Decimal(0)
