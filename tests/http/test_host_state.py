from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.http.host_state import (
    WINDOW_S,
    HostState,
    Limits,
    Verdict,
    abandoned,
    answered,
    decoded,
    depart,
    encoded,
    enter,
    failed,
    full_window,
    told_to_wait,
)

BOOT = b"b" * 16
LIMITS = Limits(rate=3, breaker_failures=2, breaker_rest_s=30.0, probe_s=11.0)
times = st.floats(0, 1e9)
states = st.builds(
    HostState,
    st.lists(times, max_size=20).map(lambda sent: tuple(sorted(sent))),
    times,
    st.integers(0, 5),
    times,
    times,
)


@given(st.integers(1, 30), st.lists(st.floats(0, 0.4), max_size=300))
def test_no_window_ever_holds_more_requests_than_the_rate(rate, gaps):
    now, state, sent = 1000.0, HostState(), []
    for gap in gaps:
        now += gap
        state, admission = depart(state, now, LIMITS._replace(rate=rate))
        if admission.verdict is Verdict.GO:
            sent.append(now)
    assert all(later - earlier >= WINDOW_S for earlier, later in zip(sent, sent[rate:], strict=False))


@given(st.integers(1, 30), st.integers(1, 90))
def test_waiting_as_long_as_told_is_enough_and_the_rate_is_reached(rate, wanted):
    now, state, sent = 1000.0, HostState(), []
    for _ in range(4 * wanted):
        state, admission = depart(state, now, LIMITS._replace(rate=rate))
        if admission.verdict is Verdict.GO:
            sent.append(now)
        now += admission.wait_s
    assert len(sent) >= wanted
    assert sent[wanted - 1] - 1000.0 <= (wanted - 1) // rate * (WINDOW_S + 0.002)
    assert all(later >= earlier for earlier, later in pairwise(sent))


def test_a_host_that_asked_us_to_wait_is_left_alone_exactly_that_long():
    state = told_to_wait(HostState(), 100.0, 60.0)
    assert enter(state, 159.0, LIMITS)[1] == (Verdict.BLOCKED, 1.0, False)
    assert enter(state, 160.0, LIMITS)[1].verdict is Verdict.GO
    assert depart(state, 159.0, LIMITS)[1] == (Verdict.BLOCKED, 1.0, False)
    assert depart(state, 160.0, LIMITS)[1].verdict is Verdict.GO


def test_a_shorter_request_to_wait_does_not_shorten_a_longer_one():
    assert told_to_wait(told_to_wait(HostState(), 0.0, 60.0), 10.0, 1.0).blocked_until == 60.0


def test_failures_in_a_row_give_a_host_a_rest_and_then_exactly_one_probe():
    state = HostState()
    for _ in range(2):
        assert enter(state, 100.0, LIMITS)[1].verdict is Verdict.GO
        state = failed(state, 100.0, LIMITS, probe=False)
    assert enter(state, 129.0, LIMITS)[1] == (Verdict.RESTING, 1.0, False)
    state, first = enter(state, 130.0, LIMITS)
    assert (first.verdict, first.probe) == (Verdict.GO, True)
    assert enter(state, 130.0, LIMITS)[1] == (Verdict.RESTING, 11.0, False)
    assert enter(failed(state, 131.0, LIMITS, probe=True), 132.0, LIMITS)[1].verdict is Verdict.RESTING
    assert enter(abandoned(state, probe=True), 132.0, LIMITS)[1].probe
    assert enter(abandoned(state, probe=False), 132.0, LIMITS)[1].verdict is Verdict.RESTING
    assert answered(state).failures == 0
    assert not enter(answered(state), 132.0, LIMITS)[1].probe


def test_a_probe_that_was_killed_is_replaced_once_its_time_is_over():
    state = failed(failed(HostState(), 0.0, LIMITS, probe=False), 0.0, LIMITS, probe=False)
    state, _ = enter(state, 30.0, LIMITS)
    assert enter(state, 41.0, LIMITS)[1].probe


def test_an_answer_between_failures_starts_the_count_again():
    state = failed(answered(failed(HostState(), 0.0, LIMITS, probe=False)), 0.0, LIMITS, probe=False)
    assert enter(state, 0.0, LIMITS)[1].verdict is Verdict.GO


@given(states)
def test_a_record_is_read_as_it_was_written_whatever_follows_it(state):
    assert decoded(encoded(state, BOOT) + b"rest of a longer one", BOOT, 1e9, 1e9) == state


@given(states, st.data())
def test_any_flipped_bit_and_any_cut_are_noticed(state, data):
    raw = bytearray(encoded(state, BOOT))
    cut = bytes(raw[: data.draw(st.integers(1, len(raw) - 1))])
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    raw[bit // 8] ^= 1 << bit % 8
    assert decoded(bytes(raw), BOOT, 1e9, 1e9) is None
    assert decoded(cut, BOOT, 1e9, 1e9) is None


@given(st.binary(min_size=1, max_size=400))
def test_noise_is_never_taken_for_a_record(noise):
    assert decoded(noise, BOOT, 1e9, 1e9) is None


def test_no_record_yet_is_an_empty_one():
    assert decoded(b"", BOOT, 5.0, 100.0) == HostState()


def test_a_record_of_another_boot_is_no_record():
    blocked = HostState(blocked_until=50.0)
    assert decoded(encoded(blocked, b"a" * 16), BOOT, 5.0, 100.0) == HostState()
    assert decoded(encoded(blocked, BOOT), BOOT, 5.0, 100.0) == blocked


def test_a_record_from_a_time_that_has_not_come_is_of_another_boot():
    assert decoded(encoded(HostState(sent=(6.0,)), BOOT), BOOT, 5.0, 100.0) == HostState()
    assert decoded(encoded(HostState(blocked_until=106.0), BOOT), BOOT, 5.0, 100.0) == HostState()


def test_a_damaged_record_costs_a_pause_and_no_more():
    state = full_window(100.0, 3)
    assert depart(state, 100.0, LIMITS)[1].verdict is Verdict.PACED
    assert depart(state, 100.0 + WINDOW_S, LIMITS)[1].verdict is Verdict.GO
