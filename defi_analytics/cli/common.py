"""The options every command shares, declared once."""

import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.measures import duration
from defi_analytics.errors import UsageError


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"


class Output(StrEnum):
    AUTO = "auto"
    TABLE = "table"
    PLAIN = "plain"
    JSON = "json"
    NDJSON = "ndjson"
    CSV = "csv"


class NetworkName(StrEnum):
    MAINNET = "mainnet"
    TESTNET = "testnet"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Common:
    """What the shared options were given as; see `_OPTIONS` for their meaning."""

    config: list[Path]
    network: NetworkName | None
    output: Output
    json: bool
    no_header: bool
    no_color: bool
    no_input: bool
    quiet: bool
    verbose: int
    timeout: float | None
    log_file: Path | None
    log_format: LogFormat | None

    @property
    def format(self) -> Output:
        """The output form to use: a table for a person at a terminal, plain records for a pipe."""
        if self.json:
            return Output.JSON
        if self.output is not Output.AUTO:
            return self.output
        return Output.TABLE if sys.stdout.isatty() else Output.PLAIN

    def refuse_two_forms(self) -> None:
        """Raises UsageError."""
        if self.json and self.output not in {Output.AUTO, Output.JSON}:
            raise UsageError(f"--json and --output {self.output} are two forms", hint="give one of the two")

    def flags(self) -> dict[str, Any]:
        """The settings that these options override, by dotted name."""
        given = {
            "injective.network": self.network and self.network.value,
            "http.deadline_s": decimal_text(self.timeout),
            "logging.file_path": self.log_file and str(self.log_file),
            "logging.format": self.log_format and self.log_format.value,
        }
        return {name: value for name, value in given.items() if value is not None}


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "config": (
        Annotated[
            list[Path],
            typer.Option(
                "--config",
                "-c",
                metavar="FILE",
                help="Settings file; repeat for several, the later wins. [default: see defi config path]",
            ),
        ],
        [],
    ),
    "network": (
        Annotated[
            NetworkName | None,
            typer.Option(
                "--network",
                "-n",
                help="Which Injective; sandbox runs on this machine alone. [default: mainnet]",
            ),
        ],
        None,
    ),
    "output": (
        Annotated[
            Output,
            typer.Option("--output", "-o", help="Form of the result; auto: table at a terminal, else plain."),
        ],
        Output.AUTO,
    ),
    "json": (Annotated[bool, typer.Option("--json", help="The same as --output json.")], False),
    "no_header": (
        Annotated[bool, typer.Option("--no-header", help="Leave out the header of plain and csv output.")],
        False,
    ),
    "no_color": (
        Annotated[bool, typer.Option("--no-color", help="No colours (NO_COLOR and TERM=dumb work too).")],
        False,
    ),
    "no_input": (
        Annotated[bool, typer.Option("--no-input", help="Never ask a question.")],
        False,
    ),
    "quiet": (Annotated[bool, typer.Option("--quiet", "-q", help="Only the result and errors.")], False),
    "verbose": (
        Annotated[
            int,
            typer.Option("--verbose", "-v", count=True, help="Say more on standard error; twice for debug."),
        ],
        0,
    ),
    "timeout": (
        Annotated[
            float | None,
            typer.Option(
                "--timeout",
                parser=duration(least_s=0.1),
                metavar="DURATION",
                help="Time for one request with all its retries, such as 2s. [default: 10s]",
            ),
        ],
        None,
    ),
    "log_file": (
        Annotated[
            Path | None,
            typer.Option(
                "--log-file", metavar="FILE", help="Write the log here. [default: logs/defi.log in home]"
            ),
        ],
        None,
    ),
    "log_format": (
        Annotated[
            LogFormat | None,
            typer.Option("--log-format", help="Form of the log; json: one object in a line. [default: text]"),
        ],
        None,
    ),
}


def with_common(command: Callable[..., int]) -> Callable[..., int]:
    """Adds the shared options to a command, which gets them as its first argument."""
    names = [f.name for f in fields(Common)]

    @wraps(command)
    def wrapper(**given: Any) -> int:
        common = Common(**{name: given.pop(name) for name in names})
        common.refuse_two_forms()
        return command(common, **given)

    # In a raw docstring the mark of a paragraph that is not to be rewrapped is still two characters.
    wrapper.__doc__ = (command.__doc__ or "").replace(r"\b", "\b")
    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
    vars(wrapper)["__signature__"] = signature.replace(parameters=[*keyword, *shared])
    wrapper.__annotations__ = {p.name: p.annotation for p in (*keyword, *shared)} | {"return": int}
    return wrapper
