import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from defi_analytics.domain.market import MarketKey
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import Record, apply, halt, market_text, observed, reduce, resume
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import FIGURES, RiskState, day_loss, day_lost, drawdown, rolled, week_loss
from defi_analytics.storage.codec import decode, encode
from tests.fakes import NOON

LIMITS = RiskLimits()
TOMORROW = datetime(2026, 1, 3, tzinfo=UTC)


def folded(*records, at=NOON, state=None):
    found = state or RiskState()
    for record in records:
        found = apply(found, record.kind, at, record.body)
    return found


def equity(value):
    return Record("risk.equity", {"equity": value})


def flow(amount):
    return Record("risk.flow", {"amount": amount})


START = folded(equity(1_000.0))
HALTED = folded(halt(Denial.HALTED, "looked odd", "ada"), state=START)


def test_it_begins_active_and_knowing_nothing():
    state = RiskState()
    assert (state.trading, state.code, state.day, state.trades_today) == (1, 0, "", 0)
    assert math.isnan(drawdown(state))
    assert math.isnan(day_loss(state))


def test_the_first_equity_is_what_losses_are_measured_from():
    assert replace(
        RiskState(), equity=1_000.0, peak_equity=1_000.0, day="2026-01-02", day_start_equity=1_000.0,
        day_low_equity=1_000.0, week="2025-12-29", week_start_equity=1_000.0, week_low_equity=1_000.0,
        day_basis=1_000.0,
    ) == START  # fmt: skip


def test_peak_and_low_remember_though_equity_moves_on():
    state = folded(equity(1_200), equity(900), equity(1_100), state=START)
    assert (state.equity, state.peak_equity, state.day_low_equity) == (1_100, 1_200, 900)
    assert drawdown(state) == pytest.approx(1 / 12)
    assert (state.week_start_equity, state.week_low_equity) == (1_000, 900)
    assert day_loss(state) == pytest.approx(0.1)


def test_what_is_counted_in_a_day():
    records = [Record("risk.trade", {"market": "m"})] * 3 + [Record("risk.gas", {"inj": 0.25})] * 2
    state = folded(*records, state=START)
    assert (state.trades_today, state.gas_today) == (3, 0.5)
    assert folded(Record("risk.gas", {"inj": 0}), state=START) == START


def test_a_new_day_starts_from_the_last_equity_and_forgets_counts_but_no_peak():
    state = folded(equity(900), Record("risk.trade", {}), Record("risk.gas", {"inj": 0.25}), state=START)
    just_before = TOMORROW - timedelta(microseconds=1)
    assert rolled(state, just_before) is state
    new = rolled(state, TOMORROW)
    assert (new.day, new.day_start_equity, new.day_low_equity) == ("2026-01-03", 900, 900)
    assert (new.trades_today, new.gas_today, new.peak_equity) == (0, 0.0, 1_000)
    later = apply(state, "risk.equity", TOMORROW, {"equity": 800})
    assert (later.day_start_equity, later.day_low_equity) == (900, 800), "a loss over night is the new day's"


def test_a_week_ends_with_its_sunday_and_remembers_its_lowest_until_then():
    saturday, monday = TOMORROW, TOMORROW + timedelta(days=2)
    state = apply(folded(equity(900), state=START), "risk.equity", saturday, {"equity": 950})
    assert (state.week, state.week_start_equity, state.week_low_equity) == ("2025-12-29", 1_000, 900)
    assert week_loss(state) == pytest.approx(0.1)
    assert rolled(state, monday - timedelta(microseconds=1)).week_low_equity == 900
    new = rolled(state, monday)
    assert (new.week, new.week_start_equity, new.week_low_equity) == ("2026-01-05", 950, 950)
    assert apply(new, "risk.equity", monday, {"equity": 940}).week_low_equity == 940


def test_a_clock_that_went_back_begins_no_week_again():
    state = rolled(START, TOMORROW + timedelta(days=2))
    assert rolled(replace(state, week_low_equity=1.0), NOON).week_low_equity == 1.0


def test_the_day_is_that_of_utc():
    early = datetime(2026, 1, 3, 5, tzinfo=timezone(timedelta(hours=9)))
    assert rolled(START, early) is START


def test_a_clock_that_went_back_does_not_begin_a_day_again():
    lost = apply(START, "risk.equity", NOON, {"equity": 900})
    assert rolled(lost, NOON - timedelta(days=1)) is lost
    assert rolled(lost, NOON + timedelta(hours=1)) is lost


