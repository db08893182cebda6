"""The libraries that know secp256k1, Keccak-256 and key files: they come with the official SDK.

Loaded at first use, so that a command that signs nothing neither needs nor imports them.
"""

from functools import cache
from importlib import import_module
from typing import Any

from defi_analytics.errors import ConfigError


@cache
def library(name: str) -> Any:
    """Raises ConfigError where the `injective` extra is not installed."""
    try:
        return import_module(name)
    except ImportError:
        raise ConfigError(
            f"a signing key needs {name}, which is not installed",
            hint="pip install 'defi-analytics[injective]' (Python 3.11 or 3.12)",
        ) from None


def keccak(data: bytes) -> bytes:
    digest: bytes = library("sha3").keccak_256(data).digest()
    return digest
