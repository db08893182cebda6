from contextlib import suppress
from decimal import Decimal

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.cli.measures import flows, number, positive, seconds, sizes
from defi_analytics.errors import UsageError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("500ms", 0.5),
        ("2s", 2.0),
        ("2m", 120.0),
        ("1.5h", 5400.0),
        ("8h", 28_800.0),
        ("1d", 86_400.0),
        (" 24 H ", 86_400.0),
        ("2days", 172_800.0),
        ("20min", 1200.0),
        ("0.000001s", 0.000001),
    ],
)
def test_a_duration_is_a_number_with_or_without_its_unit(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["", "h", "-1h", "8 weeks", "2,5s", "1h30m", "nan", "inf", "1e3", "soon", "\u0661s", "1_000", "1" * 400],
)
def test_anything_else_is_no_duration(text):
    with pytest.raises(typer.BadParameter, match="is not a duration such as 500ms, 2s"):
        seconds(text)


def test_a_duration_may_not_be_nothing_nor_less_than_what_makes_sense():
    with pytest.raises(typer.BadParameter, match="'0s' is too short: it must be more than nothing"):
        seconds("0s")
    with pytest.raises(typer.BadParameter, match=r"'99ms' is too short: it must be at least 0\.1 s"):
        seconds("99ms", least_s=0.1)
    assert seconds("100ms", least_s=0.1) == 0.1


def test_a_number_alone_may_count_in_another_unit_but_a_unit_that_is_said_is_meant():
    assert seconds("15", bare_s=60) == 900
    assert seconds("90s", bare_s=60) == 90


@given(st.text(max_size=12))
def test_no_text_is_worse_than_refused(text):
    with suppress(typer.BadParameter):
        assert 0 < seconds(text) < float("inf")
    with suppress(UsageError):
        assert 0 < sizes([text]).notionals[0] < float("inf")


@pytest.mark.parametrize(
    ("text", "notional", "quote"),
    [
        ("500", 500.0, ""),
        ("500USDT", 500.0, "USDT"),
        (" 500.5 usdt ", 500.5, "USDT"),
        ("1,000USDT", 1000.0, "USDT"),
        ("1_000 USDT", 1000.0, "USDT"),
        ("1'000", 1000.0, ""),
        ("12,345,678.25 USDC", 12_345_678.25, "USDC"),
        ("1kUSDT", 1000.0, "USDT"),
        ("2.5k", 2500.0, ""),
        ("1K", 1000.0, ""),
        ("1K USDT", 1000.0, "USDT"),
        ("1k usdt", 1000.0, "USDT"),
        ("5 KAVA", 5.0, "KAVA"),
    ],
)
def test_a_size_is_written_as_people_write_amounts(text, notional, quote):
    assert sizes([text]) == ((notional,), quote)


@pytest.mark.parametrize("text", ["5KAVA", "5kava", "1kusdt", "1KUSDT"])
def test_a_k_that_may_begin_the_currency_is_asked_back(text):
    with pytest.raises(UsageError, match=r"could be \d .* or \d thousand") as caught:
        sizes([text])
    assert "put a space" in caught.value.hint


@pytest.mark.parametrize("text", ["1,5", "1,00USDT", "1.000,50", "1,0000", "1,000_000", "1000,000"])
def test_a_comma_that_does_not_separate_thousands_is_explained(text):
    with pytest.raises(UsageError, match="is not a notional") as caught:
        sizes([text])
    assert "a point the decimals" in caught.value.hint


@pytest.mark.parametrize("text", ["", "abc", "-5", "1e3", "5 000", "inf", "1k k", "5 USDT!"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(UsageError, match="--size"):
        sizes([text])


def test_nothing_is_no_size():
    with pytest.raises(UsageError, match="more than nothing"):
        sizes(["0.0"])


def test_sizes_share_one_currency():
    assert sizes(["1k", "500USDT", "2 usdt"]) == ((1000.0, 500.0, 2.0), "USDT")
    assert sizes([]) == ((), "")
    with pytest.raises(UsageError, match="INJ and USDT"):
        sizes(["5USDT", "5INJ"])


def test_a_flow_is_an_asset_and_an_exact_amount_of_either_sign():
    exact = "0.000000000000000001"
    assert flows(["usdt=250", f"stINJ=-{exact}"]) == [("usdt", Decimal(250)), ("stINJ", -Decimal(exact))]


@pytest.mark.parametrize("texts", [["USDT"], ["=1"], ["USDT=1e3"], ["USDT=NaN"], ["USDT=1", "usdt=1"]])
def test_other_flows_are_usage_errors(texts):
    with pytest.raises(UsageError):
        flows(texts)


@pytest.mark.parametrize(("text", "value"), [("20", 20.0), ("0.5", 0.5), ("1e2", 100.0), ("-1", -1.0)])
def test_a_number_is_a_finite_one(text, value):
    assert number(least=-1, most=100)(text) == value


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "1e999", "", "ten", "NaN"])
def test_what_is_not_finite_is_no_number(text):
    with pytest.raises(typer.BadParameter, match="is not a number"):
        number(least=0)(text)


def test_a_number_out_of_its_range_is_told_the_range():
    for text in ("0", "-5"):
        with pytest.raises(typer.BadParameter, match=f"'{text}' is out of range: it must be more than 0"):
            positive(text)
    assert positive("0.5") == 0.5
    with pytest.raises(typer.BadParameter, match="'-1' is out of range: it must be at least 0"):
        number(least=0)("-1")
    with pytest.raises(typer.BadParameter, match=r"it must be from 0.01 to 60"):
        number(least=0.01, most=60)("61")
