"""Everything the gate is told, such that a request of 100 USDT passes."""

from dataclasses import replace
from typing import Any

from defi_analytics.domain.decision import Grid
from defi_analytics.risk.codes import MarketState
from defi_analytics.risk.facts import Context, Expected
from defi_analytics.risk.gate import approve
from defi_analytics.risk.halting import apply
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState
from defi_analytics.risk.views import MarketFacts
from tests.fakes import NOON
from tests.risk.accounts import MARKETS, PERP, account, balance

LIMITS = RiskLimits(max_loss=1_000.0)
STATE = apply(RiskState(), "risk.equity", NOON, {"equity": 10_000.0})


def market_facts(market) -> MarketFacts:
    perpetual = market.key == PERP.key
    ticks = 10_000.0 if market.base == "ATOM" else 50_000.0 if market.quote == "USDC" else 25_000.0
    return MarketFacts(
        grid=Grid(0.001, 0.001, 0.0, 0.001, 1, 1_000_000, perpetual),
        status=int(MarketState.ACTIVE),
        bid=ticks - 10,
        ask=ticks + 10,
        mid=ticks,
        oracle=ticks,
        has_oracle=True,
        book_age_s=1.0,
        oracle_age_s=5.0,
        prediction_age_s=60.0,
        quote_rate=1.0,
        maintenance_margin=0.05 if perpetual else 0.0,
    )


FACTS = {key: market_facts(market) for key, market in MARKETS.items()}
EXPECTED = {f"c{n}": Expected(net_edge=0.01) for n in range(1, 10)}


def context(*parts: Any, **changes: Any) -> Context:
    """Of balances, positions and open orders; with 10,000 USDT unless a balance of it is among them."""
    if not any(getattr(p, "denom", "") == "usdt" for p in parts):
        parts = (*parts, balance("usdt", 10_000))
    made = Context(
        account=account(*parts),
        state=STATE,
        markets=FACTS,
        clock_skew_s=0.1,
        orders_last_minute=0,
        orders_this_block=0,
        gas_per_order=0.001,
        used_ids=frozenset(),
        expected=EXPECTED,
    )
    return replace(made, **changes)


def answers(requests, given: Context, limits: RiskLimits = LIMITS, at=NOON):
    return approve(requests, given, limits, at)