@pytest.mark.parametrize("amount", [-500.0, 3_000.0])
def test_paying_in_or_out_is_neither_profit_nor_loss(amount):
    before = folded(equity(1_250), equity(1_000), state=START)
    after = folded(flow(amount), state=before)
    assert after.equity == 1_000 + amount
    assert drawdown(after) == pytest.approx(drawdown(before)) == pytest.approx(0.2)
    assert day_loss(after) == pytest.approx(day_loss(before))
    low = folded(equity(600), equity(800), state=START)
    assert day_loss(folded(flow(amount), state=low)) == pytest.approx(0.4)


def test_an_account_of_less_than_one_unit_is_measured_too():
    small = replace(START, equity=0.5, peak_equity=1.0, day_start_equity=0.5, day_low_equity=0.5)
    after = folded(flow(-0.25), state=small)
    assert (after.code, after.equity, after.peak_equity) == (Denial.NONE, 0.25, 0.5)


def test_a_flow_before_any_equity_moves_nothing():
    assert repr(folded(flow(5.0), at=NOON)) == repr(rolled(RiskState(), NOON))


@pytest.mark.parametrize("amount", [-1_000.0, -2_000.0])
def test_when_everything_is_paid_out_nothing_is_left_to_measure_from(amount):
    assert folded(flow(amount), state=START).code is Denial.RISK_STATE_UNKNOWN


def test_what_is_paid_into_an_account_that_never_had_anything_is_where_losses_begin():
    empty = folded(equity(0.0), at=NOON)
    after = folded(flow(1_000.0), state=empty)
    assert (after.code, after.equity, after.peak_equity) == (Denial.NONE, 1_000.0, 1_000.0)
    assert (day_loss(after), week_loss(after), day_lost(after)) == (0.0, 0.0, 0.0)


def test_nor_when_there_was_nothing():
    broke = folded(equity(0.0), state=START)
    assert folded(flow(100.0), state=broke).code is Denial.RISK_STATE_UNKNOWN


@pytest.mark.parametrize("first", ["a limit", "a person"])
def test_who_lifts_what_a_person_said_does_not_lift_what_a_limit_found(first):
    found, said = halt(Denial.MAX_LOSS, "lost 5", "risk"), halt(Denial.HALTED, "lunch", "ada")
    both = (found, said) if first == "a limit" else (said, found)
    stopped = folded(*both, state=START)
    assert (stopped.code, stopped.reason) == (Denial.MAX_LOSS, "lost 5")
    assert folded(resume(Denial.HALTED, "ada"), state=stopped).trading is TradingState.HALTED
    assert folded(resume(Denial.MAX_LOSS, "ada"), state=stopped).trading is TradingState.ACTIVE


def test_a_halt_says_who_why_and_when():
    assert (
        replace(
            START, trading=TradingState.HALTED, code=Denial.HALTED, reason="looked odd", by="ada", since=NOON
        )
        == HALTED
    )


def test_a_halt_latches_until_its_code_is_acknowledged():
    again = folded(equity(5_000), reduce(Denial.REDUCE_ONLY, "r", "bo"), state=HALTED)
    assert (again.trading, again.code, again.by) == (TradingState.HALTED, Denial.HALTED, "ada")
    assert rolled(again, TOMORROW).trading is TradingState.HALTED
    assert folded(resume(Denial.DRAWDOWN_HARD, "ada"), state=HALTED) == HALTED
    lifted = folded(resume(Denial.HALTED, "bo"), state=HALTED, at=TOMORROW)
    assert (lifted.trading, lifted.code, lifted.reason) == (TradingState.ACTIVE, Denial.NONE, "")
    assert (lifted.by, lifted.since) == ("bo", TOMORROW)


def test_the_latest_reason_is_the_one_to_acknowledge():
    both = folded(halt(Denial.DRAWDOWN_HARD, "lost", "risk"), state=HALTED)
    assert both.code is Denial.DRAWDOWN_HARD
    assert folded(resume(Denial.HALTED, "ada"), state=both).trading is TradingState.HALTED


def test_the_same_reason_again_keeps_its_first_time():
    again = folded(halt(Denial.HALTED, "still", "bo"), state=HALTED, at=NOON + timedelta(hours=1))
    assert again == HALTED


