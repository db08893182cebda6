"""Settings as they were written, before they mean anything: text with the place it came from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Trail = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """`value` is text, nothing (null), a list of nodes or a mapping of nodes.

    `where` is how a person finds it: `settings.yaml:12`, `DEFI_SCAN__TOP` or `--top`.
    """

    value: "str | list[Node] | dict[str, Node] | None"
    where: str

    def plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, list) else self.value


def leaves(node: Node, path: Trail = ()) -> Iterator[tuple[Trail, Node]]:
    """Every text, null and empty list with its path, in the order written."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from leaves(child, (*path, key))
    elif isinstance(node.value, list) and node.value:
        for index, child in enumerate(node.value):
            yield from leaves(child, (*path, index))
    else:
        yield path, node


def merged(low: Node, high: Node) -> Node:
    """`high` over `low`: groups are joined key by key, everything else is replaced whole."""
    if not (isinstance(low.value, dict) and isinstance(high.value, dict)):
        return low if high.value is None and isinstance(low.value, dict) else high
    joined = dict(low.value)
    for key, child in high.value.items():
        joined[key] = merged(joined[key], child) if key in joined else child
    return Node(joined, high.where)


def planted(path: tuple[str, ...], value: Any, where: str) -> Node:
    """One value (text, nothing, or a sequence of texts) at the end of a path of groups."""
    node = Node([Node(item, where) for item in value] if isinstance(value, list) else value, where)
    for key in reversed(path):
        node = Node({key: node}, where)
    return node


def pruned(node: Node, drop: Callable[[Trail, Node], bool], path: Trail = ()) -> Node:
    """The tree without what `drop` says, and without groups left empty."""
    if not isinstance(node.value, dict):
        return node
    kept: dict[str, Node] = {}
    for key, child in node.value.items():
        if drop((*path, key), child):
            continue
        smaller = pruned(child, drop, (*path, key))
        if smaller.value != {}:
            kept[key] = smaller
    return Node(kept, node.where)


def found(node: Node, path: Trail) -> Node:
    """The node at a path, or the last one on the way to it."""
    for part in path:
        match node.value, part:
            case dict() as group, str() if part in group:
                node = group[part]
            case list() as items, int() if part < len(items):
                node = items[part]
            case _:
                break
    return node


def dotted(path: Trail) -> str:
    """A trail as people write it: injective.markets[0].id."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def held(node: Node, path: tuple[str, ...]) -> Node | None:
    """The node at exactly this path of groups, if there is one."""
    for part in path:
        if not isinstance(node.value, dict) or part not in node.value:
            return None
        node = node.value[part]
    return node
