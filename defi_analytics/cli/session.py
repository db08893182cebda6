"""One run of a command: settings, log, parts, and how to talk to the person meanwhile."""

import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from defi_analytics.app.opening import opened_app, trusted
from defi_analytics.app.parts import App
from defi_analytics.cli.common import Common, Output
from defi_analytics.cli.envelope import say, write_error_line
from defi_analytics.cli.resolver import survive_slow_names
from defi_analytics.config.load import load, load_least
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import Settings
from defi_analytics.domain.text import safe
from defi_analytics.errors import DefiError

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Session:
    common: Common
    loaded: Loaded
    app: App

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Says what is going on: a spinner for a person at a terminal, nothing for anyone else."""
        console = self._console()
        if console is None:
            yield
            return
        with console.status(f"{what} on {self.app.network}…"):
            yield

    def kept(self, write: Callable[[], None]) -> DefiError | None:
        """Writes to the journal; a failure is one line, and what the document has to tell of."""
        try:
            write()
        except DefiError as error:
            write_error_line(error)
            return error
        return None

    def _console(self) -> "Console | None":
        quiet = self.common.quiet or self.common.format is not Output.TABLE or not sys.stderr.isatty()
        if quiet or os.environ.get("TERM") == "dumb":
            return None
        from rich.console import Console

        return Console(stderr=True, no_color=self.common.no_color or "NO_COLOR" in os.environ)


def settings_of(common: Common) -> Loaded:
    """The settings of this run; their warnings are said once, on standard error."""
    loaded = load(common.config or None, os.environ, common.flags())
    _warn(common, loaded.warnings)
    return loaded


def settings_to_stop(common: Common) -> Settings:
    """As `settings_of`, for what has to work though the settings are wrong: then home and network alone."""
    loaded = load_least(common.config or None, os.environ, common.flags())
    _warn(common, loaded.warnings)
    return loaded.settings


def warning(common: Common) -> Callable[[str], None]:
    """Says a line, unless told to be quiet."""
    return lambda line: _warn(common, [line])


def _warn(common: Common, warnings: Sequence[str]) -> None:
    if not common.quiet:
        for warning in warnings:
            say(f"defi: warning: {safe(warning, 400)}")


@asynccontextmanager
async def opened(common: Common, *, hold: bool = True, ask_all: bool = False) -> AsyncIterator[Session]:
    """A session whose parts are closed when the command ends, however it ends.

    `hold` keeps a sandbox that is started for this run at its first block, so that a run can be repeated.
    `ask_all` is for diagnosis: hosts are asked though they kept failing a moment ago.
    """
    from defi_analytics.log import configure

    loaded = settings_of(common)
    settings = trusted(loaded)
    survive_slow_names()
    own = settings.logging
    configure(
        level=own.level,
        file_path=own.file_path,
        rotation=own.rotation,
        retention=own.retention,
        form=own.format,
        home=settings.home,
        verbosity=-1 if common.quiet else common.verbose,
    )

    warn = warning(common)
    async with opened_app(loaded, os.environ, hold=hold, ask_all=ask_all, warn=warn) as app:
        yield Session(common, loaded, app)
