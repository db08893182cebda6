"""The one gate: what may be sent is decided here and nowhere else."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from defi_analytics.domain.order import ApprovedOrder, OrderRequest
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.explained import DENIALS
from defi_analytics.risk.facts import Context, Tally, account_facts, counted, opening_tally, order_facts
from defi_analytics.risk.limits import RiskLimits, tightened
from defi_analytics.risk.rules.funds import balance, leverage, liquidation_distance
from defi_analytics.risk.rules.inputs import (
    clock_skew,
    stale_balance,
    stale_book,
    stale_oracle,
    stale_prediction,
)
from defi_analytics.risk.rules.legs import Leg, balanced
from defi_analytics.risk.rules.pace import (
    block_rate,
    cooldown,
    daily_trades,
    gas_budget,
    minute_rate,
    position_count,
)
from defi_analytics.risk.rules.price import fill_band, grid, mid_band, min_profit, oracle_band, slippage
from defi_analytics.risk.rules.size import (
    exposure_asset,
    exposure_market,
    exposure_total,
    order_notional,
    position_size,
    trade_size_min,
)
from defi_analytics.risk.rules.state import (
    daily_loss,
    duplicate_id,
    halted,
    hard_drawdown,
    known,
    market_state,
    max_loss,
    reduce_only,
    reduces,
    soft_drawdown,
    unresolved_order,
    weekly_loss,
)
from defi_analytics.risk.verdict import PASSED, Verdict, unknown
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts


def judge(order: OrderFacts, market: MarketFacts, account: AccountFacts, limits: RiskLimits) -> Verdict:
    """The first objection in this order, or code 0.

    Every rule is asked: compiled code cannot loop over functions, and a refusal is the rare case.
    """
    verdicts = (
        known(order, market, account, limits),
        halted(order, market, account, limits),
        hard_drawdown(order, market, account, limits),
        max_loss(order, market, account, limits),
        reduce_only(order, market, account, limits),
        daily_loss(order, market, account, limits),
        weekly_loss(order, market, account, limits),
        soft_drawdown(order, market, account, limits),
        market_state(order, market, account, limits),
        clock_skew(order, market, account, limits),
        stale_balance(order, market, account, limits),
        stale_book(order, market, account, limits),
        stale_oracle(order, market, account, limits),
        stale_prediction(order, market, account, limits),
        unresolved_order(order, market, account, limits),
        duplicate_id(order, market, account, limits),
        grid(order, market, account, limits),
        oracle_band(order, market, account, limits),
        mid_band(order, market, account, limits),
        fill_band(order, market, account, limits),
        slippage(order, market, account, limits),
        min_profit(order, market, account, limits),
        cooldown(order, market, account, limits),
        daily_trades(order, market, account, limits),
        minute_rate(order, market, account, limits),
        block_rate(order, market, account, limits),
        gas_budget(order, market, account, limits),
        position_count(order, market, account, limits),
        trade_size_min(order, market, account, limits),
        order_notional(order, market, account, limits),
        position_size(order, market, account, limits),
        exposure_market(order, market, account, limits),
        exposure_asset(order, market, account, limits),
        exposure_total(order, market, account, limits),
        leverage(order, market, account, limits),
        liquidation_distance(order, market, account, limits),
        balance(order, market, account, limits),
    )
    for verdict in verdicts:
        if verdict.code != Denial.NONE:
            return verdict
    return PASSED


@dataclass(frozen=True, slots=True)
class Approved:
    """Orders that belong together, all of which passed."""

    orders: tuple[ApprovedOrder, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Requests that belong together, none of which may be sent, because `about` was refused."""

    requests: tuple[OrderRequest, ...]
    code: Denial
    about: OrderRequest
    limit: float | None
    """Like `value` in `unit`; empty where the code says it all, or where it is not a number."""
    value: float | None
    unit: str


def approve(
    requests: Sequence[OrderRequest], context: Context, limits: RiskLimits, at: datetime
) -> tuple[Approved | Refused, ...]:
    """One answer per group, in the order of the requests; `at` is the snapshot's time.

    What is approved counts against all that comes after it; a group of which one leg is refused counts as
    nothing. Never raises: a rule, or what it reads, that fails is a refusal.
    """
    answers: list[Approved | Refused] = []
    tally: Tally | None = None
    for group in _grouped(requests):
        # The one place where any exception is caught: whatever is wrong, nothing may be sent because of it.
        try:
            tally = tally or opening_tally(context)
            answer, tally = _judged(group, context, limits, at, tally)
        except Exception:  # noqa: BLE001 - a rule that fails must refuse, whatever it failed with
            answer = _refused(group, group[0], unknown(math.nan, math.nan))
        answers.append(answer)
    return tuple(answers)


def _grouped(requests: Sequence[OrderRequest]) -> list[tuple[OrderRequest, ...]]:
    """Legs of one group together where its first leg stands; a request without a group alone."""
    groups: dict[object, list[OrderRequest]] = {}
    for index, request in enumerate(requests):
        groups.setdefault(request.group or index, []).append(request)
    return [tuple(group) for group in groups.values()]


def _judged(
    group: tuple[OrderRequest, ...], context: Context, limits: RiskLimits, at: datetime, tally: Tally
) -> tuple[Approved | Refused, Tally]:
    """The answer, and the tally to go on with: the same one after a refusal."""
    grown, orders, legs, closing = tally, [], [], True
    for request in group:
        market = context.markets[request.market.key]
        strict = tightened(limits, context.market_limits.get(request.market.key, limits))
        order, account = order_facts(request, context), account_facts(request, context, grown, at)
        verdict = judge(order, market, account, strict)
        if verdict.code != Denial.NONE:
            return _refused(group, request, verdict), tally
        smaller = reduces(order, account)
        grown = counted(grown, context, request, trade=not smaller)
        orders.append(ApprovedOrder(request, strict.max_resting_blocks, at))
        asset = "" if request.market.base in context.account.marks.cash else request.market.base
        legs.append(Leg(asset, order.side, order.notional))
        closing = closing and smaller
    if group[0].group and not closing:
        verdict = balanced(legs, limits)
        if verdict.code != Denial.NONE:
            return _refused(group, group[0], verdict), tally
    return Approved(tuple(orders)), grown


def _refused(group: tuple[OrderRequest, ...], about: OrderRequest, verdict: Verdict) -> Refused:
    unit = DENIALS[verdict.code].unit
    limit = verdict.limit if unit and math.isfinite(verdict.limit) else None
    value = verdict.value if unit and math.isfinite(verdict.value) else None
    return Refused(group, verdict.code, about, limit, value, unit)
