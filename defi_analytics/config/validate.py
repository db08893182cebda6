"""One tree of text in, `Settings` or every violation out. The only module that meets pydantic."""

from collections.abc import Iterator
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from defi_analytics.config import schema
from defi_analytics.config.settings import Settings
from defi_analytics.config.tree import Node, Trail, dotted, found, leaves
from defi_analytics.config.values import did_you_mean, shown
from defi_analytics.errors import ConfigError
from defi_analytics.keys import EXPOSED, looks_like_key

_SENTENCES = {
    "missing": "is required",
    "dataclass_type": "must be a group of keys",
    "mapping_type": "must be a group of keys",
    "dict_type": "must be a group of keys",
    "tuple_type": "must be a list such as [a, b]",
}
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
_SECRET_NAMES = ("key", "secret", "token", "password", "passphrase", "mnemonic", "seed", "private")


def validated(tree: Node, variables: frozenset[str], unknown: tuple[str, ...]) -> dict[str, Any]:
    """The sections the tree sets, as `Settings` wants them.

    `variables` are those that set something, `unknown` the violations found before.
    Raises ConfigError with every violation.
    """
    given = tree.plain()
    fields = {name: (schema.hints(Settings)[name], ...) for name in given if name in schema.names(())}
    model = create_model("Given", __config__=ConfigDict(extra="forbid"), **fields)  # type: ignore[call-overload]  # names are known only now
    violations = list(_exposed(tree))
    hidden = {trail for trail, _ in violations}
    try:
        checked = model.model_validate(given)
    except ValidationError as error:
        violations.extend(_violations(error, tree, variables, hidden))
    else:
        if not violations and not unknown:
            return {name: getattr(checked, name) for name in given}
    lines = (*(line for _, line in sorted(violations, key=lambda item: _order(tree, item[0]))), *unknown)
    raise ConfigError(f"{len(lines)} setting{'s' * (len(lines) > 1)} cannot be used", violations=lines)


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


def _violations(
    error: ValidationError, tree: Node, variables: frozenset[str], hidden: set[Trail]
) -> Iterator[tuple[Trail, str]]:
    problems = error.errors(include_input=False, include_url=False)
    bad_keys = {problem["loc"][:-1] for problem in problems if problem["loc"][-1] == "[key]"}
    for problem in problems:
        loc = problem["loc"]
        trail = loc[:-1] if loc[-1] == "[key]" else loc
        if _below(trail, hidden) or (loc[-1] != "[key]" and _below(trail, bad_keys)):
            continue
        node = found(tree, trail)
        yield trail, _sentence(problem, trail, node, variables)


def _below(trail: Trail, tops: set[Trail]) -> bool:
    return any(trail[: len(top)] == top for top in tops)


def _sentence(problem: Any, trail: Trail, node: Node, variables: frozenset[str]) -> str:
    name = "" if node.where in variables or node.where.startswith("--") else f"{_name(trail)}: "
    if problem["type"] in _UNKNOWN:
        return f"{node.where}: {name}{_unknown(trail)}"
    if problem["type"] == "value_error":
        message = "is not a value this setting takes" if _is_secret(trail) else str(problem["ctx"]["error"])
    else:
        message = _SENTENCES.get(problem["type"], "is not a value this setting takes")
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
