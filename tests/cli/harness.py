"""The command line run inside the test: `main()` has its own event loop here, servers have theirs in a thread."""

import asyncio
import json
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

from defi_analytics import log
from defi_analytics.cli.main import main

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTED = frozenset({*range(11), *range(20, 25), 130, 143})


class Ran(NamedTuple):
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on standard output, honest about the exit code.

        Fails on anything more, or on text beyond ASCII.
        """
        assert self.out.isascii()
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert found["ok"] is (self.code in {0, 10}) is ("error" not in found)
        assert found["ok"] or found["error"]["exit_code"] == self.code
        return found

    @property
    def error(self) -> dict[str, Any]:
        return self.document["error"]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return self.document["data"]


class Background:
    """An event loop in a thread of its own."""

    def __enter__(self) -> Self:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def __exit__(self, *exc_info: object) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Defi:
    """`defi(...)` runs one command line."""

    def __init__(self, capsys: Any) -> None:
        self._capsys = capsys

    def __call__(self, *args: str, terminal: bool = False) -> Ran:
        """`terminal`: standard output and error say that they are one."""
        self._capsys.readouterr()
        for stream in (sys.stdout, sys.stderr):
            vars(stream)["isatty"] = lambda: terminal
        code = main(list(args))
        captured = self._capsys.readouterr()
        assert code in DOCUMENTED
        assert "Traceback" not in captured.out + captured.err
        return Ran(code, captured.out, captured.err)


def forget_log() -> None:
    """Takes out the handlers of the last run: its standard error is gone by the next test."""
    root = logging.getLogger()
    for handler in [each for each in root.handlers if isinstance(each.formatter, log._Line)]:
        root.removeHandler(handler)
        handler.close()


SETTINGS_VARIABLES = (
    "ALLORA_API_KEY",
    "NO_COLOR",
    "TERM",
    "COLUMNS",
    "LINES",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
)


def clean_environment(monkeypatch: Any, home: Any) -> None:
    """Nothing of the machine's own settings; state below `home`, which is also the working directory."""
    for name in [n for n in os.environ if n.startswith("DEFI_") and n != "DEFI_SHARED"]:
        monkeypatch.delenv(name)
    for name in SETTINGS_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("DEFI_HOME", str(home / "state"))
    monkeypatch.chdir(home)


def free_port() -> int:
    """Nobody listens there now, so no sandbox of somebody else answers in place of one's own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "defi_analytics", *args]


def process_environment(**more: str) -> dict[str, str]:
    """This one's, with the project importable from anywhere, and without what only tests are told by."""
    own = {
        name: text
        for name, text in os.environ.items()
        if name not in {"DEFI_SOAK", "DEFI_KILLS", "DEFI_ALONE"}
    }
    return {**own, "PYTHONPATH": str(ROOT), **more}


def process(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """One command line in a process of its own, without a terminal."""
    return subprocess.run(
        command(*args),
        env=process_environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