def test_reducing_is_lifted_likewise_and_a_halt_overrides_it():
    state = folded(reduce(Denial.REDUCE_ONLY, "slow down", "ada"), state=START)
    assert (state.trading, state.reason, state.by) == (TradingState.REDUCING, "slow down", "ada")
    assert folded(resume(Denial.REDUCE_ONLY, "ada"), state=state).trading is TradingState.ACTIVE
    assert folded(halt(Denial.REDUCE_ONLY, "stop", "ada"), state=state).trading is TradingState.HALTED


def test_resuming_what_was_not_stopped_changes_nothing():
    assert folded(resume(Denial.NONE, "ada", rebase=True), state=folded(equity(900), state=START)) == folded(
        equity(900), state=START
    )


def test_a_hard_drawdown_halts_and_only_a_rebase_forgets_the_peak():
    records = observed(START, NOON, 950.0, LIMITS)
    said = "drawdown 0.05 reached the limit 0.05 (fractions of peak equity)"
    assert records == (equity(950.0), halt(Denial.DRAWDOWN_HARD, said, "risk"))
    state = folded(*records, state=START)
    assert (state.trading, state.code, state.reason) == (TradingState.HALTED, Denial.DRAWDOWN_HARD, said)
    kept = folded(resume(Denial.DRAWDOWN_HARD, "ada"), state=state)
    assert (kept.trading, kept.peak_equity) == (TradingState.ACTIVE, 1_000)
    assert len(observed(kept, NOON, 950.0, LIMITS)) == 2, "it stands, so it halts again"
    rebased = folded(resume(Denial.DRAWDOWN_HARD, "ada", rebase=True), state=state)
    assert (rebased.peak_equity, rebased.day_start_equity) == (950, 1_000), "the day stays lost"
    assert observed(rebased, NOON, 950.0, LIMITS) == (equity(950.0),)


def test_just_short_of_it_nothing_halts():
    assert observed(START, NOON, 950.1, LIMITS) == (equity(950.1),)
    assert observed(RiskState(), NOON, 5.0, LIMITS) == (equity(5.0),)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_an_equity_that_is_not_known_is_not_written(wrong):
    assert observed(START, NOON, wrong, LIMITS) == ()


@pytest.mark.parametrize("body", [{}, {"equity": math.nan}, {"equity": "1000"}])
def test_an_equity_that_cannot_be_read_halts_and_keeps_the_last_that_was(body):
    state = folded(Record("risk.equity", body), state=START)
    assert (state.trading, state.code, state.equity) == (
        TradingState.HALTED,
        Denial.RISK_STATE_UNKNOWN,
        1_000,
    )
    assert state.reason == "a record of the risk state could not be read"


@pytest.mark.parametrize("name", ["portfolio_stop_loss", "max_loss"])
def test_a_limit_that_is_no_number_is_never_reached_and_leaves_no_halt_behind(name):
    """The gate refuses every order by it, for as long as it stands."""
    broken = LIMITS._replace(**{"portfolio_stop_loss": 9.0, name: math.nan})
    assert observed(START, NOON, 1.0, broken) == (equity(1.0),)


def test_an_equity_of_nothing_halts_what_had_something():
    assert folded(*observed(START, NOON, 0.0, LIMITS), state=START).code is Denial.DRAWDOWN_HARD
    assert observed(RiskState(), NOON, 0.0, LIMITS) == (equity(0.0),), "the gate knows no loss of nothing"


AMOUNT = LIMITS._replace(portfolio_stop_loss=0.9, max_loss=20.0)


def most_lost(state, at=NOON, limits=AMOUNT):
    """The highest whole worth below which so much is lost that trading halts."""
    worths = range(2_000, 0, -1)
    return next(w for w in worths if len(observed(state, at, float(w), limits)) > 1)


def test_a_largest_loss_halts_once_so_much_is_gone_since_the_day_began_wherever_the_peak_was():
    assert most_lost(START) == 980
    assert most_lost(folded(equity(1_083), equity(1_057), state=START)) == 980, "nothing of a gain is lost"
    said = "20.5 lost since 00:00 UTC reached the limit 20 (account currency)"
    records = observed(START, NOON, 979.5, AMOUNT)
    assert records == (equity(979.5), halt(Denial.MAX_LOSS, said, "risk"))
    assert observed(START, NOON, 900.0, LIMITS._replace(max_loss=20.0))[1].body["code"] == "DRAWDOWN_HARD"


