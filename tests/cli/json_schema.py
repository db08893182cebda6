"""As much of JSON Schema as `defi schema` prints; an unknown keyword is an error, never ignored."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
    "integer": int,
    "number": (int, float),
}
SAID_ONLY = frozenset({"$schema", "$defs", "title", "description", "default"})
OBJECT = frozenset({"properties", "required"})
KNOWN = SAID_ONLY | OBJECT | {"type", "items", "$ref", "const", "anyOf", "format", "additionalProperties"}


def violations(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any], at: str = "$"
) -> Iterator[str]:
    """Everything in `value` that the schema forbids, and every member that it does not tell."""
    assert schema.keys() <= KNOWN, schema.keys() - KNOWN
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from violations(value, root["$defs"][name], root, at)
    if "anyOf" in schema and all(list(violations(value, one, root, at)) for one in schema["anyOf"]):
        yield f"{at} is none of what it may be"
    if "const" in schema and value != schema["const"]:
        yield f"{at} is {value!r}, not {schema['const']!r}"
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{at} is {value!r}, no {schema['type']}"
    elif isinstance(value, dict) and OBJECT & schema.keys():
        yield from _members(value, schema, root, at)
    elif isinstance(value, dict) and "additionalProperties" in schema:
        for name, member in value.items():
            yield from violations(member, schema["additionalProperties"], root, f"{at}.{name}")
    elif isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from violations(item, schema["items"], root, f"{at}[{index}]")
    if schema.get("format") == "date-time" and isinstance(value, str) and not _is_time(value):
        yield f"{at} is no time: {value}"


def _members(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    told = schema["properties"]
    yield from (f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value)
    for name, member in value.items():
        if name in told:
            yield from violations(member, told[name], root, f"{at}.{name}")
        else:
            yield f"{at}.{name} is not in the schema"


def _is(value: Any, names: str | list[str]) -> bool:
    wanted = [names] if isinstance(names, str) else names
    return any(
        isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))
        for name in wanted
    )


def _is_time(text: str) -> bool:
    return bool(re.fullmatch(r".+(Z|\+00:00)", text)) and datetime.fromisoformat(text) is not None
