"""Anyone can list a market: what strangers chose reaches no terminal, file or pipe as it was sent."""

import re
import unicodedata

import pytest

HOSTILE = "0x7e21c0d94fa36b58e9d1720c4b8f6a3357d2e1c0b9a8f7e6d5c4b3a291807f6e"
COMMANDS = [
    ["scan", "--include-rejected", "--top", "1000"],
    ["scan", "--include-rejected", "--explain", "--top", "1000"],
    ["scan", HOSTILE, "--include-rejected"],
    ["market", "list"],
    ["market", "show", HOSTILE],
    ["market", "book", HOSTILE],
    ["market", "candles", HOSTILE, "--count", "2"],
    ["market", "show", "ATOM/USDX"],
]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def steering(text):
    """Characters that do more than show themselves, but for line ends and tabs."""
    return {char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - set(
        "\n\t\r"
    )


@pytest.mark.parametrize("form", ["table", "plain", "csv", "ndjson", "json"])
@pytest.mark.parametrize("args", COMMANDS, ids=" ".join)
def test_no_form_of_output_lets_it_steer_a_terminal(defi, args, form):
    ran = defi(*args, "-o", form)
    assert steering(ran.out + ran.err) == set()
    if form != "csv":
        assert "\r" not in ran.out
    if form in {"json", "ndjson"}:
        assert ran.out.isascii()


@pytest.mark.parametrize("args", COMMANDS[:6], ids=" ".join)
def test_a_terminal_sees_our_own_colours_only(defi, args):
    ran = defi(*args, "--no-header", terminal=True)
    left = COLOUR.sub("", ran.out)
    assert steering(left) == set()
    # A ticker that begins with red must not colour anything: ours are bold, dim and the like.
    assert "<script>" not in left or "\x1b[31m" not in ran.out.split("<script>")[0][-20:]


def test_json_keeps_what_was_sent_for_those_who_need_it(defi):
    (row,) = defi("market", "show", HOSTILE, "--json").rows
    assert row["ticker"].startswith("\x1b[2J")
    assert row["base"] == ""
