"""One tree of text in, what `Settings` wants or every violation out."""

from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, get_args

from defi_analytics.config import schema
from defi_analytics.config.settings import Settings
from defi_analytics.config.tree import Node, Trail, dotted, found, leaves
from defi_analytics.config.values import did_you_mean, shown
from defi_analytics.errors import ConfigError
from defi_analytics.keys.api import EXPOSED, looks_like_key

NOT_TAKEN = "is not a value this setting takes"
_SECRET_NAMES = ("key", "secret", "token", "password", "passphrase", "mnemonic", "seed", "private")


def validated(tree: Node, variables: frozenset[str], unknown: tuple[str, ...]) -> dict[str, Any]:
    """The sections the tree sets, as `Settings` wants them.

    `variables` are those that set something, `unknown` the violations found before.
    Raises ConfigError with every violation.
    """
    violations = list(_exposed(tree))
    hidden = {trail for trail, _ in violations}
    reading = _Reading()
    sections = reading.keys(Settings, tree.plain(), ())
    violations += [
        (trail, _sentence(trail, message, found(tree, trail), variables))
        for trail, message in reading.problems
        if not _below(trail, hidden)
    ]
    if not violations and not unknown:
        return sections
    lines = (*(line for _, line in sorted(violations, key=lambda item: _order(tree, item[0]))), *unknown)
    raise ConfigError(f"{len(lines)} setting{'s' * (len(lines) > 1)} cannot be used", violations=lines)


class _Reading:
    """Reads what was given by the hints of `Settings`; what it returns counts only without `problems`."""

    def __init__(self) -> None:
        self.problems: list[tuple[Trail, str]] = []

    def value(self, hint: Any, given: Any, trail: Trail) -> Any:
        if given is None and schema.is_optional(hint):
            return None
        kind = schema.bare(hint)
        if schema.is_list(hint):
            return self._items(kind, given, trail)
        if not schema.is_group(hint):
            return self._parsed(hint, given, trail)
        if not isinstance(given, dict):
            return self._refuse(trail, "must be a group of keys")
        return (self._section if is_dataclass(kind) else self._mapping)(kind, given, trail)

    def keys(self, section: type, given: dict[str, Any], trail: Trail) -> dict[str, Any]:
        """The settings of a section that were given."""
        hints = schema.hints(section)
        read = {name: self.value(hints[name], given[name], (*trail, name)) for name in hints if name in given}
        self.problems += [((*trail, name), _unknown((*trail, name))) for name in given if name not in hints]
        return read

    def _section(self, kind: Any, given: dict[str, Any], trail: Trail) -> Any:
        before = len(self.problems)
        read = self.keys(kind, given, trail)
        for field in fields(kind):
            if field.name not in given and field.default is field.default_factory is MISSING:
                self._refuse((*trail, field.name), "is required")
        return kind(**read) if len(self.problems) == before else None

    def _mapping(self, kind: Any, given: dict[str, Any], trail: Trail) -> dict[Any, Any]:
        of_key, of_value = get_args(kind)
        read = {}
        for name, item in given.items():
            before = len(self.problems)
            key = self._parsed(of_key, name, (*trail, name))
            # What stands under a name that means nothing is not judged.
            if len(self.problems) == before:
                read[key] = self.value(of_value, item, (*trail, name))
        return read

    def _items(self, kind: Any, given: Any, trail: Trail) -> Any:
        if not isinstance(given, list):
            return self._refuse(trail, "must be a list such as [a, b]")
        return tuple(self.value(get_args(kind)[0], item, (*trail, i)) for i, item in enumerate(given))

    def _parsed(self, hint: Any, given: Any, trail: Trail) -> Any:
        try:
            return schema.parser(hint).parse(given)
        except ValueError as error:
            return self._refuse(trail, NOT_TAKEN if _is_secret(trail) else str(error))

    def _refuse(self, trail: Trail, message: str) -> None:
        self.problems.append((trail, message))


def _exposed(tree: Node) -> Iterator[tuple[Trail, str]]:
    """Settings that hold what looks like a private key, as key or as value: refused and never repeated."""
    for trail, node in leaves(tree):
        market = trail[:2] == ("injective", "markets") and trail[-1] == "id"
        if isinstance(node.value, str) and looks_like_key(node.value, market_id=market):
            yield trail, f"{node.where}: {_name(trail)}: {EXPOSED}; a settings file never holds one"
        elif any(isinstance(part, str) and looks_like_key(part) for part in trail):
            yield trail, f"{node.where}: {EXPOSED}; a settings file never holds one"
    for trail, words in _rows(tree).items():
        if looks_like_key(" ".join(words)):
            yield (
                trail,
                f"{found(tree, trail).where}: {_name(trail)}: {EXPOSED}; a settings file never holds one",
            )


def _rows(tree: Node) -> dict[Trail, list[str]]:
    """The texts of every list."""
    rows: dict[Trail, list[str]] = {}
    for trail, node in leaves(tree):
        if trail and isinstance(trail[-1], int):
            rows.setdefault(trail[:-1], []).append(str(node.value))
    return rows


def _below(trail: Trail, tops: set[Trail]) -> bool:
    return any(trail[: len(top)] == top for top in tops)


def _sentence(trail: Trail, message: str, node: Node, variables: frozenset[str]) -> str:
    name = "" if node.where in variables or node.where.startswith("--") else f"{_name(trail)}: "
    return f"{node.where}: {name}{message}"


def _unknown(trail: Trail) -> str:
    near = did_you_mean(trail[-1], schema.names(trail[:-1]))
    elsewhere = [dotted(setting) for setting in schema.settable() if setting[-1] == trail[-1]]
    return f"unknown key{near or (f' (did you mean {elsewhere[0]}?)' if elsewhere else '')}"


def _name(trail: Trail) -> str:
    return dotted(tuple(part if isinstance(part, int) else shown(part) for part in trail))


def _is_secret(trail: Trail) -> bool:
    return any(word in str(part).lower() for part in trail for word in _SECRET_NAMES)


def _order(tree: Node, trail: Trail) -> tuple[str, int]:
    """Files by line, then the rest: violations read in the order a person fixes them."""
    where, _, line = found(tree, trail).where.rpartition(":")
    return (where, int(line)) if line.isdigit() else (f"~{line}", 0)
