import csv

import pytest

from defi_analytics.venues.injective.chain.refusals import (
    _KNOWN,
    EXCHANGE,
    SDK,
    expected_sequence,
    explained,
    refused,
)
from tests.shared_data import shared


@pytest.mark.parametrize(("codespace", "table"), [(EXCHANGE, "exchange"), (SDK, "sdk")])
def test_every_code_we_explain_is_the_chains_own(codespace: str, table: str):
    text = shared(f"samples/injective/schema/{table}_error_codes.tsv").read_text()
    chain = {int(row[0]): row[2] for row in csv.reader(text.splitlines(), delimiter="\t")}
    for known in _KNOWN:
        if known.codespace == codespace:
            assert known.chain_says in chain[known.code], known


def test_no_code_is_explained_twice():
    assert len({(known.codespace, known.code) for known in _KNOWN}) == len(_KNOWN)


def test_a_code_we_never_meet_is_named_as_it_is():
    assert explained("wasm", 5) == "refused with wasm 5"
    assert explained("\x1b[2J", 5).isprintable()


@pytest.mark.parametrize("known", [known for known in _KNOWN if known.chain_says != "insufficient funds"])
def test_a_wrapped_description_is_recognised(known):
    error = refused(
        f"failed to execute message; message index: 0: more: {known.chain_says} [core/x.go:7] with gas used: '5'"
    )
    assert (error.codespace, error.order_code) == (known.codespace, known.code)
    assert known.means in str(error)


def test_what_the_chain_says_cannot_steer_a_terminal():
    assert refused("\x1b[2J" * 50).message.isprintable()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("account sequence mismatch, expected 12, got 3: x", 12), ("sequence", None), ("", None)],
)
def test_a_mismatch_tells_the_sequence_it_wants(text, expected):
    assert expected_sequence(text) == expected
