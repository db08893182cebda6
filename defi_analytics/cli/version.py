import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from defi_analytics import __version__
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas_setup import VersionRow
from defi_analytics.cli.tree import new_app

PACKAGES = ("httpx", "msgspec", "rich", "tenacity", "typer", "injective-py")

app = new_app()

COLUMNS: Sequence[Column[VersionRow]] = (
    Column("Part", lambda r: r.name),
    Column("Version", lambda r: r.version),
)


@app.command("version")
@with_common
def show(common: Common) -> int:
    r"""Show the versions of defi and what it runs on.

    \b
    Example:
      defi version --json
    """
    rows = [
        VersionRow(name="defi", version=__version__),
        VersionRow(name="python", version=platform.python_version()),
        *(VersionRow(name=name, version=installed(name)) for name in PACKAGES),
    ]
    emit(Document("version", rows), COLUMNS, common)
    return 0


def installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
