"""What fills do to a holding, exactly: integers in, integers out.

Closing part of a holding takes its share of the cost rounded down and leaves the remainder, so nothing is
lost on the way and closing everything leaves no cost. Shares are exact in 64 bits for at most `MOST_LOTS`
lots and `MOST_CASH` cash units. The same source is called live and compiled for replays.
"""

from defi_analytics.domain.decision import Holding


def after_fill(holding: Holding, side: int, lots: int, cash: int, fee: int, time_s: float) -> Holding:
    """The holding after `lots` were bought or sold for `cash` units; `fee` is negative for a rebate."""
    held = abs(holding.lots)
    total = holding.lots + side * lots
    cost, entered_s, exited_s = holding.cost, holding.entered_s, holding.exited_s
    if lots == 0:
        pass
    elif holding.lots * side >= 0:
        cost += cash
        entered_s = time_s if held == 0 else entered_s
    elif lots < held:
        cost -= _share(cost, lots, held)
    else:
        exited_s = time_s
        cost = cash - _share(cash, held, lots)
        entered_s = entered_s if lots == held else time_s
    return Holding(total, cost, entered_s, exited_s, holding.cash - side * cash - fee, holding.fees + fee)


def realised(holding: Holding) -> int:
    """Profit in cash units of what was closed, all fees so far included."""
    return holding.cash + (holding.cost if holding.lots >= 0 else -holding.cost)


def worth(holding: Holding, ticks: int) -> int:
    """Profit in cash units, realised or not, with the open lots at a price."""
    return holding.cash + holding.lots * ticks


def _share(cash: int, part: int, whole: int) -> int:
    """`cash * part // whole` without the large product."""
    return cash // whole * part + cash % whole * part // whole
