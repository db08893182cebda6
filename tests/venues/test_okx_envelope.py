import pytest

from defi_analytics.errors import Malformed, RateLimited, Unavailable, UnknownMarket
from defi_analytics.venues.okx_envelope import rows_of


def test_the_rows_of_a_good_answer_are_left_unread():
    assert [bytes(row) for row in rows_of("okx", b'{"code":"0","msg":"","data":[{"a":1},7]}', "x")] == [
        b'{"a":1}',
        b"7",
    ]


@pytest.mark.parametrize(
    ("code", "error"),
    [("50011", RateLimited), ("51001", UnknownMarket), ("50013", Unavailable), ("60000", Malformed)],
)
def test_a_code_that_is_not_zero_is_an_error_of_its_kind(code, error):
    with pytest.raises(error) as raised:
        rows_of("okx", f'{{"code":"{code}","msg":"no","data":[]}}'.encode(), "tickers")
    assert type(raised.value) is error
    assert "tickers" in raised.value.message


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data":[]}', b'{"code":"0"}', b'{"code":0,"data":[]}'])
def test_what_is_no_envelope_is_malformed(body):
    with pytest.raises(Malformed):
        rows_of("okx", body, "tickers")