def test_a_largest_loss_means_the_same_the_next_day_and_after_a_peak_was_forgotten():
    state = folded(equity(985), state=START)
    assert most_lost(state, TOMORROW) == 965
    assert most_lost(rolled(state, TOMORROW)) == 965
    stopped = folded(equity(949), halt(Denial.DRAWDOWN_HARD, "", "risk"), state=START)
    rebased = folded(resume(Denial.DRAWDOWN_HARD, "ada", rebase=True), state=stopped)
    assert most_lost(rebased, limits=AMOUNT._replace(max_loss=60.0)) == 940


def test_a_loss_that_was_the_largest_halts_again_the_same_day_unless_it_is_less_by_now():
    state = folded(*observed(START, NOON, 975.0, AMOUNT), state=START)
    resumed = folded(resume(Denial.MAX_LOSS, "ada"), state=state)
    assert resumed.trading is TradingState.ACTIVE
    assert len(observed(resumed, NOON, 975.0, AMOUNT)) == 2
    assert len(observed(resumed, NOON, 975.0, AMOUNT._replace(max_loss=26.0))) == 1
    assert len(observed(resumed, NOON, 981.0, AMOUNT)) == 1
    assert len(observed(resumed, TOMORROW, 975.0, AMOUNT)) == 1


@pytest.mark.parametrize("amount", [-500.0, 9_000.0])
def test_what_is_paid_in_or_out_is_no_part_of_a_largest_loss(amount):
    state = folded(equity(985), flow(amount), state=START)
    assert day_lost(state) == pytest.approx(15.0)
    for worth, halts in ((940.1, False), (939.9, True)):
        records = observed(state, NOON, worth + amount, AMOUNT._replace(max_loss=60.0))
        assert (len(records) > 1) is halts


def test_an_account_whose_price_is_missing_is_so_since_the_first_time_until_it_is_valued_or_resumed():
    silent = Record("risk.unvalued", {"missing": "WETH"})
    state = apply(folded(silent, state=START), silent.kind, NOON + timedelta(minutes=5), silent.body)
    assert state == replace(START, unvalued_since=NOON)
    assert folded(equity(1_000), state=state) == START
    halted = folded(halt(Denial.RISK_STATE_UNKNOWN, "", "risk"), state=state)
    assert halted.unvalued_since == NOON
    assert folded(resume(Denial.RISK_STATE_UNKNOWN, "ada"), state=halted).unvalued_since is None


def test_figures_of_before_are_those_of_a_day_without_flows():
    figures = dict.fromkeys(set(FIGURES) - {"day_basis"}, 1_000.0) | {"equity": 990.0, "apart": 0.0}
    state = folded(Record("risk.flow", {"amount": 5.0, **figures}), state=START)
    assert (state.trading, day_lost(state)) == (TradingState.ACTIVE, 10.0)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("risk.equity", {}),
        ("risk.equity", {"equity": None}),
        ("risk.equity", {"equity": "1000"}),
        ("risk.equity", {"equity": True}),
        ("risk.equity", {"equity": math.nan}),
        ("risk.equity", {"equity": math.inf}),
        ("risk.equity", {"equity": 10**400}),
        ("risk.equity", None),
        ("risk.flow", {"amount": []}),
        ("risk.flow", {"amount": False}),
        ("risk.halt", {}),
        ("risk.halt", {"code": "NEVER_HEARD", "reason": "", "by": ""}),
        ("risk.halt", {"code": [], "reason": "", "by": ""}),
        ("risk.halt", {"code": "HALTED", "by": ""}),
        ("risk.reduce", {"code": "HALTED", "reason": ""}),
        ("risk.resume", {"by": "", "rebase": 0}),
        ("risk.resume", {"ack": "HALTED", "by": ""}),
        ("risk.exit", {}),
        ("risk.gas", {"inj": -0.1}),
        ("risk.gas", {}),
        ("risk.tomorrow", {}),
    ],
)
def test_a_record_that_cannot_be_read_halts(kind, body):
    state = apply(START, kind, NOON, body)
    assert (state.trading, state.code, state.since) == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN, NOON)
    assert state.reason
    assert state.by == ""


def test_a_record_of_a_newer_kind_is_named():
    assert apply(START, "risk.tomorrow", NOON, {}).reason == "unknown record risk.tomorrow"


