"""Every figure we promise, measured here and now: `python -m tests.bench [module…]`."""

import sys
from importlib import import_module

MODULES = ("start_up", "two_stages", "books", "walk", "backtest", "agent")


def main(wanted: list[str]) -> int:
    """Exit code 1 when a figure misses its target."""
    width, missed = 74, 0
    sys.stdout.write(f"{'figure':<{width}} {'ratio':>7} {'target':>7}\n")
    for name in wanted or MODULES:
        for figure in import_module(f"tests.bench.{name}").figures():
            target = "" if figure.target is None else f"{figure.target:.2f}"
            missed += figure.verdict == "MISS"
            line = (
                f"{figure.name:<{width}} {figure.ratio:>7.2f} {target:>7}  {figure.verdict:<4}  {figure.note}"
            )
            sys.stdout.write(f"{line.rstrip()}\n")
            sys.stdout.flush()
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
