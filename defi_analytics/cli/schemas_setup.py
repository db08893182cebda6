"""Rows of the commands that set up and explain."""

from defi_analytics.cli.row import Row


class CodeRow(Row, frozen=True, kw_only=True):
    code: str
    kind: str
    meaning: str
    hint: str


class SettingRow(Row, frozen=True, kw_only=True):
    name: str
    value: str
    origin: str


class VersionRow(Row, frozen=True, kw_only=True):
    name: str
    version: str
