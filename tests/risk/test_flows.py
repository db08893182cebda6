"""A flow is neither profit nor loss, whenever it is declared: before or after equities that include it."""

import tracemalloc
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.flows import UNEXPLAINED, figures
from defi_analytics.risk.halting import EQUITY, FLOW, apply, observed
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState, day_loss, drawdown, week_loss
from tests.fakes import NOON

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("pay"), st.integers(1, 200)),
        st.tuples(st.just("gain"), st.integers(-20, 20)),
        st.tuples(st.sampled_from(["value", "accept"]), st.just(0)),
    ),
    max_size=30,
)


class Story:
    """An account that begins with 10,000, and a run that values it."""

    def __init__(self, capital=None):
        self.rows, self.worth, self.undeclared, self.state = [], 10_000, 0, RiskState()
        self.value()
        if capital:
            self.write("risk.capital", {"equity": 10_000.0, "amount": capital})

    def write(self, kind, body):
        self.rows.append((NOON, kind, body))
        self.state = apply(self.state, kind, NOON, body)

    def pay(self, amount):
        self.worth += amount
        self.undeclared += amount

    def gain(self, amount):
        self.worth += amount

    def value(self, _=0):
        told = {UNEXPLAINED: {"USDT": str(self.undeclared)}} if self.undeclared else {}
        self.write(EQUITY, {"equity": float(self.worth), **told})

    def accept(self, _=0):
        if self.undeclared:
            amount = {"amount": float(self.undeclared)}
            body = {**amount, "asset": "USDT", "quantity": str(self.undeclared)}
            self.write(FLOW, body | figures(lambda: self.rows, NOON, body))
            self.undeclared = 0

    @property
    def losses(self):
        return [drawdown(self.state), day_loss(self.state), week_loss(self.state)]


class Prompt(Story):
    """The same, of somebody who declares what is paid at once."""

    def pay(self, amount):
        super().pay(amount)
        super().accept()


@pytest.mark.parametrize("capital", [None, 1_000.0])
@given(steps=STEPS, sign=st.sampled_from([1, -1]))
def test_losses_are_what_they_would_be_had_each_flow_been_declared_at_once(capital, steps, sign):
    story, prompt = Story(capital), Prompt(capital)
    for name, amount in [*steps, ("accept", 0), ("value", 0)]:
        if name == "pay":
            # A flow scales the worth that was known last: both know the same when it comes.
            story.value()
            prompt.value()
        getattr(story, name)(sign * amount)
        getattr(prompt, name)(sign * amount)
    assert story.losses == pytest.approx(prompt.losses, abs=1e-9)
    assert story.state.equity == prompt.state.equity == story.worth


@pytest.mark.parametrize("amount", [500, -500])
def test_a_flow_that_a_run_has_valued_moves_no_loss_and_is_not_counted_twice(amount):
    story = Story()
    story.gain(-200)
    story.value()
    before = story.losses
    story.pay(amount)
    for _ in range(3):
        story.value()
    story.accept()
    assert story.losses == pytest.approx(before)
    records = observed(story.state, NOON, float(story.worth), RiskLimits())
    assert [record.kind for record in records] == [EQUITY]
    story.value()
    assert story.losses == pytest.approx(before)


def test_what_was_lost_after_the_deposit_stays_lost():
    story = Story()
    story.pay(10_000)
    story.value()
    story.gain(-1_000)
    story.value()
    story.accept()
    assert story.losses == pytest.approx([0.05] * 3)


@pytest.mark.parametrize("late", [[700], [700, 700], [700, 701, -5, 40]])
def test_a_fill_that_is_told_late_is_no_flow_however_late_it_is(late):
    story = Story()
    story.gain(-400)
    story.value()
    story.pay(-1_000)
    story.value()
    for level in late:
        story.undeclared = level - 1_000
        story.value()
    story.undeclared = -1_000
    story.value()
    story.accept()
    assert story.losses == pytest.approx([0.04] * 3)


def test_a_flow_that_no_equity_includes_is_folded_as_it_comes():
    story = Story()
    body = {"amount": 500.0, "asset": "USDT", "quantity": "500"}
    assert figures(lambda: story.rows, NOON, body) == {}


def test_a_flow_of_what_is_valued_elsewhere_is_folded_where_it_stands():
    """It names no asset: nothing of it was ever unexplained."""
    story = Story()
    story.write(FLOW, {"amount": -1_000.0})
    story.worth = 9_000
    story.pay(500)
    story.value()
    story.accept()
    assert story.losses == pytest.approx([0.0] * 3)


@pytest.mark.parametrize(
    ("told", "flow"),
    [
        ({UNEXPLAINED: 5}, {}),
        ({UNEXPLAINED: {"USDT": "much"}}, {}),
        ({UNEXPLAINED: {"USDT": "NaN"}}, {}),
        ({}, {"quantity": "0"}),
        ({UNEXPLAINED: {"USDT": "-10000"}}, {"amount": -10_000.0, "quantity": "-10000"}),
    ],
)
def test_what_cannot_be_folded_with_a_flow_is_told(told, flow):
    rows = [*Story().rows, (NOON, EQUITY, {"equity": 0.0, **told})]
    body = {"amount": 500.0, "asset": "USDT", "quantity": "500"} | flow
    with pytest.raises(ValueError, match=r"unexplained|no number|nothing"):
        figures(lambda: rows, NOON, body)


def test_a_journal_of_any_length_is_folded_in_the_same_memory():
    def rows(count):
        for number in range(count):
            yield NOON, EQUITY, {"equity": 10_000.0 - number % 7, UNEXPLAINED: {"USDT": "-500"}}

    body = {"amount": -500.0, "asset": "USDT", "quantity": "-500"}
    peaks = []
    for count in (100, 10_000):
        tracemalloc.start()
        assert figures(lambda count=count: rows(count), NOON, body)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Ten thousand of these rows take several times that; what runs beside the test takes some of it.
    assert peaks[1] < peaks[0] + 1_000_000


def test_figures_that_cannot_be_read_halt():
    body = {"amount": 500.0, "asset": "USDT", "quantity": "500", "peak_equity": 1.0}
    state = apply(Story().state, FLOW, NOON, body)
    assert (state.trading, state.code) == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN)


def test_two_assets_are_told_apart():
    story = Story()
    told = {"INJ": "20", "USDT": "500"}
    story.write(EQUITY, {"equity": 11_000.0, UNEXPLAINED: told})
    for asset, quantity in told.items():
        body = {"amount": 500.0, "asset": asset, "quantity": str(Decimal(quantity))}
        story.write(FLOW, body | figures(lambda: story.rows, NOON, body))
    assert (story.state.equity, story.losses) == (11_000.0, [0.0] * 3)
    assert story.state.peak_equity == 11_000.0
