"""Where the passphrase of a key comes from: the first of five sources that has one.

A descriptor, the service manager's credential, the system's keyring (where the settings ask for it), a person
at a terminal, and last, with a warning, the environment. It is never an argument.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from defi_analytics.errors import AuthError
from defi_analytics.keys import terminal
from defi_analytics.keys.api import Secret, system_keyring
from defi_analytics.keys.files import private_bytes

VARIABLE = "DEFI_PASSPHRASE"
CREDENTIALS = "CREDENTIALS_DIRECTORY"
"""Source: systemd.exec(5), LoadCredentialEncrypted=."""
CREDENTIAL = "defi-passphrase"
KEYRING_SERVICE = "defi-key"
SHORTEST = 8
_HIDDEN = 4
"""The log hides nothing shorter."""
_TRIES = 3
_MOST_BYTES = 1024
_OTHERS = 0o007
"""Not the group's: where the service manager grants by ACL, those bits are its mask."""


class Sources(NamedTuple):
    """Where to look for the passphrase of the key called `name`."""

    name: str
    descriptor: int | None = None
    use_keyring: bool = False
    may_ask: bool = True
    new: bool = False
    """To be typed twice, for there is nothing yet that could tell a mistyped one."""


class Given(NamedTuple):
    secret: Secret
    warning: str = ""


def passphrase(sources: Sources, environ: Mapping[str, str]) -> Given:
    """Raises AuthError where no source has one, or what it has cannot be one."""
    if sources.descriptor is not None:
        return Given(_usable(sources, read_descriptor(sources.descriptor, _MOST_BYTES), "--passphrase-fd"))
    folder = environ.get(CREDENTIALS, "")
    credential = Path(folder) / CREDENTIAL
    if folder and credential.exists():
        raw = private_bytes(credential, CREDENTIALS, _MOST_BYTES, _OTHERS)
        return Given(_usable(sources, raw, CREDENTIALS))
    stored = system_keyring(KEYRING_SERVICE, sources.name) if sources.use_keyring else None
    if stored:
        return Given(_usable(sources, stored.encode(), "the keyring"))
    if sources.may_ask and terminal.is_there():
        return Given(_asked(sources))
    if text := environ.get(VARIABLE, ""):
        warning = f"{VARIABLE}: programs started from this shell can read it; --passphrase-fd is safer"
        return Given(_usable(sources, text.encode(errors="surrogateescape"), VARIABLE), warning)
    raise _refused(f"key {sources.name} needs its passphrase, and no source has one")


def read_descriptor(descriptor: int, most_bytes: int) -> bytes:
    """Everything up to its end. Raises AuthError when it cannot be read or holds more."""
    raw = b""
    try:
        while len(raw) <= most_bytes and (chunk := os.read(descriptor, most_bytes)):
            raw += chunk
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such descriptor"
        raise AuthError(
            f"descriptor {descriptor} cannot be read: {reason}", hint="redirect one: 3<FILE"
        ) from None
    if len(raw) > most_bytes:
        raise AuthError(
            f"descriptor {descriptor} holds more than {most_bytes} bytes",
            hint="only the secret belongs there",
        )
    return raw


def _asked(sources: Sources) -> Secret:
    """A new one is asked for again after a slip; whether an old one is right, only its key tells."""
    least = f", at least {SHORTEST} characters" if sources.new else ""
    question = f"Passphrase of key {sources.name}{least}: "
    for _ in range(_TRIES - 1 if sources.new else 0):
        try:
            return _typed(sources, question)
        except _Slip as slip:
            question = f"{slip.message}. Once more{least}: "
    return _typed(sources, question)


def _typed(sources: Sources, question: str) -> Secret:
    first = terminal.typed(question, hidden=True)
    secret = _usable(sources, first.encode(errors="surrogateescape"), "the terminal")
    if sources.new and terminal.typed("The same again: ", hidden=True) != first:
        raise _Slip("the two passphrases differ", hint="nothing was written: try again")
    return secret


class _Slip(AuthError):
    """Of a person, who may try again."""


def _usable(sources: Sources, raw: bytes, origin: str) -> Secret:
    """Only a new one has to be long: that a short one is wrong, the key says that it is given for.

    But one that no log could hide among other words is none.
    """
    try:
        text = raw.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise _refused(f"{origin}: this is no text") from None
    if len(text) < (SHORTEST if sources.new else _HIDDEN):
        raise _refused(f"{origin}: a passphrase has at least {SHORTEST} characters")
    if not text.isprintable():
        raise _refused(f"{origin}: a passphrase is one line of printable text")
    return Secret(text)


def _refused(message: str) -> AuthError:
    return _Slip(
        message,
        hint=f"type it at a terminal, or see: --passphrase-fd, ${CREDENTIALS}/{CREDENTIAL}, keys.use_keyring",
    )
