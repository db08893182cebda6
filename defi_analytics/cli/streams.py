"""Standard streams that a shell closed, a reader left or a locale cripples: none of it is worth a crash."""

import io
import os
import sys
from typing import TextIO


def make_writable() -> None:
    """A closed stream swallows what is written; a character the locale lacks is written as its escape."""
    if sys.__stdout__ is None:
        sys.stdout = _nowhere()
    if sys.__stderr__ is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard(stream: TextIO) -> None:
    """What the stream still holds goes nowhere, or the interpreter complains at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
