import asyncio
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import Candle
from defi_analytics.errors import Malformed, Stale, Unavailable
from defi_analytics.venues import wire
from tests.fakes import NOON

PLAIN = st.decimals(min_value=Decimal("0.000001"), max_value=Decimal(10**9), places=6)


@given(PLAIN, PLAIN)
def test_a_level_is_read_to_the_float_nearest_to_its_text(price: Decimal, quantity: Decimal) -> None:
    (row,) = msgspec.json.decode(json.dumps([[str(price), str(quantity), "0"]]), type=wire.Side, strict=False)
    assert wire.levels([row]) == ((float(price),), (float(quantity),))


@given(PLAIN)
def test_an_exact_number_keeps_its_value_and_drops_trailing_zeros(value: Decimal) -> None:
    text = f"{value:f}"
    assert wire.exact(text) == value
    assert wire.exact(text + "000" if "." in text else text) == value


@pytest.mark.parametrize(
    ("text", "shown"), [("0.00100000", "0.001"), ("10.00", "10"), ("100", "100"), ("0", "0")]
)
def test_an_exact_number_is_shown_as_people_write_it(text: str, shown: str) -> None:
    assert str(wire.exact(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-1",
        "+1",
        "1e5",
        "1e1000000",
        "NaN",
        "inf",
        "1_0",
        "\u0661",
        " 1",
        "1\n",
        ".5",
        "5.",
        "9" * 19,
        "0." + "1" * 19,
    ],
)
def test_a_number_that_is_not_a_short_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="plain decimal"):
        wire.exact(text)


@pytest.mark.parametrize("text", [None, "", "0", "0.000"])
def test_a_step_that_is_not_told_is_refused_by_name(text: str | None) -> None:
    with pytest.raises(ValueError, match=r"tickSz is not told"):
        wire.step(text, "tickSz")


@given(st.integers(0, 4_102_444_799_999))
def test_a_time_survives_the_way_to_datetime_and_back(milliseconds: int) -> None:
    at = wire.utc(milliseconds)
    assert at.tzinfo is UTC
    assert wire.to_milliseconds(at) == milliseconds
    assert at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def test_candles_out_of_order_or_out_of_their_own_range_are_refused() -> None:
    good = Candle(NOON, 5.0, 6.0, 4.0, 5.5, 1.0)
    later = Candle(NOON + timedelta(minutes=1), 5.0, 6.0, 4.0, 5.5, 1.0)
    assert wire.checked_candles([good, later]) == [good, later]
    with pytest.raises(ValueError, match="order of time"):
        wire.checked_candles([later, good])
    for wrong in (Candle(NOON, 5.0, 5.4, 4.0, 5.5, 1.0), Candle(NOON, 5.0, 6.0, 5.1, 5.5, 1.0)):
        with pytest.raises(ValueError, match="own range"):
            wire.checked_candles([wrong])


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x"),
        OverflowError("x"),
        RecursionError("x"),
        UnicodeError("x"),
        msgspec.DecodeError("x"),
        ZeroDivisionError("x"),
    ],
)
def test_what_untrusted_bytes_can_raise_leaves_as_malformed(error: Exception) -> None:
    with pytest.raises(Malformed, match="venue: book: x"), wire.reading("venue", "book"):
        raise error


def test_our_own_errors_and_our_own_mistakes_are_not_disguised() -> None:
    for error in (Stale("venue", "old"), KeyError("a mistake of ours")):
        with pytest.raises(type(error)) as raised, wire.reading("venue", "book"):
            raise error
        assert raised.value is error


def test_a_long_reason_is_cut() -> None:
    with pytest.raises(Malformed) as raised, wire.reading("venue", "book"):
        raise ValueError("x" * 10_000)
    assert len(raised.value.message) < 250


async def test_both_requests_end_before_a_failure_of_either_is_told() -> None:
    ended = []

    async def slow(error: Exception | None) -> str:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        ended.append(True)
        if error is not None:
            raise error
        return "read"

    async def failing() -> str:
        raise Unavailable("venue", "down")

    assert await wire.together(slow(None), slow(None)) == ("read", "read")
    for one, two in ((failing(), slow(None)), (slow(None), failing())):
        ended.clear()
        with pytest.raises(Unavailable, match="down"):
            await wire.together(one, two)
        assert ended == [True]


def test_a_skipped_row_is_neither_a_value_nor_a_problem() -> None:
    assert wire.each("venue", [1, 2, 3], lambda row: row if row != 2 else None) == ([1, 3], ())
    assert wire.each("venue", [2], lambda row: None) == ([], ())


def test_the_first_five_unreadable_rows_are_named_by_number_and_the_rest_counted() -> None:
    values, problems = wire.each("venue", ["1", *"abcdefg"], int)
    assert values == [1]
    assert [problem.message.split(":")[1] for problem in problems[:5]] == [f" row {n}" for n in range(1, 6)]
    assert problems[5].message == "venue: 2 more rows dropped"


def row_at(seconds: float) -> wire.CandleRow:
    return wire.CandleRow(int(1000 * seconds), 5, 6, 4, 5, 1)


MONDAY_S = 4 * 86_400
"""The first one after 1970 began."""


@pytest.mark.parametrize(
    ("resolution_s", "times"),
    [(60, [60, 120, 300]), (14_400, [0, 28_800]), (604_800, [MONDAY_S, MONDAY_S + 604_800]), (60, [])],
)
def test_candles_may_leave_gaps_and_weeks_may_begin_on_mondays(resolution_s: int, times: list[int]) -> None:
    found = wire.candles([row_at(at) for at in times], resolution_s)
    assert [candle.at.timestamp() for candle in found] == times


@pytest.mark.parametrize(
    ("resolution_s", "times"),
    [
        (60, [30]),
        (60, [60, 60.001]),
        (3_600, [3_600, 5_400]),
        (604_800, [MONDAY_S, MONDAY_S + 86_400]),
        (604_800, [MONDAY_S + 60]),
    ],
)
def test_a_candle_off_the_grid_is_refused(resolution_s: int, times: list[float]) -> None:
    with pytest.raises(ValueError, match="off the grid"):
        wire.candles([row_at(at) for at in times], resolution_s)


@given(st.integers(0, 10_000), st.integers(1, 300), st.sampled_from([60, 3_600, 604_800]))
def test_an_honest_venue_is_never_cut_short_by_the_most_pages(
    steps: int, page: int, resolution_s: int
) -> None:
    most = wire.most_pages(timedelta(seconds=steps * resolution_s), resolution_s, page)
    full, rest = divmod(steps + 1, page)
    assert full + bool(rest) <= most <= full + 2
