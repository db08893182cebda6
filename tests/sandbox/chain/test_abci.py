import pytest

from defi_analytics.sandbox.chain.abci import SdkCode, rejected
from tests.shared_data import shared


def recorded():
    rows = shared("samples/injective/schema/sdk_error_codes.tsv").read_text().splitlines()
    return {int(code): words for code, _, words in (row.split("\t") for row in rows)}


@pytest.mark.parametrize("code", list(SdkCode))
def test_codes_have_the_chains_words(code):
    failed = rejected(code, "why")
    assert (failed.code, failed.codespace) == (int(code), "sdk")
    assert failed.log == f"why: {recorded()[code]}"
    assert rejected(code).log == recorded()[code]
