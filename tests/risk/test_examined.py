import ast
import inspect
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.examined import RULES, Outcome, examine
from defi_analytics.risk.gate import judge
from tests.risk.facts import ACCOUNT, LIMITS, MARKET, ORDER, REDUCING


def examined(limits=LIMITS, **changes):
    def changed(facts):
        return facts._replace(**{k: v for k, v in changes.items() if k in facts._fields})

    return {one.rule: one for one in examine(changed(ORDER), changed(MARKET), changed(ACCOUNT), limits)}


def test_the_rules_are_those_of_the_gate_in_its_order():
    calls = [n for n in ast.walk(ast.parse(inspect.getsource(judge))) if isinstance(n, ast.Tuple)]
    assert [rule.__name__ for rule, _ in RULES] == [call.func.id for call in calls[0].elts]


def test_a_rule_that_passes_tells_what_it_compared():
    found = examined()
    assert {one.outcome for one in found.values()} == {Outcome.PASSED}
    assert found["order_notional"][2:] == (Denial.ORDER_NOTIONAL, 500.0, 100.0)
    assert found["stale_book"][2:] == (Denial.STALE_BOOK, 10.0, 1.0)
    assert found["min_profit"][2:] == (Denial.MIN_PROFIT, 0.0005, 0.002)
    assert found["balance"][2:] == (Denial.INSUFFICIENT_BALANCE, 1_000.0, 50.0)
    assert found["exposure_asset"][3:] == (2_000.0, 200.0)
    assert found["grid"][2:] == (Denial.NONE, None, None)
    assert found["max_loss"][2:] == (Denial.MAX_LOSS, 1_000.0, 0.0)


def test_a_limit_that_nobody_asked_for_passes_without_a_figure():
    found = examined(LIMITS._replace(max_loss=math.inf), day_lost=5_000.0)
    assert found["max_loss"] == ("max_loss", Outcome.PASSED, Denial.NONE, None, None)


def test_a_short_account_whose_order_hedges_is_told_a_negative_exposure():
    assert examined(asset_long=-900.0, asset_short=-1_000.0)["exposure_asset"].value == -800.0


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"notional": 451.0}, "order_notional"),
        ({"since_exit_s": 310.0}, "cooldown"),
        ({"free": 55.0}, "balance"),
        ({"trades_today": 44}, "daily_trades"),
    ],
)
def test_what_comes_within_a_tenth_of_a_limit_is_near(changes, rule):
    found = examined(**changes)
    assert found[rule].outcome is Outcome.NEAR
    assert {one.outcome for name, one in found.items() if name != rule} == {Outcome.PASSED}


def test_what_reduces_is_exempt_from_size_and_judged_three_times_as_wide():
    found = examined(**REDUCING)
    sizes = ("order_notional", "trade_size_min", "position_size", "exposure_asset", "exposure_total")
    assert {found[name].outcome for name in sizes} == {Outcome.EXEMPT}
    assert found["stale_book"].limit == 30.0


def test_a_halt_refuses_and_the_rest_is_told_all_the_same():
    found = examined(state=TradingState.HALTED, notional=900.0)
    assert found["halted"][1:3] == (Outcome.REFUSED, Denial.HALTED)
    assert found["order_notional"][1:] == (Outcome.REFUSED, Denial.ORDER_NOTIONAL, 500.0, 900.0)


VALUES = st.sampled_from([-1.0, 0.0, 1.0, 30.0, 450.0, 5_000.0, math.nan, math.inf])


@given(
    st.dictionaries(
        st.sampled_from(["notional", "net_edge", "slippage", "book_age_s", "equity", "free", "since_exit_s"]),
        VALUES,
    )
)
def test_the_first_refusal_is_the_gates(changes):
    def changed(facts):
        return facts._replace(**{k: v for k, v in changes.items() if k in facts._fields})

    facts = changed(ORDER), changed(MARKET), changed(ACCOUNT)
    verdict = judge(*facts, LIMITS)
    refusals = [one for one in examine(*facts, LIMITS) if one.outcome is Outcome.REFUSED]
    assert verdict.code == (refusals[0].code if refusals else Denial.NONE)
