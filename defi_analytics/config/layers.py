"""Reads and joins the layers once there is something to read."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from defi_analytics.config import schema
from defi_analytics.config.checks import check
from defi_analytics.config.loaded import PREFIX, Loaded
from defi_analytics.config.original import understood, without_keys
from defi_analytics.config.settings import VENUES, HttpSettings, Settings
from defi_analytics.config.tree import Node, Trail, dotted, found, held, leaves, merged, planted, pruned
from defi_analytics.config.validate import validated
from defi_analytics.config.values import did_you_mean, shown
from defi_analytics.config.yaml_file import read
from defi_analytics.errors import ConfigError
from defi_analytics.keys.api import FileSecret

_THEIRS = {"url": "", "rate_per_s": str(HttpSettings().rate_per_s)}
SHORT = {"DEFI_HOME": ("home",), "DEFI_NETWORK": ("injective", "network")}


def loaded(
    files: Sequence[Path], variables: Mapping[str, str], flags: Mapping[str, Any], default_home: Path
) -> Loaded:
    tree, secrets, warnings = _files(files)
    known = {name: trail for name in variables if schema.is_setting(trail := _trail(name))}
    # The short names first: the full name of the same setting wins over them.
    for name in sorted(known, key=lambda name: name not in SHORT):
        tree = merged(tree, _variable(name, known[name], variables[name]))
    for name, value in flags.items():
        tree = merged(tree, _flag(name, value))
    tree = pruned(tree, lambda trail, node: node.value is None and schema.is_group(schema.at(trail)))
    tree, later = understood(tree)
    warnings += later
    unknown = tuple(_unknown(name) for name in sorted(variables.keys() - known.keys()))
    sections: dict[str, Any] = {"home": default_home}
    if tree.value or unknown:
        sections |= validated(_completed(tree), frozenset(known), unknown)
    settings = Settings(**sections)
    warnings += check(settings, tree)
    entries = (_entry(trail) for trail, _ in leaves(tree))
    origins = {dotted(entry): found(tree, entry).where for entry in entries}
    return Loaded(settings, origins, warnings, secrets)


_HOME, _NETWORK = ("home",), ("injective", "network")


def least(
    files: Sequence[Path], variables: Mapping[str, str], flags: Mapping[str, Any], default_home: Path
) -> Loaded:
    """`home`, and the network where it can be used, of what can be read. Raises ConfigError for `home`."""
    tree = Node({}, "defaults")
    for path in files:
        with suppress(ConfigError):
            tree = merged(tree, read(path).tree)
    for name in sorted(variables, key=lambda name: name not in SHORT):
        if (trail := _trail(name)) in {_HOME, _NETWORK}:
            tree = merged(tree, planted(trail, variables[name], name))
    for name, value in flags.items():
        if name == dotted(_NETWORK):
            tree = merged(tree, _flag(name, value))
    try:
        return _only(tree, (_HOME, _NETWORK), default_home)
    except ConfigError:
        return _only(tree, (_HOME,), default_home)


def _only(tree: Node, trails: Sequence[tuple[str, ...]], default_home: Path) -> Loaded:
    kept = Node({}, tree.where)
    for trail in trails:
        node = held(tree, trail)
        if node is not None and node.value is not None:
            kept = merged(kept, planted(trail, node.plain(), node.where))
    settings = Settings(**{"home": default_home} | validated(kept, frozenset(), ()))
    return Loaded(settings, {dotted(trail): node.where for trail, node in leaves(kept)})


def _files(paths: Sequence[Path]) -> tuple[Node, dict[str, FileSecret], tuple[str, ...]]:
    tree = Node({}, "defaults")
    warnings: list[str] = []
    violations: list[str] = []
    secrets: dict[str, FileSecret] = {}
    for path in paths:
        try:
            file = read(path)
        except ConfigError as error:
            violations.extend(error.violations)
            continue
        extracted = without_keys(file.tree, file.mode)
        warnings.extend(extracted.warnings)
        if extracted.secret is not None:
            secrets["allora"] = extracted.secret
        tree = merged(tree, extracted.tree)
    if violations:
        raise ConfigError("the settings cannot be read", violations=tuple(violations))
    return tree, secrets, tuple(warnings)


def _trail(name: str) -> tuple[str, ...]:
    trail = SHORT.get(name) or tuple(name.removeprefix(PREFIX).lower().split("__"))
    return (
        (trail[0], trail[1].replace("_", "-"), *trail[2:])
        if trail[0] == "venues" and len(trail) > 1
        else trail
    )


def _variable(name: str, trail: tuple[str, ...], text: str) -> Node:
    if schema.is_list(schema.at(trail)):
        return planted(trail, [part.strip() for part in text.split(",") if part.strip()], name)
    return planted(trail, text, name)


def _unknown(name: str) -> str:
    known = (*SHORT, "DEFI_CONFIG", *(_named(trail) for trail in schema.settable()))
    return f"{shown(name)}: unknown variable{did_you_mean(name, known)}"


def _named(trail: tuple[str, ...]) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(trail).upper().replace("-", "_")


def _flag(name: str, value: Any) -> Node:
    trail = ("injective", "network") if name == "network" else tuple(name.split("."))
    where = "--" + trail[-1].replace("_", "-")
    if isinstance(value, list | tuple):
        return planted(trail, [str(item) for item in value], where)
    return planted(trail, str(value).lower() if isinstance(value, bool) else str(value), where)


def _completed(tree: Node) -> Node:
    """The tree with the defaults of venues, so that one fee can be set without the other fields.

    A venue that is not ours has no default fees.
    """
    if not isinstance(tree.value, dict) or "venues" not in tree.value:
        return tree
    theirs = tree.value["venues"].value
    defaults = {
        name: Node(
            {field.name: Node(str(getattr(venue, field.name)), "default") for field in fields(venue)},
            "default",
        )
        for name, venue in VENUES.items()
    }
    for name in theirs if isinstance(theirs, dict) else ():
        defaults.setdefault(
            name, Node({key: Node(text, "default") for key, text in _THEIRS.items()}, "default")
        )
    return merged(Node({"venues": Node(defaults, "default")}, "default"), tree)


def _entry(trail: Trail) -> Trail:
    """A value's name for origins: a list is one value."""
    for index, part in enumerate(trail):
        if isinstance(part, int):
            return trail[:index]
    return trail
