from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import WrongState
from defi_analytics.sandbox.moment import FIRST_HEIGHT, BlockClock
from defi_analytics.sandbox.world import BLOCK_S, World
from tests.fakes import NOON, FakeClock

WORLD = World(1)


@pytest.fixture
def clock():
    return FakeClock()


def test_blocks_follow_the_clock_every_650_milliseconds(clock):
    blocks = BlockClock(WORLD, clock, 5)
    assert (blocks.moment().block, blocks.moment().at, blocks.held) == (5, NOON, False)
    clock.advance(0.64)
    assert blocks.moment().block == 5
    clock.advance(0.02)
    assert blocks.moment().block == 6
    clock.advance(650)
    assert blocks.moment().block == 1006
    assert 0 <= (clock.now() - blocks.moment().at).total_seconds() < 0.65


def test_a_wall_clock_that_is_set_back_moves_no_block(clock):
    blocks = BlockClock(WORLD, clock, 5)
    clock.advance(65)
    before = blocks.moment()
    clock.start -= timedelta(hours=1)
    assert blocks.moment() == before


def test_a_held_block_stays_until_told_and_is_always_of_now(clock):
    blocks = BlockClock(WORLD, clock, 5, hold=True)
    clock.advance(3_600)
    assert (blocks.moment().block, blocks.moment().at, blocks.held) == (5, clock.now(), True)
    blocks.advance(3)
    assert (blocks.moment().block, blocks.moment().at) == (8, clock.now())


def test_only_a_held_clock_can_be_advanced(clock):
    blocks = BlockClock(WORLD, clock, 5)
    with pytest.raises(WrongState, match="follow the clock"):
        blocks.advance(1)
    assert blocks.moment().block == 5


def test_heights_are_those_of_a_chain_that_has_run_for_years(clock):
    assert BlockClock(WORLD, clock).moment().height == FIRST_HEIGHT
    assert BlockClock(WORLD, clock, 7).moment().height == FIRST_HEIGHT + 7


@given(st.integers(-(10**6), 10**6), st.integers(0, 10**6), st.floats(0.01, 0.99))
def test_a_block_lasts_from_its_time_until_the_next_ones(block, current, part):
    moment = BlockClock(WORLD, FakeClock(), current, hold=True).moment()
    made_s = moment.time_of(block).timestamp()
    assert moment.block_at(made_s) == moment.block_at(made_s + part * BLOCK_S) == block
    assert moment.block_at(made_s - part * BLOCK_S) == block - 1


def test_a_halted_chain_goes_on_from_where_it_stopped(clock):
    blocks = BlockClock(World(1, block_s=1), clock)
    clock.advance(3)
    blocks.halt(10)
    before = blocks.moment()
    clock.advance(5)
    blocks.halt(6)
    clock.advance(5.5)
    assert blocks.moment() == before
    assert blocks.halted
    clock.advance(0.5)
    assert not blocks.halted
    assert (blocks.moment().block, blocks.moment().at) == (3, before.at + timedelta(seconds=11))
    clock.advance(2)
    assert (blocks.moment().block, blocks.moment().at) == (5, clock.now())


def test_a_held_chain_that_is_halted_is_not_advanced(clock):
    blocks = BlockClock(World(1), clock, hold=True)
    blocks.halt(1)
    with pytest.raises(WrongState):
        blocks.advance(1)
    clock.advance(1)
    blocks.advance(1)
    assert blocks.moment().block == 1


@pytest.mark.parametrize("block_s", [0.02, 0.05, 0.65, 2.0])
def test_blocks_are_as_long_as_they_are_told_to_be(clock, block_s):
    blocks = BlockClock(World(1, block_s=block_s), clock)
    clock.advance(1_000 * block_s)
    moment = blocks.moment()
    assert (moment.block, moment.block_at(moment.at.timestamp())) == (1_000, 1_000)
    assert moment.at == pytest.approx(clock.now(), abs=timedelta(milliseconds=1))
    assert (moment.at - moment.time_of(0)).total_seconds() == pytest.approx(1_000 * block_s)


def test_a_chain_is_known_by_its_seed_and_when_it_was_started():
    clock = FakeClock()
    one = BlockClock(World(1), clock).genesis
    assert BlockClock(World(1), clock).genesis == one
    assert BlockClock(World(2), clock).genesis != one
    clock.advance(1)
    assert BlockClock(World(1), clock).genesis != one
