"""A position can always be made smaller: which rules may keep an order from it at all, and why each may."""

import math
from collections.abc import Iterator
from typing import Any

import pytest

from defi_analytics.domain.decision import BUY, SELL, OrderKind
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.examined import RULES
from defi_analytics.risk.rules.state import reduces
from tests.risk.facts import ACCOUNT, GRID, LIMITS, MARKET, ORDER

MAY_REFUSE = {
    "known": "lots that are pending, or what it spends, cannot be counted: nobody knows whether it reduces",
    "halted": "a person or a drawdown stopped the strategies; what ends a loss or a person asks for passes",
    "market_state": "the market takes no orders",
    "clock_skew": "no age means anything: the clock has to be set first",
    "stale_balance": "what is held is not known any more: it may be gone, and the order would open",
    "stale_book": "nobody knows the price it would fill at",
    "stale_oracle": "a stop, whose trigger nobody can judge; or neither oracle nor mid tells a price",
    "unresolved_order": "on spot the one under way may have sold it already; perpetuals pass",
    "duplicate_id": "it was sent already",
    "grid": "the market cannot express it",
    "oracle_band": "so far from an oracle of now the price is a mistake",
    "mid_band": "so far from the mid the price is a mistake; or neither oracle nor mid tells a price",
    "slippage": "so far beyond the best price it would be given away",
    "minute_rate": "something orders in a loop; over within a minute",
    "block_rate": "the same; over with the next block",
    "balance": "it cannot be paid for, so the chain would refuse it",
}
"""Every rule that can refuse an order which reduces; the others never can."""

NUMBERS = (math.nan, math.inf, -math.inf, 1e18, 1e4, 1.0, 0.0, -1.0, -1e18)
COUNTS = (-1, 0, 1, 2, 3, 4, 2**53)
KINDS = (OrderKind.LIMIT, OrderKind.MARKET, OrderKind.STOP)


def reducing() -> Iterator[tuple[Any, Any, Any]]:
    """Orders out of long and short positions, on spot and on perpetuals, with one fact changed in each."""
    for kind in KINDS:
        trigger = 25_000 if kind is OrderKind.STOP else 0
        for side, perpetual in ((SELL, True), (BUY, True), (SELL, False)):
            order = ORDER._replace(side=side, kind=kind, trigger=trigger, reduce_only=True)
            account = ACCOUNT._replace(position_lots=-side * order.lots)
            market = MARKET._replace(grid=GRID._replace(perpetual=perpetual))
            yield order, market, account
            for part, facts in enumerate((order, market, account)):
                for changed in _each_changed(facts):
                    seen = [order, market, account]
                    seen[part] = changed
                    yield seen[0], seen[1], seen[2]


def _each_changed(facts: Any) -> Iterator[Any]:
    for name, value in zip(facts._fields, facts, strict=True):
        if isinstance(value, bool):
            yield facts._replace(**{name: not value})
        elif isinstance(value, float):
            yield from (facts._replace(**{name: other}) for other in NUMBERS)
        elif isinstance(value, int):
            yield from (facts._replace(**{name: other}) for other in COUNTS)


def refusing() -> dict[str, set[str]]:
    """By rule, the ways in which it refused something that reduces."""
    found: dict[str, set[str]] = {}
    for order, market, account in reducing():
        if reduces(order, account):
            for rule, _ in RULES:
                verdict = rule(order, market, account, LIMITS)
                if verdict.code != Denial.NONE:
                    found.setdefault(rule.__name__, set()).add(Denial(verdict.code).name)
    return found


def test_no_rule_but_these_can_keep_anybody_in_a_position():
    assert refusing().keys() == MAY_REFUSE.keys()


def test_an_order_that_reduces_is_refused_with_no_code_of_losses_sizes_or_exposures():
    codes = set().union(*refusing().values())
    assert codes == {
        "HALTED", "MARKET_STATE", "CLOCK_SKEW", "STALE_BALANCE", "STALE_BOOK", "STALE_ORACLE",
        "UNRESOLVED_ORDER", "DUPLICATE_ID", "GRID", "PRICE_BAND_ORACLE", "PRICE_BAND_MID", "SLIPPAGE",
        "RATE_LIMIT", "INSUFFICIENT_BALANCE", "RISK_STATE_UNKNOWN",
    }  # fmt: skip


@pytest.mark.parametrize("field", [*MARKET._fields, *ACCOUNT._fields])
def test_no_price_or_figure_that_is_missing_alone_keeps_anybody_in_a_perpetual(field):
    """But the ages of the book and of the account, and the clock's: without them nothing is known of now."""
    order = ORDER._replace(side=SELL, reduce_only=True, by_person=True)
    account, market = ACCOUNT._replace(position_lots=order.lots), MARKET
    if isinstance(getattr(market, field, 0), float):
        market = market._replace(**{field: math.nan})
    elif isinstance(getattr(account, field, 0), float):
        account = account._replace(**{field: math.nan})
    verdicts = {rule.__name__: rule(order, market, account, LIMITS).code for rule, _ in RULES}
    refused = {name for name, code in verdicts.items() if code != Denial.NONE}
    needed = {
        "book_age_s": {"stale_book"},
        "balance_age_s": {"stale_balance"},
        "clock_skew_s": {"clock_skew"},
        "free": {"balance"},
        "bid": {"mid_band"},
        "ask": {"mid_band"},
    }
    assert refused == needed.get(field, set())
