"""How long a person waits before anything happens."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.timing import Figure, paired, process
from tests.shared_data import ROOT

LIBRARIES = "import typer, httpx, msgspec, rich.table"
# All of `defi scan` up to where the event loop would start.
NO_LOOP = """
import asyncio
asyncio.run = lambda main, **options: main.close() or 0
from defi_analytics.cli.main import main
main(["scan"])
"""
# The same and on, until the first request would be sent.
NO_REQUEST = """
import os
from defi_analytics.http.client import Http
async def stop(self, call):
    os._exit(0)
Http._answered = stop
from defi_analytics.cli.main import main
main(["scan"])
"""
# As the pip that comes with Python 3.11 writes it; newer ones do without `re`.
SCRIPT = """#!{python}
# -*- coding: utf-8 -*-
import re
import sys
from defi_analytics.cli.main import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
"""
# Not a line that is commented out: every layer has to be read and checked.
SETTINGS = """
scan:
  min_edge_bps: 20
  against: [binance, okx]
venues:
  binance: {taker_fee: 0.00075}
logging:
  level: WARNING
"""


def figures() -> Iterator[Figure]:
    with TemporaryDirectory() as folder:
        yield from _figures(Path(folder))


def _figures(folder: Path) -> Iterator[Figure]:
    empty, configured = folder / "empty", folder / "configured"
    for each in (empty, configured):
        each.mkdir()
    (configured / "settings.yaml").write_text(SETTINGS)
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DEFI_")}
    # An installed package has its bytecode; here everything gets it in the round that is not measured.
    environ |= {"HOME": str(folder), "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    for name in ("XDG_CONFIG_HOME", "PYTHONDONTWRITEBYTECODE"):
        environ.pop(name, None)

    def python(code: str, cwd: Path = empty):
        return process([sys.executable, "-c", code], cwd, environ)

    defi, how = _console_script(folder)
    nothing, libraries = python("pass"), python(LIBRARIES)
    yield Figure(
        "defi --version / python -c pass",
        paired(process([defi, "--version"], empty, environ), nothing),
        1.5,
        how,
    )
    yield Figure(
        "defi --help / python -c pass", paired(process([defi, "--help"], empty, environ), nothing), 7.0, how
    )
    yield Figure(
        "defi scan --help / python -c pass",
        paired(process([defi, "scan", "--help"], empty, environ), nothing),
    )
    for name, cwd, target in (("no settings", empty, 1.3), ("settings.yaml", configured, None)):
        yield Figure(
            f"defi scan to the event loop, {name} / its libraries",
            paired(python(NO_LOOP, cwd), libraries),
            target,
        )
        yield Figure(
            f"defi scan to its first request, {name} / its libraries",
            paired(python(NO_REQUEST, cwd), libraries),
        )


def _console_script(folder: Path) -> tuple[str, str]:
    """The installed one, else one like it made for this run."""
    installed = Path(sys.executable).parent / "defi"
    if installed.exists():
        return str(installed), "installed script"
    made = folder / "defi"
    made.write_text(SCRIPT.format(python=sys.executable))
    made.chmod(0o755)
    return str(made), "script made for this run"
