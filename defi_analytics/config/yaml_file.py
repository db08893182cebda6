"""Strict YAML: one meaning per text, or a refusal with its line.

YAML 1.1 reads `010` as 8, `1:30` as 90, `no` as false and keeps the last of two equal keys: in a file of
money limits each of those is an accident. Scalars stay text; `values` gives them their meaning.
"""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from defi_analytics.config.tree import Node, Trail, dotted
from defi_analytics.config.values import shown
from defi_analytics.errors import ConfigError

MAX_BYTES = 1_048_576
MAX_DEPTH = 16
MAX_KEY = 200

# The C parser is four times as fast but not in every build of PyYAML.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")
_NULLS = ("", "~", "null")
_REFUSED_PLAIN = (
    (
        re.compile(r"(?i:yes|no|on|off|y|n)|True|TRUE|False|FALSE"),
        "means a boolean to some readers: write true or false",
    ),
    (re.compile(r"Null|NULL"), "write null"),
    (re.compile(r"[-+]?0[0-9_]+"), "is octal to some readers: write the number without a leading zero"),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"),
        "is base 60 to some readers: write plain seconds",
    ),
    (re.compile(r"[-+]?\.(?i:inf|nan)"), "is not a number that can be used"),
    (re.compile(r"[-+]?[0-9.]*_[0-9_.]*"), "write the number without underscores"),
    (re.compile(r"[-+]?0[bBoO][0-7_]+"), "write a decimal number"),
)


class File(NamedTuple):
    tree: Node
    mode: int
    """Permission bits."""


class _Violation(Exception):
    pass


def read(path: Path) -> File:
    """Reads a settings file. Raises ConfigError with every violation found."""
    raw, mode = _content(path)
    try:
        return File(parse(raw, str(path)), mode)
    except ConfigError as error:
        raise ConfigError(f"{path} cannot be used", violations=error.violations) from None


def parse(raw: bytes, name: str) -> Node:
    """The tree of a settings file's bytes. Raises ConfigError."""
    builder = _Builder(name)
    try:
        root = builder.document(_events(_text(raw, name), name))
    except _Violation as error:
        raise ConfigError(f"{name} cannot be used", violations=(*builder.violations, str(error))) from None
    if not isinstance(root.value, dict):
        builder.violations.append(f"{root.where}: must be a group of keys such as `scan:`")
    if builder.violations:
        raise ConfigError(f"{name} cannot be used", violations=tuple(builder.violations))
    return root


def _content(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a file name"
        raise ConfigError(f"{shown(path)}: cannot be read: {reason}") from None
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISREG(status.st_mode) and _others_may_write(status):
        fix = f"run `chmod go-w {path}`"
        raise ConfigError(f"{path}: others may write to this file (mode {mode:04o}): {fix}", hint=fix)
    return raw, mode


def _others_may_write(status: os.stat_result) -> bool:
    """Whether anyone but the owner may; a group of the owner alone (the same number) is nobody else."""
    own_group = status.st_uid == status.st_gid
    return bool(status.st_mode & stat.S_IWOTH or (status.st_mode & stat.S_IWGRP and not own_group))


def _text(raw: bytes, name: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _Violation(f"{name}: is larger than 1 MiB")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Violation(f"{name}:{line}: is not UTF-8 text") from None
    if match := _CONTROL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise _Violation(f"{name}:{line}: holds the control character U+{ord(match[0]):04X}")
    return text


def _events(text: str, name: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise _Violation(f"{where}: is not YAML: {shown(getattr(error, 'problem', ''))}") from None


class _Builder:
    """Builds nodes from parser events, which still know anchors, tags, quotes and lines."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.violations: list[str] = []

    def document(self, events: Iterator[Any]) -> Node:
        root = Node({}, f"{self.name}:1")
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _Violation(f"{self._where(event)}: starts a second document: a file holds one")
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, events, ())
                root = root if node.value is None else node
        return root

    def _node(self, event: Any, events: Iterator[Any], path: Trail) -> Node:
        where = self._where(event)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise _Violation(
                _line(where, path, "anchors and aliases (& and *) are not supported: write the value out")
            )
        if event.tag is not None:
            raise _Violation(_line(where, path, f"tags ({shown(event.tag)}) are not supported"))
        if len(path) > MAX_DEPTH:
            raise _Violation(f"{where}: is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.ScalarEvent):
            return Node(event.value if event.style else self._plain(event.value, where, path), where)
        if isinstance(event, yaml.SequenceStartEvent):
            items = enumerate(_until(events, yaml.SequenceEndEvent))
            return Node([self._node(item, events, (*path, index)) for index, item in items], where)
        return Node(self._group(events, path), where)

    def _group(self, events: Iterator[Any], path: Trail) -> dict[str, Node]:
        group: dict[str, Node] = {}
        for event in _until(events, yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent) or len(event.value) > MAX_KEY:
                raise _Violation(_line(self._where(event), path, "a key must be short text"))
            name = (*path, event.value)
            key = self._node(event, iter(()), name)
            value = self._node(next(events), events, name)
            if event.value in group:
                self.violations.append(
                    _line(key.where, name, f"is already set at {group[event.value].where}")
                )
            group[event.value] = Node(value.value, key.where)
        return group

    def _plain(self, text: str, where: str, path: Trail) -> str | None:
        if text in _NULLS:
            return None
        for pattern, meaning in _REFUSED_PLAIN:
            if pattern.fullmatch(text):
                self.violations.append(_line(where, path, f"{shown(text)} {meaning} (or quote it)"))
                break
        return text

    def _where(self, event: Any) -> str:
        return f"{self.name}:{event.start_mark.line + 1}"


def _line(where: str, path: Trail, message: str) -> str:
    return f"{where}: {dotted(path)}: {message}" if path else f"{where}: {message}"


def _until(events: Iterator[Any], end: type) -> Iterator[Any]:
    for event in events:
        if isinstance(event, end):
            return
        yield event
