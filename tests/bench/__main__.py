"""Every figure we promise, measured here and now: `python -m tests.bench [module…]`."""

import sys
from importlib import import_module

MODULES = ("start_up", "two_stages", "books", "walk")


def main(wanted: list[str]) -> int:
    """Exit code 1 when a figure misses its target."""
    width, missed = 74, 0
    print(f"{'figure':<{width}} {'ratio':>7} {'target':>7}")
    for name in wanted or MODULES:
        for figure in import_module(f"tests.bench.{name}").figures():
            target = "" if figure.target is None else f"{figure.target:.2f}"
            missed += figure.verdict == "MISS"
            print(
                f"{figure.name:<{width}} {figure.ratio:>7.2f} {target:>7}  {figure.verdict:<4}  {figure.note}".rstrip(),
                flush=True,
            )
    return int(bool(missed))


sys.exit(main(sys.argv[1:]))
