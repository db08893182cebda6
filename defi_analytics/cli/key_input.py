"""How a key and its passphrase come in: typed, or through a descriptor, and never as an argument."""

import os
from typing import Annotated

import typer

from defi_analytics.app.signing import hide_key
from defi_analytics.cli.common import Common
from defi_analytics.cli.envelope import say
from defi_analytics.config.settings import Settings
from defi_analytics.errors import AuthError, UsageError
from defi_analytics.keys import terminal
from defi_analytics.keys.address import account_of, bech32
from defi_analytics.keys.api import Secret
from defi_analytics.keys.mnemonic import private_key_of
from defi_analytics.keys.passphrase import Sources, passphrase, read_descriptor
from defi_analytics.keys.signer import public_key_of
from defi_analytics.log import hide

RETYPED = 6
"""Characters of the address: nobody takes it for the right one at a glance then."""
_MOST_BYTES = 1024

Name = Annotated[
    str,
    typer.Argument(metavar="[NAME]", help="The key. [default: keys.name, else agent]", show_default=False),
]


def new_passphrase(common: Common, settings: Settings, name: str, descriptor: int | None) -> Secret:
    """Raises AuthError where no source has one."""
    sources = Sources(name, descriptor, settings.keys.use_keyring, not common.no_input, new=True)
    given = passphrase(sources, os.environ)
    hide(given.secret.reveal())
    if given.warning and not common.quiet:
        say(f"defi: warning: {given.warning}")
    return given.secret


def given_key(common: Common, descriptor: int | None) -> bytearray:
    """Typed at the terminal, or read. Raises AuthError or UsageError, which repeat nothing of it."""
    if descriptor is None and common.no_input:
        raise UsageError("--no-input leaves nobody to type the key", hint="give it with --from-fd N")
    if descriptor is None:
        text = terminal.typed("Private key or mnemonic (not shown): ", hidden=True)
    else:
        text = read_descriptor(descriptor, _MOST_BYTES).decode(errors="replace")
    if len(text.strip()) >= RETYPED:
        hide(text.strip())
    secret = private_key_of(text)
    hide_key(secret)
    return secret


def confirmed(common: Common, secret: bytearray, expected: str) -> str:
    """The address, once it is known to be the one that was meant. Raises AuthError where it is another."""
    address = bech32(account_of(public_key_of(secret)))
    if expected:
        if expected != address:
            raise AuthError(f"the key belongs to {address}, not to the --expect-address")
        return address
    if common.no_input:
        raise UsageError(
            "--no-input leaves nobody to confirm the address", hint="give --expect-address inj1…"
        )
    say(f"the key belongs to {address}")
    if terminal.typed(f"Type its last {RETYPED} characters: ", hidden=False) != address[-RETYPED:]:
        raise AuthError("those are not the last characters of the address", hint="nothing was written")
    return address
