import pytest

from defi_analytics.sandbox.ledger.keccak import keccak256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"),
    ],
)
def test_known_digests(data, digest):
    assert keccak256(data).hex() == digest


def test_every_length_around_a_block_is_padded_differently():
    digests = {keccak256(b"x" * length) for length in range(130, 275)}
    assert len(digests) == 145
    assert {len(digest) for digest in digests} == {32}
