"""A person at a real terminal: what is asked there is answered there."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_ON_TERMINAL = "import os, sys; os.login_tty(0); os.execvp(sys.argv[1], sys.argv[1:])"
_PATIENCE_S = 60


class Talk(NamedTuple):
    code: int
    screen: str


def talk(
    command: Sequence[str], answers: Mapping[str, str], environment: Mapping[str, str], folder: str
) -> Talk:
    """Runs it on a terminal of its own; each key of `answers` is waited for, then its value typed."""
    person, terminal = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _ON_TERMINAL, *command], cwd=folder, env=environment, stdin=terminal
    ) as process:
        os.close(terminal)
        seen, waiting = "", list(answers.items())
        while select.select([person], [], [], _PATIENCE_S)[0]:
            try:
                chunk = os.read(person, 65536)
            except OSError:  # the last writer is gone
                break
            seen += chunk.decode(errors="replace")
            if waiting and waiting[0][0] in seen.rpartition("\x00")[2]:
                os.write(person, f"{waiting.pop(0)[1]}\n".encode())
                seen += "\x00"
        process.kill() if process.poll() is None and waiting else None
        code = process.wait(_PATIENCE_S)
    os.close(person)
    return Talk(code, seen.replace("\x00", "").replace("\r\n", "\n"))
