import json

import pytest

from defi_analytics.domain.transaction import Sent
from defi_analytics.errors import AuthError, DataError, Unavailable
from defi_analytics.venues.injective.chain.submission import parse_submission, unanswered
from tests.shared_data import shared

HASH = "AB" * 32


def answer(code: int, codespace: str = "sdk", **more: str) -> bytes:
    return json.dumps(
        {"tx_response": {"txhash": HASH.lower(), "code": code, "codespace": codespace, **more}}
    ).encode()


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, Sent.ACCEPTED), (19, Sent.ACCEPTED), (32, Sent.REJECTED), (20, Sent.REJECTED)]
)
def test_the_code_decides_and_a_waiting_transaction_was_sent(code: int, outcome: Sent):
    assert parse_submission(answer(code), HASH).outcome is outcome


def test_a_log_is_cut_short():
    assert len(parse_submission(answer(5, raw_log="x" * 10_000), HASH).log) == 500


def test_a_full_mempool_is_no_success_though_the_answer_looks_whole():
    recorded = json.loads(shared("samples/injective/broadcast_docs/hummingbot.tx_failure.json").read_text())
    told = parse_submission(answer(recorded["code"], raw_log=recorded["rawLog"]), HASH)
    assert (told.outcome, told.code) == (Sent.REJECTED, 20)


def test_only_what_provably_never_left_is_refused_here():
    gone, kept = Unavailable("injective", "down"), DataError("injective", "not asked")
    kept.unsent = True
    assert [unanswered(error).outcome for error in (gone, kept, AuthError("401"))] == [
        Sent.UNKNOWN,
        Sent.REJECTED,
        Sent.UNKNOWN,
    ]
    assert unanswered(kept).codespace == "local"
