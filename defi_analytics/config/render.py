"""Settings as text: what `defi config show` and `defi config init` write."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from defi_analytics.config import schema
from defi_analytics.config.settings import Settings

_HEADER = """\
# Settings of `defi`. Every line shows a default: uncomment it to change it.
# Rising precedence: defaults, $XDG_CONFIG_HOME/defi/config.yaml, ./settings.yaml, $DEFI_CONFIG, --config,
# DEFI_* variables (scan.top is DEFI_SCAN__TOP), flags. `defi config show --origin` tells who won.
# Fractions are fractions (0.01 is one per cent); sizes and profits are in quote currency.
# No key belongs here: Allora's (optional) is read from ALLORA_API_KEY, from the file that
# DEFI_ALLORA__API_KEY_FILE names, or from the keyring.
"""


def values(settings: Settings) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every setting with its trail; a list is one value, mappings are told key by key."""
    yield from _values(settings, ())


def render_yaml(settings: Settings, origins: Mapping[str, str] | None = None) -> str:
    """A settings file that loads to the same settings; `origins` adds to each line where it came from."""
    lines: list[str] = []
    open_groups: tuple[str, ...] = ()
    for trail, value in values(settings):
        lines += [
            f"{'  ' * depth}{_scalar_key(trail[depth])}:"
            for depth in range(len(trail) - 1)
            if trail[: depth + 1] != open_groups[: depth + 1]
        ]
        open_groups = trail[:-1]
        line = f"{'  ' * (len(trail) - 1)}{_scalar_key(trail[-1])}: {_flow(value)}"
        origin = "" if origins is None else f"  # {origins.get('.'.join(trail), 'default')}"
        lines.append(line + origin)
    return "\n".join(lines) + "\n"


def default_file() -> str:
    """The settings file with every default, commented out and explained."""
    lines = [_HEADER.rstrip("\n")]
    for name, hint in schema.hints(Settings).items():
        if name == "home":
            lines += ["", f"# {schema.comment(hint)}", "# home: ~/.local/state/defi"]
            continue
        lines += ["", *([f"# {schema.comment(hint)}"] if schema.comment(hint) else []), f"{name}:"]
        lines += _defaults(getattr(Settings(home=Path("/")), name), 1)
    return "\n".join(lines) + "\n"


def _defaults(section: object, depth: int) -> list[str]:
    indent = "  " * depth
    if isinstance(section, Mapping):
        return [f"{indent}# {_scalar_key(key)}: {_flow(value)}" for key, value in section.items()]
    lines: list[str] = []
    for name, hint in schema.hints(type(section)).items():
        value = getattr(section, name)
        if is_dataclass(value):
            lines += [f"{indent}{name}:", *_defaults(value, depth + 1)]
        else:
            comment = schema.comment(hint)
            lines.append(f"{indent}# {name}: {_flow(value)}" + (f"  # {comment}" if comment else ""))
    return lines


def _values(value: Any, trail: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if is_dataclass(value):
        for field in fields(value):
            yield from _values(getattr(value, field.name), (*trail, field.name))
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _values(item, (*trail, key))
    else:
        yield trail, value


def _flow(value: Any) -> str:
    if is_dataclass(value):
        return _group({field.name: getattr(value, field.name) for field in fields(value)})
    if isinstance(value, Mapping):
        return _group(value)
    if isinstance(value, tuple):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _group(items: Mapping[str, Any]) -> str:
    return "{" + ", ".join(f"{_scalar_key(key)}: {_flow(value)}" for key, value in items.items()) + "}"


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Decimal):
        return f"{value:f}"
    # JSON strings are YAML strings; numbers and booleans are the same in both.
    return json.dumps(str(value) if isinstance(value, Path) else value, ensure_ascii=False)


def _scalar_key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() and key[0].isalpha() else json.dumps(key)
