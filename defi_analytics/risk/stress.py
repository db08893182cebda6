"""What a fall or rise of every price at once would do to the account as it stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from defi_analytics.domain.market import MarketKey
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.exposure import Account, Exposures, LineKey, Marks, equity, exposures
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.liquidation import distance
from defi_analytics.risk.losses import RiskState, day_loss, day_lost, drawdown, week_loss
from defi_analytics.risk.verdict import Verdict, at_least, at_most, below, below_any


class Breach(NamedTuple):
    verdict: Verdict
    about: str
    """An asset or market id; empty for the account."""


@dataclass(frozen=True, slots=True)
class Stress:
    """Amounts in account currency."""

    fraction: float
    """By which every price but that of cash moved, or that of one asset."""
    equity: float
    exposures: Exposures
    liquidated: tuple[MarketKey, ...]
    breaches: tuple[Breach, ...]
    """Every limit that would be broken; the account's own first."""


def shock(
    account: Account,
    fraction: float,
    state: RiskState,
    limits: RiskLimits,
    maintenance: Mapping[MarketKey, float],
    asset: str = "",
) -> Stress:
    """`maintenance`: margin fraction of each perpetual; a position without one is not known to be safe.

    `asset` is the only one whose price moves; "" for all but cash.
    """
    shocked = replace(account, marks=_moved(account.marks, fraction, asset))
    worth, held = equity(shocked), exposures(shocked)
    gaps = {key: _distance(shocked, key, maintenance) for key in account.portfolio.positions}
    return Stress(
        fraction=fraction,
        equity=worth,
        exposures=held,
        liquidated=tuple(key for key, gap in gaps.items() if not gap > 0.0),
        breaches=tuple(
            breach
            for breach in (*_account(state, worth, held, limits), *_parts(held, gaps, limits))
            if breach.verdict.code != Denial.NONE
        ),
    )


def _moved(marks: Marks, fraction: float, asset: str) -> Marks:
    moving = {asset} if asset else marks.assets.keys() - marks.cash
    moved = {a: p * (1.0 + fraction) if a in moving else p for a, p in marks.assets.items()}
    return Marks(moved, marks.cash)


def _distance(account: Account, key: MarketKey, maintenance: Mapping[MarketKey, float]) -> float:
    position, market = account.portfolio.positions[key], account.markets.get(key)
    assets = account.marks.assets
    quote = assets.get(market.quote, 0.0) if market else 0.0
    mark = assets.get(market.base, 0.0) / quote if market and quote > 0.0 else 0.0
    held = float(position.quantity), float(position.entry_price), float(position.margin)
    return distance(*held, mark, maintenance.get(key, 0.0))


def _account(state: RiskState, worth: float, held: Exposures, limits: RiskLimits) -> list[Breach]:
    fallen = replace(state, equity=worth)
    fallen = replace(
        fallen,
        day_low_equity=min(worth, state.day_low_equity),
        week_low_equity=min(worth, state.week_low_equity),
    )
    return [
        Breach(below(Denial.DRAWDOWN_HARD, drawdown(fallen), limits.portfolio_stop_loss), ""),
        Breach(below_any(Denial.MAX_LOSS, day_lost(fallen), limits.max_loss), ""),
        Breach(below(Denial.DAILY_LOSS, day_loss(fallen), limits.max_daily_loss), ""),
        Breach(below(Denial.WEEKLY_LOSS, week_loss(fallen), limits.max_weekly_loss), ""),
        Breach(below(Denial.DRAWDOWN_SOFT, drawdown(fallen), limits.max_soft_drawdown), ""),
        Breach(at_most(Denial.EXPOSURE_TOTAL, held.total, limits.max_exposure_total), ""),
    ]


def _parts(held: Exposures, gaps: Mapping[MarketKey, float], limits: RiskLimits) -> list[Breach]:
    assets = {key.asset: held.of_asset(key.asset) for key in held.lines}
    return [
        *(
            Breach(at_most(Denial.EXPOSURE_ASSET, max(long, -short), limits.max_exposure_asset), asset)
            for asset, (long, short) in assets.items()
        ),
        *(
            Breach(at_most(Denial.EXPOSURE_MARKET, line.worst, limits.max_exposure_market), _name(key))
            for key, line in held.lines.items()
        ),
        *(
            Breach(at_least(Denial.LIQUIDATION_DISTANCE, gap, limits.min_liquidation_distance), key.market_id)
            for key, gap in gaps.items()
        ),
    ]


def _name(key: LineKey) -> str:
    return key.perpetual.market_id if key.perpetual else key.asset
