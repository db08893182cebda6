"""Secrets that nobody else has, and every form in which one of them could be found again."""

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, quote_plus

ENDS = 12


class Canary(NamedTuple):
    """One run's secrets: a private key, the same kind of key as words, a passphrase, an API key."""

    key: bytes
    words: str
    passphrase: str
    api_key: str

    def forms(self) -> dict[str, str]:
        """What must be found nowhere, by what it is."""
        texts = {
            "key": self.key.hex(),
            "words": self.words,
            "passphrase": self.passphrase,
            "api": self.api_key,
        }
        found = {f"{name} {form}": text for name, secret in texts.items() for form, text in _forms(secret)}
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found[f"key {encode.__name__} of its bytes"] = encode(self.key).decode().rstrip("=")
        found["key as bytes"] = repr(self.key)[2:-1]
        found["key as a number"] = str(int.from_bytes(self.key, "big"))
        return found


def hatched() -> Canary:
    from mnemonic import Mnemonic

    return Canary(
        key=secrets.token_bytes(32),
        words=Mnemonic("english").generate(128),
        passphrase=f"pass phrase/{secrets.token_urlsafe(18)}+é",
        api_key=f"UP-{secrets.token_hex(16)}",
    )


def _forms(secret: str) -> Iterator[tuple[str, str]]:
    raw = secret.encode()
    yield "raw", secret
    yield "upper", secret.upper()
    yield "hex", raw.hex()
    yield "base64", base64.b64encode(raw).decode().rstrip("=")
    yield "urlsafe base64", base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield "quoted", quote(secret, safe="")
    yield "plus-quoted", quote_plus(secret)
    yield "beginning", secret[:ENDS]
    yield "end", secret[-ENDS:]


def files(folder: Path) -> dict[str, bytes]:
    """Everything below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
