from importlib import import_module

import typer

from defi_analytics.cli.commands import COMMANDS


def test_every_command_is_a_module_with_an_app():
    for name, entry in COMMANDS.items():
        app = import_module(f"defi_analytics.cli.{entry.module}").app
        assert isinstance(app, typer.Typer), name


def test_every_command_answers_help_with_examples(bare):
    for name in COMMANDS:
        ran = bare(name, "--help")
        assert ran.code == 0
        assert ran.err == ""
        assert f"Usage: defi {name}" in ran.out
