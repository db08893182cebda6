"""A process that holds a key: no core file shows its memory, and no other process of the user reads it."""

import ctypes
import os
import resource
import sys

_PR_SET_DUMPABLE = 4
"""Source: prctl(2). Undumpable: no core, no ptrace, and /proc/PID belongs to root."""
_OWNER_ONLY = 0o077


def harden() -> None:
    """For the rest of this process; also, whatever it makes from now on is the owner's alone."""
    os.umask(_OWNER_ONLY)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
