"""The options of several commands: which account, which days, and which key signs for it."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from defi_analytics.cli.common import Common
from defi_analytics.errors import UsageError

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
    str,
    typer.Option(
        "--key",
        metavar="NAME",
        help="The key that signs. [default: keys.name, else agent; in the sandbox its own]",
    ),
]
PassphraseFd = Annotated[
    int | None,
    typer.Option(
        "--passphrase-fd", min=0, metavar="N", help="Read its passphrase from this descriptor. [default: ask]"
    ),
]

Since = Annotated[
    str, typer.Option("--since", metavar="DATE", help="From this UTC day on. [default: the first]")
]
Until = Annotated[
    str, typer.Option("--until", metavar="DATE", help="Up to and with this UTC day. [default: today]")
]


class Days(NamedTuple):
    """From and up to a UTC day, each included; None for no end."""

    first: date | None
    last: date | None

    def include(self, at: datetime) -> bool:
        day = at.astimezone(UTC).date()
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


def days(since: str, until: str) -> Days:
    """Raises UsageError for what is no day."""
    return Days(_day(since, "--since"), _day(until, "--until"))


def _day(given: str, option: str) -> date | None:
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        raise UsageError(f"{option} {given!r} is not a day such as 2026-01-31") from None


def asked_for(common: Common, key: str, passphrase_fd: int | None, *, may_withdraw: bool = False) -> "Asked":
    from defi_analytics.app.signing import Asked

    return Asked(key, passphrase_fd, may_ask=not common.no_input, may_withdraw=may_withdraw)
