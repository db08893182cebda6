import pytest
import typer

from defi_analytics.cli.boundary import run
from defi_analytics.cli.commands import COMMANDS
from defi_analytics.cli.tree import root


def test_the_tree_lists_the_table_in_its_order():
    command = typer.main.get_command(root)
    context = command.make_context("defi", [], resilient_parsing=True)
    assert list(command.list_commands(context)) == list(COMMANDS)


def test_a_name_that_is_no_command_is_nothing():
    command = typer.main.get_command(root)
    context = command.make_context("defi", [], resilient_parsing=True)
    assert command.get_command(context, "nonsense") is None


def test_the_help_of_the_tree_has_a_panel_for_each_group(capsys):
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"{entry.panel}:" in out for entry in COMMANDS.values())
    assert "Exit codes" in out


@pytest.mark.parametrize(
    "args",
    [
        ["scan"],
        ["predict"],
        ["market", "list"],
        ["market", "book"],
        ["venue", "ping"],
        ["topics", "show"],
        ["config", "init"],
    ],
)
def test_examples_are_shown_a_line_each(bare, args):
    out = bare(*args, "--help").out
    examples = [line for line in out.splitlines() if line.startswith(("    defi ", "  defi "))]
    assert examples
    assert "\\b" not in out


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["orders", "--help"], 0, "cancel"),
        (["orders", "list", "--help"], 0, "--all"),
        (["orders", "nonsense"], 2, ""),
        (["state", "--help"], 0, "verify"),
    ],
)
def test_where_no_sub_command_is_named_list_is_meant(args, code, said, capsys):
    assert run(args) == code
    assert said in capsys.readouterr().out
