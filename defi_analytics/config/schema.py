"""The shape of `Settings`, read from its annotations: names, kinds and comments."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from defi_analytics.config.fields import VENUE_NAMES
from defi_analytics.config.settings import Settings
from defi_analytics.config.tree import Trail


def hints(section: type) -> Mapping[str, Any]:
    """A section's settings by name, comments included."""
    return _hints(section)


@cache
def _hints(section: type) -> Mapping[str, Any]:
    return get_type_hints(section, include_extras=True)


def bare(hint: Any) -> Any:
    """A hint without Annotated and without `| None`."""
    if get_origin(hint) is Annotated:
        return bare(get_args(hint)[0])
    if get_origin(hint) in (UnionType, Union):
        return bare(next(part for part in get_args(hint) if part is not NoneType))
    return hint


def is_optional(hint: Any) -> bool:
    if get_origin(hint) is Annotated:
        return is_optional(get_args(hint)[0])
    return NoneType in get_args(hint)


def parser(hint: Any) -> Any:
    """Who reads the text of a leaf: the part of its annotation that is no comment."""
    while get_origin(hint) is Annotated:
        hint, *parts = get_args(hint)
        found = [part for part in parts if not isinstance(part, str)]
        if found:
            return found[0]
    return parser(next(part for part in get_args(hint) if part is not NoneType))


def comment(hint: Any) -> str:
    texts = [part for part in getattr(hint, "__metadata__", ()) if isinstance(part, str)]
    return texts[0] if texts else ""


def is_group(hint: Any) -> bool:
    """True for what holds keys: a section, or a mapping with keys of the user's."""
    kind = bare(hint)
    return is_dataclass(kind) or get_origin(kind) is Mapping


def is_list(hint: Any) -> bool:
    return get_origin(bare(hint)) is tuple


def at(trail: Trail) -> Any:
    """The hint at a trail, or None where there is no such setting."""
    hint: Any = Settings
    for part in trail:
        kind = bare(hint)
        if is_dataclass(kind) and isinstance(kind, type):
            hint = hints(kind).get(str(part))
        elif get_origin(kind) is Mapping:
            hint = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            hint = get_args(kind)[0]
        else:
            return None
    return hint


def names(trail: Trail) -> tuple[str, ...]:
    """The keys a group may hold; none where they are the user's own."""
    kind = bare(at(trail))
    if trail == ("venues",):
        return VENUE_NAMES
    return tuple(hints(kind)) if is_dataclass(kind) and isinstance(kind, type) else ()


def settable(trail: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every setting that one line of text can set: what an environment variable may be named after."""
    for name in names(trail):
        hint = at((*trail, name))
        if is_group(hint):
            yield from settable((*trail, name))
        elif not (is_list(hint) and is_group(get_args(bare(hint))[0])):
            yield (*trail, name)


def is_setting(trail: tuple[str, ...]) -> bool:
    """True where one line of text can set something, the user's own keys included."""
    hint = at(trail)
    return hint is not None and not is_group(hint)
