"""Whether orders that belong together leave nothing naked once all of them have filled."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from defi_analytics.risk.codes import Denial
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.verdict import Verdict, at_most


class Leg(NamedTuple):
    asset: str
    """What is bought or sold; empty for cash, which is nobody's risk."""
    side: int
    notional: float
    """Account currency."""


def balanced(legs: Iterable[Leg], limits: RiskLimits) -> Verdict:
    """What they buy and sell of each asset beyond each other, as a fraction of all they trade.

    A lone leg is naked whole: its counterpart is missing.
    """
    net: dict[str, float] = {}
    gross = 0.0
    for leg in legs:
        gross += leg.notional
        if leg.asset:
            net[leg.asset] = net.get(leg.asset, 0.0) + leg.side * leg.notional
    naked = math.fsum(map(abs, net.values()))
    return at_most(Denial.LEG_IMBALANCE, naked / gross if gross > 0.0 else math.nan, limits.max_leg_imbalance)
