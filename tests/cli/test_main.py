import json
import subprocess
import sys

import pytest

from defi_analytics import __version__
from tests.cli.harness import process, process_environment

HEAVY = {"httpx", "numpy", "pydantic", "pyinjective", "grpc", "sqlite3", "yaml"}


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_one_line(bare, flag):
    ran = bare(flag)
    assert (ran.code, ran.out, ran.err) == (0, f"defi {__version__}\n", "")


@pytest.mark.parametrize("args", [[], ["--help"], ["-h"]])
def test_help_names_every_command_and_costs_no_more_than_reading_a_file(bare, args):
    from defi_analytics.cli.commands import COMMANDS

    ran = bare(*args)
    assert ran.code == 0
    assert ran.err == ""
    assert all(name in ran.out for name in COMMANDS)
    assert max(map(len, ran.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("args", "forbidden"),
    [
        (["--version"], HEAVY | {"typer", "rich", "asyncio", "msgspec"}),
        (["--help"], HEAVY | {"typer", "rich", "asyncio", "msgspec"}),
        (["scan", "--help"], HEAVY),
        (["explain", "BELOW_MIN_EDGE"], HEAVY),
        (["version"], HEAVY),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_use(args, forbidden):
    script = (
        "import json, sys; from defi_analytics.cli.main import main; code = main(json.loads(sys.argv[1]));"
        "print(json.dumps([code, sorted(sys.modules)]), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, json.dumps(args)],
        env=process_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    code, modules = json.loads(ran.stderr)
    assert code == 0
    # Coverage, where it measures subprocesses, brings modules of its own.
    assert forbidden & set(modules) <= ({"sqlite3"} if "coverage" in modules else set())


def test_the_module_runs_as_a_program_and_returns_the_code():
    assert process("--version").stdout == f"defi {__version__}\n"
    ran = process("explain", "NONSENSE")
    assert (ran.returncode, ran.stdout) == (8, "")
    assert ran.stderr.startswith("defi: error: ")


def test_a_shell_that_asks_what_could_follow_is_told(bare, monkeypatch):
    monkeypatch.setenv("_DEFI_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", "defi sc")
    monkeypatch.setenv("COMP_CWORD", "1")
    ran = bare()
    assert ran.code == 0
    assert "scan" in ran.out.split()
