"""Questions to a person at a terminal, past any redirection: never on standard output, never in a pipe."""

import getpass
import os

from defi_analytics.errors import AuthError

_TERMINAL = "/dev/tty"


def is_there() -> bool:
    """Whether this process has a terminal of its own to ask on."""
    try:
        os.close(os.open(_TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def typed(question: str, *, hidden: bool) -> str:
    """The line that was typed; `hidden`: without showing it. Raises AuthError where nobody answers."""
    try:
        if hidden:
            return getpass.getpass(question)
        with open(_TERMINAL, "r+b", buffering=0) as terminal:  # noqa: PTH123 - neither a file nor seekable
            terminal.write(question.encode())
            return _line(terminal.fileno())
    except (EOFError, OSError):
        raise AuthError("nothing was typed", hint="see --help for the ways to give it") from None


def _line(handle: int) -> str:
    raw = b""
    while not raw.endswith(b"\n"):
        more = os.read(handle, 4096)
        if not more:
            raise EOFError
        raw += more
    return raw.decode(errors="replace").strip()
