from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from defi_analytics.config.fields import Fraction, Positive, Seconds
from defi_analytics.config.values import Whole


@dataclass(frozen=True, slots=True)
class RiskManagement:
    capital: Annotated[
        Positive | None, "what the agent may risk, and losses are fractions of; null: the whole account"
    ] = None
    portfolio_stop_loss: Annotated[Fraction, "drawdown from the highest equity that halts trading"] = Decimal(
        "0.05"
    )
    max_daily_trades: Annotated[Annotated[int, Whole(0, 10**6)], "entries a day, UTC"] = 50
    cooldown_period: Annotated[Annotated[int, Whole(0, 10**7)], "seconds after leaving a market"] = 300
    daily_loss: Annotated[
        Fraction, "loss of the day's first equity after which positions are only reduced"
    ] = Decimal("0.03")
    weekly_loss: Annotated[
        Fraction, "loss of the week's first equity after which positions are only reduced"
    ] = Decimal("0.05")
    soft_drawdown: Annotated[Fraction, "drawdown after which positions are only reduced"] = Decimal("0.03")
    max_exposure: Annotated[Positive, "all markets together; account currency"] = Decimal(3000)
    max_asset_exposure: Annotated[Positive, "one asset, spot and perpetuals; account currency"] = Decimal(
        2000
    )
    max_market_exposure: Annotated[Positive, "one market; account currency"] = Decimal(1500)
    max_position: Annotated[Positive, "one position; account currency"] = Decimal(1000)
    max_order: Annotated[Positive, "one order; account currency"] = Decimal(500)
    stop_loss: Annotated[Fraction, "loss that closes a position"] = Decimal("0.05")
    max_slippage: Annotated[Fraction, "of one order"] = Decimal("0.01")
    oracle_band: Annotated[Fraction, "furthest an order's price may lie from the oracle's"] = Decimal("0.05")
    mid_band: Annotated[Fraction, "furthest it may lie from the middle of the book"] = Decimal("0.02")
    fill_band: Annotated[Fraction, "furthest an entry's price may lie from that of the last own fill"] = (
        Decimal("0.05")
    )
    max_oracle_age: Annotated[Seconds, "seconds after which an oracle's price lets nothing in"] = Decimal(120)
    leg_imbalance: Annotated[Fraction, "of legs that belong together, furthest they may not be hedged"] = (
        Decimal("0.05")
    )
    max_leverage: Annotated[Positive, "notional per margin of a perpetual"] = Decimal(3)
    liquidation_distance: Annotated[Fraction, "least distance of the price from a liquidation"] = Decimal(
        "0.15"
    )
    max_orders_per_minute: Annotated[Annotated[int, Whole(1, 10**4)], "all markets together"] = 20
    max_failed_exits: Annotated[
        Annotated[int, Whole(1, 100)],
        "exits in a row that nobody takes at their price; the next goes to the worst allowed",
    ] = 3
    max_gas_per_day: Annotated[Positive, "INJ"] = Decimal("0.1")
    max_clock_skew: Annotated[Seconds, "seconds between this machine's clock and the chain's"] = Decimal(10)
