import json
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas_setup import SettingRow
from defi_analytics.cli.session import settings_of
from defi_analytics.cli.tree import new_app
from defi_analytics.config.loaded import PREFIX
from defi_analytics.errors import WrongState

app = new_app(help="Show, check and create settings.", no_args_is_help=True)

COLUMNS: Sequence[Column[SettingRow]] = (
    Column("Setting", lambda r: r.name),
    Column("Value", lambda r: r.value, fold=True),
    Column("Origin", lambda r: r.origin),
)


@app.command()
@with_common
def show(
    common: Common,
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
) -> int:
    r"""Show the settings in force. Secrets are never part of them.

    \b
    Examples:
      defi config show
      defi config show --origin --json
    """
    from defi_analytics.config.render import render_yaml, values

    loaded = settings_of(common)
    if common.format is Output.TABLE or (common.format is Output.PLAIN and common.output is Output.AUTO):
        sys.stdout.write(render_yaml(loaded.settings, loaded.origins if origin else None))
        return 0
    rows = [
        SettingRow(name=name, value=_text(value), origin=loaded.origins.get(name, "default"))
        for name, value in ((".".join(trail), value) for trail, value in values(loaded.settings))
    ]
    emit(Document("config", rows, loaded.settings.network), COLUMNS, common)
    return 0


def _text(value: object) -> str:
    """Texts and numbers as they are; anything else as JSON, never as Python."""
    if isinstance(value, Decimal):
        return decimal_text(value) or ""
    return str(value) if isinstance(value, str | Path) else json.dumps(msgspec.to_builtins(value))


@app.command(epilog="Exit codes: 0 valid, 3 not; every violation is named with file and line.")
@with_common
def validate(
    common: Common,
    file: Annotated[list[Path] | None, typer.Argument(help="Files to check besides the usual ones.")] = None,
) -> int:
    r"""Check every settings file and DEFI_* variable; name all violations at once.

    \b
    Examples:
      defi config validate
      defi config validate new.yaml
    """
    from dataclasses import replace

    loaded = settings_of(replace(common, config=[*common.config, *(file or ())]))
    if common.format is Output.JSON:
        emit(Document("config", (), loaded.settings.network), COLUMNS, common)
    if not common.quiet:
        say(f"defi: settings are valid ({_counted(loaded.origins.values())})")
    return 0


def _counted(origins: Collection[str]) -> str:
    """How many values each kind of source gave; a file's origin ends in its line."""
    variables = sum(one.startswith(PREFIX) for one in origins)
    flags = sum(one.startswith("--") for one in origins)
    told = [
        f"{count} of {kind}" for count, kind in ((variables, "DEFI_* variables"), (flags, "options")) if count
    ]
    given = len(origins) - variables - flags
    return ", ".join([f"{given} value{'s' * (given != 1)} of files", *told])


@app.command()
@with_common
def path(common: Common) -> int:
    r"""Show where settings are looked for, the weakest first.

    \b
    Example:
      defi config path
    """
    from defi_analytics.config.load import candidate_paths

    rows = [
        SettingRow(
            name=str(candidate.path.absolute()),
            value="found" if candidate.path.is_file() else "missing",
            origin="",
        )
        for candidate in candidate_paths(os.environ, common.config or None)
    ]
    if common.format is Output.JSON:
        emit(Document("config", rows), COLUMNS, common)
    else:
        sys.stdout.writelines(f"{row.name}\t{row.value}\n" for row in rows)
    return 0


@app.command()
@with_common
def init(
    common: Common,
    file: Annotated[Path, typer.Argument(help="Where to write.")] = Path("settings.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> int:
    r"""Write a commented settings file with every default; never overwrites unless told to.

    \b
    Examples:
      defi config init
      defi config init ~/.config/defi/config.yaml
    """
    from defi_analytics.config.render import default_file

    with os.fdopen(_opened(file, force=force), "w", encoding="utf-8") as out:
        out.write(default_file())
    if common.format is Output.JSON:
        emit(Document("config", [SettingRow(name=str(file), value="written", origin="")]), COLUMNS, common)
    if not common.quiet:
        say(f"defi: wrote {file}; next: defi config validate {file}")
    return 0


def _opened(file: Path, *, force: bool) -> int:
    mode = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        # Its "exists" would be a file where a folder should be, which --force does not help.
        with suppress(FileExistsError):
            file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, mode, 0o600)
    except FileExistsError:
        raise WrongState(f"{file} exists", hint="use --force to overwrite it") from None
    except OSError as error:
        raise WrongState(f"{file}: {error.strerror}", hint="choose another place") from None
