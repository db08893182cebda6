import pytest

from defi_analytics.sandbox.ledger.failed import Authz, Code, Failed, Sdk, failure
from tests.shared_data import shared


def published(name):
    rows = (line.split("\t") for line in shared(f"samples/injective/schema/{name}").read_text().splitlines())
    return {int(code): words for code, _, words in rows}


@pytest.mark.parametrize(
    ("codes", "table"), [(Code, "exchange_error_codes.tsv"), (Sdk, "sdk_error_codes.tsv")]
)
def test_every_code_has_the_chains_own_words(codes, table):
    words = published(table)
    for code in codes:
        assert failure(code).log == words[code], code


def test_a_detail_comes_before_the_words():
    one = failure(Code.CID_EXISTS, "a b")
    assert (one.code, one.codespace, one.log) == (
        97, "exchange", "a b: client order id already exists",
    )  # fmt: skip
    assert failure(Sdk.UNAUTHORIZED, "who").log == "who: unauthorized"
    assert failure(Authz.EXPIRED, "late").log == "late: authorization expired"
    assert failure(Authz.EXPIRED).codespace == "authz"


def test_a_failure_has_no_order_hash_until_its_order_had_one():
    failed = Failed(1, "exchange", "words")
    assert (str(failed), failed.order_hash) == ("words", "")
