import math
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import Record, apply, capital_given, observed
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import Carried, RiskState, carried, day_loss, day_lost, drawdown, week_loss
from tests.fakes import NOON
from tests.risk.accounts import OTHER, SPOT

LOSSES = (drawdown, day_loss, week_loss)
AMOUNTS = st.floats(1.0, 1e6)


def equity(value):
    return Record("risk.equity", {"equity": value})


def flow(amount):
    return Record("risk.flow", {"amount": amount})


def folded(*records, state=None, at=NOON):
    found = state or RiskState()
    for record in records:
        found = apply(found, record.kind, at, record.body)
    return found


def losses(state):
    return [loss(state) for loss in LOSSES]


GIVEN = folded(equity(100_000.0), capital_given(1_000.0, 100_000.0))


def test_losses_are_fractions_of_the_capital_that_was_given():
    state = folded(equity(100_010), equity(99_970), state=GIVEN)
    assert (state.capital, state.apart, state.allotted) == (1_000.0, 99_000.0, True)
    assert day_loss(state) == week_loss(state) == pytest.approx(0.03)
    assert drawdown(state) == pytest.approx(40 / 1_010)
    assert observed(GIVEN, NOON, 99_949.0, RiskLimits())[1].body["code"] == "DRAWDOWN_HARD"
    assert len(observed(GIVEN, NOON, 99_951.0, RiskLimits())) == 1


def test_without_capital_the_whole_account_is_risked():
    state = folded(equity(100_000), equity(97_000))
    assert (state.capital, state.apart, state.allotted) == (math.inf, 0.0, False)
    assert losses(state) == pytest.approx([0.03] * 3)


def test_what_is_left_of_the_capital_is_what_the_next_day_loses_of():
    state = folded(equity(99_900), state=GIVEN)
    state = folded(equity(99_855), state=state, at=NOON + timedelta(days=1))
    assert day_loss(state) == pytest.approx(0.05)
    assert drawdown(state) == pytest.approx(0.145)


def test_an_account_that_has_less_than_the_capital_risks_what_it_has():
    state = folded(capital_given(1_000.0, 400.0), equity(390.0))
    assert state.apart == 0.0
    assert losses(state) == pytest.approx([0.025] * 3)


def test_paying_in_and_out_is_the_other_parts_as_long_as_it_lasts():
    state = folded(equity(99_950), flow(50_000), equity(149_950), state=GIVEN)
    assert (state.apart, losses(state)) == (149_000.0, pytest.approx([0.05] * 3))
    state = folded(flow(-149_000), equity(950), state=state)
    assert (state.apart, losses(state)) == (0.0, pytest.approx([0.05] * 3))
    state = folded(flow(-475), equity(475), state=state)
    assert (state.apart, losses(state)) == (0.0, pytest.approx([0.05] * 3))
    state = folded(flow(10_000), state=state)
    assert (state.apart, losses(state)) == (10_000.0, pytest.approx([0.05] * 3))


@given(AMOUNTS, st.floats(0.5, 1.5), AMOUNTS, st.one_of(st.none(), AMOUNTS))
def test_no_change_of_capital_makes_or_hides_a_loss(start, share, second, third):
    state = folded(equity(start), equity(start * share))
    before = losses(state)
    for amount in (second, third):
        # Assets that do not count any more may go with it: the equity it names is the next one's scale.
        state = folded(capital_given(amount, 3 * start), state=state)
        assert losses(state) == pytest.approx(before, abs=1e-6)
        assert state.equity == 3 * start
        assert state.apart == pytest.approx(max(0.0, 3 * start - (amount or math.inf)))
        assert state.trading is TradingState.ACTIVE


