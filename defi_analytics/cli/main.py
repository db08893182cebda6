"""Entry point. `--version` and the top-level `--help` answer before anything heavy is imported."""

import os
import sys

from defi_analytics import __version__


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns the process's exit code (see errors.py)."""
    args = sys.argv[1:] if argv is None else argv
    if "_DEFI_COMPLETE" in os.environ:
        # A shell asks what could follow; the answer is not in `args`.
        from defi_analytics.cli.boundary import run

        return run(args)
    if args in (["--version"], ["-V"]):
        sys.stdout.write(f"defi {__version__}\n")
        return 0
    if args in ([], ["--help"], ["-h"]):
        with open(f"{__file__.removesuffix('main.py')}help.txt", encoding="utf-8") as text:  # noqa: PTH123 - pathlib costs 5 ms
            sys.stdout.write(text.read())
        return 0
    from defi_analytics.cli.boundary import run

    return run(args)