def test_records_of_others_change_nothing():
    assert apply(START, "riskier", TOMORROW, {}) is START
    assert apply(START, "order.signed", TOMORROW, {}) is START


def test_when_a_market_was_left_is_kept_by_market():
    key = MarketKey("injective", "0x1")
    state = folded(Record("risk.exit", {"market": market_text(key)}), state=START)
    state = apply(state, "risk.exit", TOMORROW, {"market": "injective|0x2"})
    assert state.exits == {"injective|0x1": NOON, "injective|0x2": TOMORROW}


def test_a_losing_day_with_a_hundred_restarts_is_lost_once_and_for_all():
    """Each restart folds the whole journal anew, then values the account again."""
    journal = []
    for restart in range(100):
        state = RiskState()
        for at, kind, body in journal:
            state = apply(state, kind, at, body)
        at = NOON + timedelta(minutes=restart)
        for record in observed(state, at, 1_000.0 if restart == 0 else 965.0 + restart % 3, LIMITS):
            journal.append((at, record.kind, decode(encode(record.body))))
            state = apply(state, record.kind, at, journal[-1][2])
        if restart:
            assert day_loss(state) == pytest.approx(0.035 if restart > 2 else day_loss(state))
            assert day_loss(state) >= LIMITS.max_daily_loss
    assert state.day_start_equity == 1_000


class Halting(RuleBasedStateMachine):
    """A model: what is halted stays halted until a resume names the standing code."""

    def __init__(self):
        super().__init__()
        self.journal, self.at, self.state = [], NOON, RiskState()
        self.stopped, self.highest = Denial.NONE, -math.inf

    def write(self, record):
        self.journal.append((self.at, record.kind, decode(encode(record.body))))
        self.state = apply(self.state, *[self.journal[-1][i] for i in (1, 0, 2)])

    @rule(hours=st.integers(0, 30))
    def time_passes(self, hours):
        self.at += timedelta(hours=hours)

    @rule(value=st.one_of(st.floats(1, 2_000), st.just(math.nan)))
    def value(self, value):
        for record in observed(self.state, self.at, value, LIMITS):
            self.write(record)
        if math.isnan(value):
            return
        self.highest = max(self.highest, value)
        if value <= self.highest * (1 - LIMITS.portfolio_stop_loss) * (1 - 1e-12):
            self.stopped = Denial.DRAWDOWN_HARD
        self.valued = True

    @rule()
    def halt(self):
        self.write(halt(Denial.HALTED, "", "ada"))
        self.stopped = self.stopped or Denial.HALTED

    @rule(code=st.sampled_from([Denial.HALTED, Denial.DRAWDOWN_HARD, Denial.RISK_STATE_UNKNOWN]))
    def resume(self, code):
        self.write(resume(code, "ada"))
        if code is self.stopped:
            self.stopped = Denial.NONE

    @rule()
    def restart(self):
        self.state = RiskState()
        for at, kind, body in self.journal:
            self.state = apply(self.state, kind, at, body)

    @precondition(lambda self: self.stopped is not Denial.NONE)
    @invariant()
    def what_is_halted_stays_so(self):
        assert self.state.trading is TradingState.HALTED

    @invariant()
    def the_peak_is_never_forgotten(self):
        if self.highest > 0:
            assert self.state.peak_equity == self.highest


TestHalting = Halting.TestCase
TestHalting.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_nothing_but_an_equity_begins_a_day():
    for record in (flow(1.0), Record("risk.gas", {"inj": 0.0}), Record("risk.exit", {"market": "m"})):
        assert folded(record, at=TOMORROW, state=START).day == START.day
    assert folded(Record("risk.equity", {}), at=TOMORROW, state=START).day > START.day
    assert folded(equity(1_000.0), at=NOON - timedelta(days=1), state=START).day == START.day


@pytest.mark.parametrize("skew_s", [LIMITS.max_clock_skew_s, -LIMITS.max_clock_skew_s])
def test_an_equity_of_unknown_date_is_not_written(skew_s):
    assert observed(START, NOON, 1_000.0, LIMITS, skew_s)
    for wrong in (skew_s * 1.01, math.nan, math.inf):
        assert observed(START, NOON, 1_000.0, LIMITS, wrong) == ()
        assert observed(START, NOON, math.nan, LIMITS, wrong) == ()
