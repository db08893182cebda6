import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import UsageError
from defi_analytics.sandbox.chain.faults import Fault, Faults, Kind, parse


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop_after", Fault(Kind.DROP_AFTER)),
        ("drop_after=0.2", Fault(Kind.DROP_AFTER, 0, 0.2)),
        ("drop_after@.5", Fault(Kind.DROP_AFTER, 0, 0.5)),
        ("late_inclusion", Fault(Kind.LATE_INCLUSION, 3)),
        ("late_inclusion=7@0.1", Fault(Kind.LATE_INCLUSION, 7, 0.1)),
        ("latency=0.4", Fault(Kind.LATENCY, 0.4)),
        ("halt=2", Fault(Kind.HALT, 2)),
    ],
)
def test_a_fault_is_a_kind_its_value_and_its_chance(text, fault):
    assert parse(text) == fault


@pytest.mark.parametrize(
    "text", ["", "typhoon", "drop_after=2", "drop_after=x", "halt=1.2.3", "latency=-1", "latency=1@7"]
)
def test_what_is_no_fault_is_a_usage_error(text):
    with pytest.raises(UsageError):
        parse(text)


@given(st.integers(0, 2**32), st.lists(st.sampled_from(list(Kind)), max_size=60))
def test_the_same_seed_and_requests_meet_the_same_faults_whatever_else_is_on(seed, asked):
    few = [parse("drop_after=0.3"), parse("latency=1@0.5")]
    first, again = Faults(few, seed), Faults([*few, parse("error_after=0.9")], seed)
    told = [(first.happens(kind), again.happens(kind)) for kind in asked]
    assert all(one == other for one, other in told if one or (other and other.kind != Kind.ERROR_AFTER))
    assert sum(first.counts.values()) == sum(one is not None for one, _ in told)


def test_a_chance_is_about_as_often_as_it_says():
    faults = Faults([parse("drop_before=0.25")], 1)
    happened = sum(faults.happens(Kind.DROP_BEFORE) is not None for _ in range(2_000))
    assert 430 < happened < 570
    assert faults.counts == {Kind.DROP_BEFORE: happened}
    assert faults.happens(Kind.DROP_AFTER) is None


def test_what_is_on_is_told_as_it_was_asked_for():
    faults = Faults([parse("late_inclusion=4@0.5"), parse("halt=2"), parse("drop_after=0.1")], 3)
    assert faults.on == {"late_inclusion": "4@0.5", "halt": "2", "drop_after": "@0.1"}
    assert faults.halt_now == Fault(Kind.HALT, 2)
    faults.set([parse("halt=2@0.5")], 4)
    assert (faults.halt_now, faults.on, faults.seed) == (None, {"halt": "2@0.5"}, 4)
