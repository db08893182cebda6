import pytest

from defi_analytics.backtest.account import elapsed_s, opened, sent_within, traded
from tests.backtest.cases import RULES
from tests.builders_core import NOON_S


@pytest.mark.parametrize("span_s", [0.65, 60.0, 300.1, 86_400.000_001])
def test_time_passes_in_the_microseconds_that_dates_are_told_in(span_s):
    for begun in (NOON_S + 0.1, NOON_S + 0.333_333):
        assert elapsed_s(begun, begun + span_s) == span_s


def test_an_order_that_was_never_sent_is_no_recent_one():
    assert sent_within([-float("inf"), NOON_S - 60.0, NOON_S - 1.0], NOON_S, 60.0) == 2


def test_a_fill_is_remembered_and_changes_nothing_else():
    account = opened(RULES, NOON_S)
    assert traded(account, 1_001.5, NOON_S)[:-2] == account[:-2]
    assert traded(account, 1_001.5, NOON_S)[-2:] == (1_001.5, NOON_S)
