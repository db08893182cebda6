import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.http.body import NotWhole, decoded


@given(st.binary(max_size=5_000))
def test_each_coding_we_accept_gives_the_body_back(body):
    for coding, raw in [
        ("", body),
        ("identity", body),
        ("gzip", gzip.compress(body)),
        (" X-GZIP ", gzip.compress(body)),
        ("deflate", zlib.compress(body)),
    ]:
        assert decoded(raw, coding, 5_000) == body


@given(st.binary(min_size=1, max_size=500), st.data())
def test_no_part_of_a_compressed_body_passes_for_the_whole(body, data):
    raw = gzip.compress(body)
    with pytest.raises(NotWhole):
        decoded(raw[: data.draw(st.integers(0, len(raw) - 1))], "gzip", 500)


@pytest.mark.parametrize("coding", ["", "gzip", "deflate"])
def test_the_limit_is_on_the_body_itself(coding):
    encode = {"": bytes, "gzip": gzip.compress, "deflate": zlib.compress}[coding]
    assert len(decoded(encode(bytes(1_000)), coding, 1_000)) == 1_000
    with pytest.raises(NotWhole, match="more than 1000 bytes"):
        decoded(encode(bytes(1_001)), coding, 1_000)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip, br", "compress", "*"])
def test_codings_we_did_not_ask_for_are_refused(coding):
    with pytest.raises(NotWhole, match="not asked for"):
        decoded(b"{}", coding, 100)


def test_a_body_that_lies_about_its_coding_is_refused():
    with pytest.raises(NotWhole, match="not gzip"):
        decoded(b'{"a":1}', "gzip", 100)


def test_bytes_after_the_compressed_body_are_refused():
    with pytest.raises(NotWhole, match="after the end"):
        decoded(gzip.compress(b"{}") + b"x", "gzip", 100)
