"""The command tree. A command's module is imported when the command is asked for, not before."""

from importlib import import_module
from typing import Any

import typer
from typer import core

from defi_analytics.cli.commands import COMMANDS
from defi_analytics.errors import UsageError

HELP = """Find, price and, when told to, trade mispricings on Injective's order books.

\b
Examples:
  defi scan INJ/USDT                     is INJ mispriced, after all costs?
  defi scan --json --exit-code           for cron: exit 10 if nothing stands
  defi predict BTC --horizon 8h          Allora's forecast and its interval
  defi scan INJ/USDT --network sandbox   try it without a network
  defi run --network sandbox --once      trade it on paper, one round

`defi COMMAND --help` tells the rest; `defi --version` prints the version."""

EPILOG = """\b
Exit codes: 0 done, 1 bug, 2 usage, 3 settings, 4 key, 5 unreachable,
6 bad or stale data, 7 timed out, 8 not found, 9 wrong state,
10 condition not met (scan --exit-code), 20 refused by risk, 21 halted,
22 journal and venue disagree, 23 order rejected, 24 outcome not known yet,
130 interrupted, 143 terminated."""


_SENTENCE = 200
"""Characters; longer than any."""


class Tree(core.TyperGroup):
    """The top level: names from the table, modules on demand, help grouped by panel."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"defi_analytics.cli.{entry.module}")
        return typer.main.get_command(module.app)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for panel in dict.fromkeys(entry.panel for entry in COMMANDS.values()):
            with formatter.section(panel):
                formatter.write_dl([(n, e.summary) for n, e in COMMANDS.items() if e.panel == panel])


class Group(core.TyperGroup):
    """Sub-commands with their whole first sentence, on as many lines as it takes."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            rows = [(name, command.get_short_help_str(_SENTENCE)) for name, command in self.commands.items()]
            formatter.write_dl(rows)


class Listing(Group):
    """Sub-commands of which the usual one is meant where none is named."""

    usual = "list"

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        options_first = bool(args) and args[0].startswith("-") and args[0] not in ctx.help_option_names
        if options_first and (late := next((arg for arg in args if arg in self.commands), None)):
            raise UsageError(
                "options stand behind the command they are for",
                hint=f"such as: {ctx.command_path} {late} {args[0]}",
            )
        return super().parse_args(ctx, args if args and not options_first else [self.usual, *args])


class Showing(Listing):
    usual = "show"


class Telling(Listing):
    usual = "status"


def new_app(**attributes: Any) -> typer.Typer:
    """A Typer app of this house: plain help, `-h`, no tracebacks with locals."""
    return typer.Typer(
        cls=attributes.pop("cls", Group),
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **attributes,
    )


root = typer.Typer(
    cls=Tree,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@root.callback(help=HELP, epilog=EPILOG)
def defi() -> None:
    """The top level has no options of its own."""