@given(AMOUNTS, st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=8))
def test_an_account_with_capital_loses_like_one_that_has_no_more(capital, moves):
    apart = 1e6
    own, small = folded(capital_given(capital, capital + apart)), folded(equity(capital))
    worth = capital
    for move in moves:
        worth *= 1 + move
        own, small = folded(equity(worth + apart), state=own), folded(equity(worth), state=small)
    assert losses(own) == pytest.approx(losses(small), abs=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        {"amount": 1_000.0},
        {"equity": 0.0, "amount": 1_000.0},
        {"equity": 1_000.0, "amount": 0.0},
        {"equity": 1_000.0, "amount": -1.0},
        {"equity": 1_000.0, "amount": "all"},
    ],
)
def test_capital_that_cannot_be_halts(body):
    for state in (RiskState(), GIVEN):
        after = apply(state, "risk.capital", NOON, body)
        assert (after.trading, after.code) == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN)


def test_after_all_of_it_was_lost_other_capital_begins_anew_but_lifts_no_halt():
    state = folded(*observed(GIVEN, NOON, 98_000.0, RiskLimits()), state=GIVEN)
    assert (state.code, carried(state)) == (Denial.DRAWDOWN_HARD, None)
    again = folded(capital_given(500.0, 98_000.0), state=state)
    assert (again.trading, again.code) == (TradingState.HALTED, Denial.DRAWDOWN_HARD)
    assert (again.apart, losses(again)) == (97_500.0, [0.0] * 3)
    just = folded(equity(99_000.0), capital_given(500.0, 99_000.0), state=GIVEN)
    assert (just.code, just.apart) == (Denial.NONE, 98_500.0)


def test_capital_may_be_small():
    assert folded(capital_given(0.5, 10.0)).apart == 9.5


def test_losses_are_carried_as_fractions_of_what_is_risked():
    before = folded(equity(100_100), equity(99_800), equity(99_900), state=GIVEN)
    past = carried(before)
    assert past == pytest.approx(Carried(1_100 / 900, 1_000 / 900, 800 / 900, 1_000 / 900, 800 / 900))
    after = folded(Record("risk.carried", {"equity": 50.0, **past._asdict()}))
    assert losses(after) == pytest.approx(losses(before))
    assert (after.equity, after.apart) == (50.0, 0.0)
    assert carried(RiskState()) is None
    assert carried(folded(equity(99_000), state=GIVEN)) is None
    assert carried(folded(equity(99_000.5), state=GIVEN)) is not None


@pytest.mark.parametrize("body", [{}, {"equity": 50.0}, {"equity": 50.0, "peak": "x"}])
def test_what_is_carried_in_part_or_too_late_halts(body):
    whole = {"equity": 50.0, **Carried(1.0, 1.0, 1.0, 1.0, 1.0)._asdict()}
    assert apply(RiskState(), "risk.carried", NOON, whole).trading is TradingState.ACTIVE
    assert apply(RiskState(), "risk.carried", NOON, body).trading is TradingState.HALTED
    assert apply(GIVEN, "risk.carried", NOON, whole).trading is TradingState.HALTED


@given(AMOUNTS, st.lists(st.tuples(st.floats(-0.2, 0.2), st.floats(-0.4, 3.0)), max_size=8))
def test_what_a_day_lost_is_the_sum_of_its_moves_whatever_was_paid_or_given_meanwhile(start, steps):
    state, worth, gone = folded(equity(start)), start, 0.0
    for move, share in steps:
        gone, worth = gone - worth * move, worth * (1 + move)
        paid = worth * share
        worth += paid
        state = folded(equity(worth - paid), flow(paid), state=state)
        state = folded(capital_given(0.5 * worth, worth), state=state)
    assert state.trading is TradingState.ACTIVE
    assert day_lost(state) == pytest.approx(gone, rel=1e-9, abs=1e-6 * start)


def test_without_capital_all_that_is_paid_in_is_risked():
    state = folded(equity(1_000), equity(900), flow(900))
    assert (state.apart, state.equity, losses(state)) == (0.0, 1_800.0, pytest.approx([0.1] * 3))


def test_with_capital_the_owners_own_of_what_is_traded_is_not_valued():
    reserved = {"INJ": Decimal(2), "USDC": Decimal(3), "WETH": Decimal(4)}
    assert GIVEN.left_out(reserved, [SPOT, OTHER]) == {"INJ": 2, "USDC": 3}
    assert RiskState().left_out(reserved, [SPOT, OTHER]) == {}
