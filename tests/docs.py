"""Writes help.txt and the marked blocks of README.md from the real thing: `python -m tests.docs`.

A block is a fence between `<!-- help: defi market book -->`, `<!-- output: defi version -->` or `<!-- sample: … -->`
and `<!-- end -->`. An output is the same each time but for times and ages; a sample's numbers move too.
"""

import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from defi_analytics.cli.tree import root

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
HELP = ROOT / "defi_analytics" / "cli" / "help.txt"
HELP_COLUMNS = 80
OUTPUT_COLUMNS = 100
NO_SANDBOX_PORT = "1"
"""Where no sandbox runs, so that a command starts its own and never meets a person's."""

_BLOCK = re.compile(
    r"(?P<head><!-- (?P<what>help|output|sample): (?P<args>[^\n]+?) -->\n```text\n)(?P<body>.*?)(?P<tail>```\n<!-- end -->)",
    re.DOTALL,
)


def command_tree() -> Mapping[tuple[str, ...], Any]:
    """Every command and sub-command by its path; the top level is ()."""
    return dict(_walk((), typer.main.get_command(root), None))


def _walk(path: tuple[str, ...], command: Any, parent: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if hasattr(command, "list_commands"):
        context = command.make_context(" ".join(path) or "defi", [], parent=parent, resilient_parsing=True)
        for name in command.list_commands(context):
            yield from _walk((*path, name), command.get_command(context, name), context)


def help_of(*path: str) -> str:
    """The help of a command, 80 columns wide, wherever this runs."""
    context, command = None, typer.main.get_command(root)
    for name in ("defi", *path):
        if context is not None:
            command = command.get_command(context, name)
        context = command.make_context(
            name, [], parent=context, resilient_parsing=True, terminal_width=HELP_COLUMNS
        )
    return f"{command.get_help(context)}\n"


def shown(line: str) -> str:
    """What a person at a terminal of 100 columns sees of a `defi` command, in an empty folder."""
    program = [sys.executable, "-m", "defi_analytics"]
    with tempfile.TemporaryDirectory() as folder:
        return _on_terminal([*program, *shlex.split(line)[1:]], clean_environment(Path(folder)), folder)


def clean_environment(folder: Path) -> dict[str, str]:
    """An environment without this machine's settings, where Injective is the sandbox."""
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("DEFI_", "ALLORA_", "XDG_"))
    }
    return kept | {
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": str(OUTPUT_COLUMNS),
        "TERM": "dumb",
        "NO_COLOR": "1",
        "DEFI_NETWORK": "sandbox",
        "DEFI_SANDBOX__PORT": NO_SANDBOX_PORT,
    }


def _on_terminal(command: list[str], environment: Mapping[str, str], folder: str) -> str:
    reader, terminal = pty.openpty()
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        seen = b"".join(_chunks(reader))
    os.close(reader)
    if process.returncode:
        raise RuntimeError(f"{shlex.join(command)} exited with {process.returncode}: {seen.decode()}")
    lines = seen.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n") + "\n"


def _chunks(reader: int) -> Iterator[bytes]:
    """What is written to a terminal until its last writer is gone, which Linux reports as an error."""
    try:
        while chunk := os.read(reader, 65536):
            yield chunk
    except OSError:
        return


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """(what, arguments, body) of every marked block."""
    for found in _BLOCK.finditer(text):
        yield found["what"], found["args"], found["body"]


def current(what: str, args: str) -> str:
    """What the body of a block should be."""
    return help_of(*args.split()[1:]) if what == "help" else f"$ {args}\n{shown(args)}"


def renewed(text: str) -> str:
    return _BLOCK.sub(lambda m: m["head"] + current(m["what"], m["args"]) + m["tail"], text)


def main() -> None:
    HELP.write_text(help_of(), encoding="utf-8")
    README.write_text(renewed(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
