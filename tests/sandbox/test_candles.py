from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.candles import MAX_CANDLES, bars, on_grid
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.prices import Noise, Path
from defi_analytics.sandbox.world import World
from tests.fakes import NOON, FakeClock

NOON_S = int(NOON.timestamp())
NOISE = Noise(5)
PATH = Path(10.0, 1e-3, Noise(6))
RESOLUTIONS = st.sampled_from([60, 300, 3_600, 86_400])


def moment(passed_s=0.0):
    clock = FakeClock()
    clock.advance(passed_s)
    return BlockClock(World(1), clock, 100_000, hold=True).moment()


@given(RESOLUTIONS, st.floats(-30, 10), st.floats(0, 30))
def test_the_candles_that_open_in_the_span_are_told_and_none_of_the_future(resolution_s, start, width):
    span = (NOON_S + start * resolution_s, NOON_S + (start + width) * resolution_s)
    found = [bar.open_s for bar in bars(moment(), float, NOISE, resolution_s, span)]
    newest = NOON_S // resolution_s * resolution_s
    opens = range(newest - 40 * resolution_s, newest + 1, resolution_s)
    assert found == [opened for opened in opens if span[0] <= opened <= span[1]]


def test_more_candles_than_are_told_at_once_leave_out_the_oldest():
    found = bars(moment(), float, NOISE, 60, (0, NOON_S))
    assert (len(found), found[-1].open_s) == (MAX_CANDLES, NOON_S)


@given(RESOLUTIONS, st.floats(0, 4_000))
def test_candles_join_and_enclose_their_own_prices(resolution_s, passed_s):
    found = bars(moment(passed_s), PATH.at, NOISE, resolution_s, (NOON_S - 5 * resolution_s, NOON_S + 1e6))
    assert all(later.open == earlier.close for earlier, later in pairwise(found))
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in found)


def test_the_forming_candle_ends_now_and_reads_no_later_price():
    read = []

    def price(block):
        read.append(block)
        return PATH.at(block)

    now = moment(1_000)
    assert bars(now, price, NOISE, 3_600, (NOON_S, NOON_S))[-1].close == PATH.at(now.block)
    assert max(read) == now.block


def test_a_candle_that_has_just_opened_is_one_price_and_no_volume():
    (bar,) = bars(moment(), PATH.at, NOISE, 60, (NOON_S, NOON_S))
    assert bar.volume == 0.0
    assert {bar.open, bar.high, bar.low, bar.close} == {PATH.at(100_000)}


@pytest.mark.parametrize("resolution_s", [60, 3_600, 86_400])
def test_volume_is_about_a_quarter_million_of_quote_an_hour_whatever_the_resolution(resolution_s):
    found = bars(moment(), PATH.at, NOISE, resolution_s, (NOON_S - 200 * resolution_s, NOON_S - 1))
    hourly = [bar.volume * bar.open * 3_600 / resolution_s for bar in found]
    assert sum(hourly) / len(hourly) == pytest.approx(250_000, rel=0.1)
    assert 0.35 * 250_000 < min(hourly) < max(hourly) < 1.65 * 250_000


def test_prices_on_a_grid_carry_no_float_noise():
    assert [on_grid(0.1 + 0.2, 0.1), on_grid(64_250.126, 0.01), on_grid(3e-6, 1e-6)] == [0.3, 64_250.13, 3e-6]
