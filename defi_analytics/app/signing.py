"""Which key signs: opened as late as can be, in a process that was hardened before."""

import base64
from collections.abc import Callable, Mapping
from typing import NamedTuple

from defi_analytics.config.settings import Settings
from defi_analytics.errors import AuthError
from defi_analytics.keys import process
from defi_analytics.keys.keystore import Keystore, StoredKey
from defi_analytics.keys.passphrase import Sources, passphrase
from defi_analytics.keys.signer import KeySigner
from defi_analytics.log import hide

DEFAULT_NAME = "agent"
OVERRIDE = "--i-understand-this-key-can-withdraw"
DEVELOPMENT_KEY = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Hardhat's and Anvil's first account, published everywhere: it owns something in the sandbox alone."""


class Asked(NamedTuple):
    """What a command was told about its key."""

    name: str = ""
    """Empty: the settings' key."""
    passphrase_fd: int | None = None
    may_ask: bool = True
    may_withdraw: bool = False
    """Mainnet: also with a key that owns what it trades."""


def keystore(settings: Settings) -> Keystore:
    return Keystore(settings.home / "keys")


def name_of(settings: Settings, name: str = "") -> str:
    """The name of a key in the keystore."""
    return name or settings.keys.name or DEFAULT_NAME


def signer_for(
    settings: Settings, asked: Asked, environ: Mapping[str, str], warn: Callable[[str], None]
) -> KeySigner:
    """The key that signs on the settings' network; close it when done. Raises AuthError.

    In the sandbox that is the development key, unless one is named. On mainnet a key that can withdraw is
    refused before its passphrase is asked for; that its grant is what it should be, only the chain can tell.
    """
    process.harden()
    if settings.network == "sandbox" and not (asked.name or settings.keys.name):
        return KeySigner(bytearray.fromhex(DEVELOPMENT_KEY))
    stored = keystore(settings).found(name_of(settings, asked.name))
    if settings.network == "mainnet" and not asked.may_withdraw:
        _refuse_owner(stored, settings.keys.granter)
    return opened(settings, stored.name, asked, environ, warn)


def opened(
    settings: Settings, name: str, asked: Asked, environ: Mapping[str, str], warn: Callable[[str], None]
) -> KeySigner:
    """A key of the keystore, which the log hides from now on."""
    keys = keystore(settings)
    # Nobody is asked for the passphrase of a key that is not there.
    keys.found(name)
    sources = Sources(name, asked.passphrase_fd, settings.keys.use_keyring, asked.may_ask)
    given = passphrase(sources, environ)
    hide(given.secret.reveal())
    if given.warning:
        warn(given.warning)
    secret = keys.opened(name, given.secret)
    hide_key(secret)
    return KeySigner(secret)


def hide_key(secret: bytearray) -> None:
    """From now on the log shows it in none of the forms that a key is written in."""
    hide(secret.hex())
    hide(secret.hex().upper())
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        hide(encode(secret).decode())
    hide(repr(bytes(secret))[2:-1])
    hide(str(int.from_bytes(secret, "big")))


def _refuse_owner(stored: StoredKey, granter: str) -> None:
    if granter in {"", stored.address}:
        raise AuthError(
            f"key {stored.name} owns what it trades: whoever gets hold of it can withdraw everything",
            hint=f"let the main wallet grant it trading (defi key grant) and set keys.granter, or {OVERRIDE}",
        )
