import sys

import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.keys.libraries import keccak, library


def test_the_digest_is_ethereums_and_not_sha3():
    """Source: the Keccak team's empty vector."""
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_a_missing_extra_is_one_line_that_says_what_to_install(monkeypatch):
    library.cache_clear()
    monkeypatch.setitem(sys.modules, "coincurve", None)
    with pytest.raises(ConfigError) as error:
        library("coincurve")
    assert error.value.message == "a signing key needs coincurve, which is not installed"
    assert "defi-analytics[injective]" in error.value.hint
    monkeypatch.undo()
    assert library("coincurve")
