"""Entry point. `--version` and the top-level `--help` answer before anything heavy is imported."""

import sys
from typing import NamedTuple

from defi_analytics import __version__


class Entry(NamedTuple):
    """A command: the module of this package that holds it, its panel in `--help`, one line about it."""

    module: str
    panel: str
    summary: str


COMMANDS = {
    "scan": Entry("scan", "Find", "Find mispricings on Injective's order books, after every cost."),
    "predict": Entry("predict", "Find", "Show Allora's current predictions, with age and uncertainty."),
    "market": Entry("market", "Look", "List markets, show one, show its order book."),
    "venue": Entry("venue", "Look", "List the venues compared with, and whether they answer."),
    "topics": Entry("topics", "Look", "List what Allora predicts, and show one topic."),
    "sandbox": Entry("sandbox", "Practise", "Run a local Injective with planted mispricings."),
    "config": Entry("config", "Set up", "Show, check and create settings."),
    "doctor": Entry("doctor", "Set up", "Check this installation and every upstream it needs."),
    "schema": Entry("schema", "Set up", "Print the JSON Schema of a command's output."),
    "explain": Entry("explain", "Set up", "Explain a code that scan or an error printed."),
    "version": Entry("version", "Set up", "Show the versions of defi and what it runs on."),
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the process's exit code (see errors.py)."""
    args = sys.argv[1:] if argv is None else argv
    if args in (["--version"], ["-V"]):
        sys.stdout.write(f"defi {__version__}\n")
        return 0
    if args in ([], ["--help"], ["-h"]):
        with open(f"{__file__.removesuffix('main.py')}help.txt", encoding="utf-8") as text:  # noqa: PTH123 - pathlib costs 5 ms
            sys.stdout.write(text.read())
        return 0
    from defi_analytics.cli.boundary import run

    return run(args)
