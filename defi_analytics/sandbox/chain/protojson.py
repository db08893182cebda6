"""Protobuf messages as the chain's gateway writes them in JSON, and back.

Source: gogo's JSONPb with OrigName and EmitDefaults; a cosmossdk.io/math.LegacyDec is an integer string in
protobuf, eighteen places shifted, and a decimal with eighteen places in JSON.
"""

import importlib
from functools import cache
from typing import Any

from defi_analytics.sandbox.chain import protobufs

_DEC = "cosmossdk.io/math.LegacyDec"
_PLACES = 18


def to_json(message: Any) -> dict[str, Any]:
    """Every field, decimals readable, types named by `@type` where a field holds any message."""
    format_ = importlib.import_module("google.protobuf.json_format")
    found: dict[str, Any] = format_.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return _shifted(found, message.DESCRIPTOR, _read)


def from_json(name: str, payload: dict[str, Any]) -> Any:
    """A message of this type. Raises ValueError when a field is unknown or does not fit."""
    format_ = importlib.import_module("google.protobuf.json_format")
    message = protobufs.new(name)
    shifted = _shifted(payload, message.DESCRIPTOR, _written)
    try:
        return format_.ParseDict(shifted, message)
    except format_.ParseError as error:
        raise ValueError(str(error)) from error


def _shifted(payload: dict[str, Any], descriptor: Any, shift: Any) -> dict[str, Any]:
    if "@type" in payload:
        descriptor = _descriptor(payload["@type"].rpartition("/")[2])
    decimals, nested = _fields(descriptor)
    return {name: _value(item, name in decimals, nested.get(name), shift) for name, item in payload.items()}


def _value(item: Any, is_decimal: bool, nested: Any, shift: Any) -> Any:
    if isinstance(item, list):
        return [_value(one, is_decimal, nested, shift) for one in item]
    if isinstance(item, dict):
        return _shifted(item, nested, shift) if nested is not None or "@type" in item else item
    return shift(item) if is_decimal and isinstance(item, str) else item


def _read(text: str) -> str:
    sign, digits = ("-", text[1:]) if text.startswith("-") else ("", text)
    if not digits.isdecimal():
        return text
    digits = digits.rjust(_PLACES + 1, "0")
    return f"{sign}{digits[:-_PLACES]}.{digits[-_PLACES:]}"


def _written(text: str) -> str:
    whole, _, places = text.partition(".")
    if not (whole.removeprefix("-") + places).isdecimal() or len(places) > _PLACES:
        return text
    return str(int(whole + places.ljust(_PLACES, "0")))


@cache
def _descriptor(name: str) -> Any:
    return protobufs.new(name).DESCRIPTOR


@cache
def _fields(descriptor: Any) -> tuple[frozenset[str], dict[str, Any]]:
    """Which fields are decimals, and the types of those that are messages."""
    custom = importlib.import_module("pyinjective.proto.gogoproto.gogo_pb2").customtype
    decimals = {one.name for one in descriptor.fields if one.GetOptions().Extensions[custom] == _DEC}
    return frozenset(decimals), {one.name: one.message_type for one in descriptor.fields if one.message_type}
