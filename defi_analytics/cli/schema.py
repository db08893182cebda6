import json
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.schemas import SCHEMAS, envelope_schema
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import UsageError

app = new_app()


@app.command()
@with_common
def schema(
    common: Common,
    name: Annotated[str, typer.Argument(help=f"One of: {', '.join(SCHEMAS)}.")] = "scan",
) -> int:
    r"""Print the JSON Schema of a command's JSON output.

    Within a version, fields are only ever added.

    \b
    Example:
      defi schema scan > scan.schema.json
    """
    if name not in SCHEMAS:
        raise UsageError(f"no schema {name!r}", hint=f"there are: {', '.join(SCHEMAS)}")
    typer.echo(json.dumps(envelope_schema(name), indent=2))
    return 0
