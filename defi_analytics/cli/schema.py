import json
from typing import Annotated, Any

import msgspec
import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import ERROR_MEANS, OK_MEANS
from defi_analytics.cli.schema_names import SCHEMAS
from defi_analytics.cli.schemas import VERSION, ErrorRow, Meta, WarningRow
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import UsageError

app = new_app()

"""By the name that `schema` carries."""


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


def envelope_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of the whole document that a command prints."""
    row = msgspec.json.schema(SCHEMAS[name], ref_template="#/$defs/{name}")
    shared = msgspec.json.schema_components([WarningRow, Meta, ErrorRow], ref_template="#/$defs/{name}")
    definitions = {**shared[1], **row.get("$defs", {})}
    warning, meta, error = shared[0]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"defi.{name}/{VERSION}",
        "type": "object",
        "required": ["schema", "ok", "generated_at", "data", "warnings", "meta"],
        "properties": {
            "schema": {"const": f"defi.{name}/{VERSION}"},
            "ok": {"type": "boolean", "description": OK_MEANS},
            "generated_at": {"type": "string", "format": "date-time"},
            "network": {"type": ["string", "null"]},
            "execution": {"type": ["string", "null"]},
            "data": {"type": "array", "items": {"$ref": row["$ref"]}},
            "warnings": {"type": "array", "items": warning},
            "meta": meta,
            "error": {**error, "description": ERROR_MEANS},
        },
        "$defs": definitions,
    }
