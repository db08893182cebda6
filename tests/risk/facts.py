"""Facts that pass every rule, to break one at a time."""

from typing import Any

from defi_analytics.domain.decision import BUY, SELL, Grid, OrderKind
from defi_analytics.risk.codes import Denial, MarketState, TradingState
from defi_analytics.risk.gate import judge
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.views import NEVER_S, AccountFacts, MarketFacts, OrderFacts

# With every limit there is, as a run with --max-loss has them.
LIMITS = RiskLimits(max_loss=1_000.0)
GRID = Grid(0.001, 0.001, 0.0, 0.001, 1, 1_000_000, perpetual=True)
ORDER = OrderFacts(
    side=BUY,
    kind=OrderKind.LIMIT,
    ticks=25_000,
    lots=4_000,
    trigger=0,
    reduce_only=False,
    by_person=False,
    uses_prediction=True,
    notional=100.0,
    net_edge=0.002,
    slippage=0.001,
    leverage=2.0,
    needs=50.0,
    gas=0.001,
    protects=False,
)
MARKET = MarketFacts(
    grid=GRID,
    status=MarketState.ACTIVE,
    bid=24_990.0,
    ask=25_010.0,
    mid=25_000.0,
    oracle=25_000.0,
    has_oracle=True,
    book_age_s=1.0,
    oracle_age_s=10.0,
    prediction_age_s=60.0,
    quote_rate=1.0,
    maintenance_margin=0.05,
)
ACCOUNT = AccountFacts(
    state=TradingState.ACTIVE,
    equity=10_000.0,
    peak_equity=10_000.0,
    day_start_equity=10_000.0,
    day_low_equity=10_000.0,
    exposure_total=200.0,
    exposure_market=0.0,
    asset_long=100.0,
    asset_short=-100.0,
    position_lots=0,
    pending_buys=0,
    pending_sells=0,
    active_positions=1,
    trades_today=3,
    since_exit_s=NEVER_S,
    orders_last_minute=1,
    orders_this_block=0,
    unresolved=False,
    duplicate=False,
    free=1_000.0,
    gas_today=0.01,
    liquidation_distance=0.4,
    balance_age_s=1.0,
    clock_skew_s=0.2,
    week_start_equity=10_000.0,
    week_low_equity=10_000.0,
    last_fill=25_000.0,
    since_fill_s=30.0,
    day_lost=0.0,
)


def verdict(limits: RiskLimits = LIMITS, **changes: Any):
    """The gate's verdict on the order that passes, with some facts changed by name."""

    def changed(facts):
        return facts._replace(**{k: v for k, v in changes.items() if k in facts._fields})

    market = changed(MARKET)
    market = market._replace(
        grid=market.grid._replace(**{k: v for k, v in changes.items() if k in Grid._fields})
    )
    known = {*OrderFacts._fields, *MarketFacts._fields, *AccountFacts._fields, *Grid._fields}
    assert changes.keys() <= known
    return judge(changed(ORDER), market, changed(ACCOUNT), limits)


def code(limits: RiskLimits = LIMITS, **changes: Any) -> Denial:
    return Denial(verdict(limits, **changes).code)


REDUCING = {"side": SELL, "reduce_only": True, "position_lots": 4_000}
"""Changes that make it an order which takes the whole of a long position off."""
