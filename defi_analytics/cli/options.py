"""The options of several commands: which account, and which key signs for it."""

from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common

if TYPE_CHECKING:
    from defi_analytics.app.signing import Asked

AccountName = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="ACCOUNT",
        help="paper, paper-NAME, or an address. [default: the only one of this network, else paper]",
    ),
]
SigningKey = Annotated[
    str, typer.Option("--key", metavar="NAME", help="The key that signs. [default: keys.name, else agent]")
]
PassphraseFd = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", min=0, metavar="N", help="Read its passphrase from this descriptor. [default: ask]"
    ),
]


def asked_for(common: Common, key: str, passphrase_fd: int | None, *, may_withdraw: bool = False) -> "Asked":
    from defi_analytics.app.signing import Asked

    return Asked(key, passphrase_fd, may_ask=not common.no_input, may_withdraw=may_withdraw)
