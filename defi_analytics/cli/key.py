import os
import secrets
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from defi_analytics.app.signing import hide_key, keystore, name_of
from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.key_grants import check, grant, revoke
from defi_analytics.cli.key_input import Name, confirmed, given_key, new_passphrase
from defi_analytics.cli.key_rows import KeyRow
from defi_analytics.cli.options import PassphraseFd
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.session import settings_of
from defi_analytics.cli.tree import Listing, new_app
from defi_analytics.errors import WrongState
from defi_analytics.keys import process
from defi_analytics.keys.keystore import StoredKey
from defi_analytics.keys.signer import KEY_BYTES, wipe

app = new_app(help="Make, keep and grant the key that signs. No key is ever an argument.", cls=Listing)

COLUMNS: Sequence[Column[KeyRow]] = (
    Column("Name", lambda r: r.name),
    Column("Address", lambda r: r.address),
    Column("File", lambda r: r.file, spare=1),
    Column("Problem", lambda r: r.problem, fold=True),
)


@app.command(epilog="Exit codes: 0 made, 4 no passphrase or an unsafe folder, 9 the name is taken.")
@with_common
def new(common: Common, name: Name = "", passphrase_fd: PassphraseFd = None) -> int:
    r"""Make a key on this machine and keep it encrypted; print its address.

    Let a wallet that holds the funds grant it trading: such a key cannot withdraw.

    \b
    Examples:
      defi key new
      defi key new spare --passphrase-fd 3 3< passphrase
    """
    process.harden()
    settings = settings_of(common).settings
    wanted = name_of(settings, name)
    _refuse_taken(common, wanted)
    passphrase = new_passphrase(common, settings, wanted, passphrase_fd)
    secret = bytearray(secrets.token_bytes(KEY_BYTES))
    try:
        hide_key(secret)
        made = keystore(settings).add(wanted, secret, passphrase)
    finally:
        wipe(secret)
    _tell(common, settings.network, made)
    return 0


@app.command(
    "import",
    epilog="Exit codes: 0 kept, 2 nobody to ask, 4 no key or another address, 9 the name is taken.",
)
@with_common
def import_key(
    common: Common,
    name: Name = "",
    from_fd: Annotated[
        int | None,
        typer.Option(
            "--from-fd", min=0, metavar="N", help="Read the key from this descriptor. [default: ask]"
        ),
    ] = None,
    expect_address: Annotated[
        str,
        typer.Option(
            "--expect-address",
            metavar="ADDRESS",
            help="Refuse a key of any other address. [default: ask]",
            show_default=False,
        ),
    ] = "",
    passphrase_fd: PassphraseFd = None,
) -> int:
    r"""Keep an existing key: 64 hexadecimal digits, or the words of a mnemonic.

    It is typed without being shown, and its address has to be confirmed.

    \b
    Examples:
      defi key import
      defi key import main --from-fd 0 --expect-address inj1… --passphrase-fd 3
    """
    process.harden()
    settings = settings_of(common).settings
    wanted = name_of(settings, name)
    _refuse_taken(common, wanted)
    secret = given_key(common, from_fd)
    try:
        confirmed(common, secret, expect_address)
        made = keystore(settings).add(wanted, secret, new_passphrase(common, settings, wanted, passphrase_fd))
    finally:
        wipe(secret)
    _tell(common, settings.network, made)
    return 0


@app.command("list")
@with_common
def list_keys(common: Common) -> int:
    r"""List the keys there are, with their addresses and files.

    \b
    Example:
      defi key list
    """
    settings = settings_of(common).settings
    rows = [_row(stored) for stored in keystore(settings).all()]
    if not rows and not common.quiet:
        say("defi: no keys yet; next: defi key new")
    emit(Document("key", rows, settings.network), COLUMNS, common)
    return 0


@app.command(epilog="Exit codes: 0 shown, 4 there is no such key, or its file is not safe.")
@with_common
def address(common: Common, name: Name = "") -> int:
    r"""Print the address of a key. It needs no passphrase, so only `check` proves it.

    \b
    Examples:
      defi key address
      defi key address agent
    """
    settings = settings_of(common).settings
    _print(common, settings.network, keystore(settings).found(name_of(settings, name)))
    return 0


app.command(epilog="Exit codes: 0 all is as it should be, 4 something is not, 8 no such market.")(check)
app.command(epilog="Exit codes: 0 printed, 2 what to grant is missing, 4 no such key, 8 no such market.")(
    grant
)
app.command(epilog="Exit codes: 0 printed, 2 the granter is missing, 4 there is no such key.")(revoke)


def _refuse_taken(common: Common, name: str) -> None:
    """Before anything is asked for."""
    path = keystore(settings_of(common).settings).folder / f"{name}.json"
    if os.path.lexists(path):
        raise WrongState(f"{path} exists", hint="choose another name: keys are never overwritten")


def _tell(common: Common, network: str, made: StoredKey) -> None:
    _print(common, network, made)
    if not common.quiet:
        say(f"defi: wrote {made.path}; keep a copy of it, and its passphrase elsewhere")
        say(f"  next: defi key grant {made.name} --granter inj1… --market INJ/USDT")


def _print(common: Common, network: str, stored: StoredKey) -> None:
    """The bare address, unless a form is asked for: it is meant for $(…)."""
    if common.output is Output.AUTO and not common.json:
        sys.stdout.write(f"{stored.address}\n")
    else:
        emit(Document("key", [_row(stored)], network), COLUMNS, common)


def _row(stored: StoredKey) -> KeyRow:
    return KeyRow(name=stored.name, address=stored.address, file=str(stored.path), problem=stored.problem)
