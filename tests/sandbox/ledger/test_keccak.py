import sys

import pytest

from defi_analytics.sandbox.ledger import keccak

KNOWN = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
}


@pytest.fixture(params=["as installed", "without the extra"])
def keccak256(request, monkeypatch):
    keccak._native.cache_clear()
    if request.param == "without the extra":
        monkeypatch.setitem(sys.modules, "sha3", None)
    yield keccak.keccak256
    keccak._native.cache_clear()


@pytest.mark.parametrize("data", KNOWN)
def test_known_digests(keccak256, data):
    assert keccak256(data).hex() == KNOWN[data]


def test_both_ways_agree_on_every_length_around_a_block():
    for length in range(130, 275):
        data = bytes(range(256)) * 2
        assert keccak.keccak256(data[:length]) == keccak.plain(data[:length])
