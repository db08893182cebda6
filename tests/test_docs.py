"""What README.md, help.txt and `--help` say is what the program does."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest

from defi_analytics import errors
from defi_analytics.cli import boundary
from defi_analytics.cli.commands import COMMANDS
from defi_analytics.cli.explain import REASONS
from defi_analytics.cli.main import main
from defi_analytics.cli.scan import EXIT_NOT_MET
from defi_analytics.cli.schema_names import SCHEMAS
from defi_analytics.cli.schemas import VERSION
from defi_analytics.cli.tree import EPILOG
from defi_analytics.config import schema
from defi_analytics.config.load import load
from defi_analytics.config.settings import Settings
from defi_analytics.domain.edge import Reason
from defi_analytics.errors import DefiError
from tests.docs import (
    HELP,
    HELP_COLUMNS,
    README,
    ROOT,
    blocks,
    clean_environment,
    command_tree,
    current,
    help_of,
)

TEXT = README.read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TREE = command_tree()
LEAVES = [path for path, command in TREE.items() if not hasattr(command, "list_commands")]
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:[A-Z_]+=\S+ )*defi\b.*")
_SHELL_ONLY = re.compile(r"[|;&]|\$\?")


def fences(language):
    return [body for found, body in _FENCE.findall(TEXT) if found == language]


def is_script(block):
    return _SHELL_ONLY.search(block) is not None


LINES = [
    line
    for block in fences("sh")
    if not is_script(block)
    for line in block.splitlines()
    if _COMMAND.fullmatch(line)
]
SCRIPTS = [block for block in fences("sh") if is_script(block)]
SHOWN = [*LINES, *SCRIPTS, *fences("cron")]


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A folder with nothing in it, where Injective is the sandbox and no setting is this machine's."""
    environment = clean_environment(tmp_path)
    for name in os.environ.keys() - environment.keys():
        monkeypatch.delenv(name)
    for name, text in environment.items():
        monkeypatch.setenv(name, text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shortened(command):
    """The same command, without the waiting."""
    command = re.sub(
        r"--watch \d+", "--watch 0.1", re.sub(r"--count \d+(?= -o ndjson)", "--count 2", command)
    )
    command = re.sub(r"\b(mainnet|testnet)\b", "sandbox", re.sub(r"--port \d+", "--port 0", command))
    command = re.sub(r"--duration \S+", "--duration 0.2s", re.sub(r"--cycles \d+", "--cycles 1", command))
    if command.startswith("defi sandbox"):
        port = "" if "--port" in command else " --port 0"
        return f"{command}{port} --duration 0.2"
    return command


def test_the_readme_shows_commands_and_a_script_and_a_cron_line():
    assert len(LINES) > 25
    assert SCRIPTS
    assert fences("cron")


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_readme_ends_as_documented(line, outside, monkeypatch, capsys):
    shutil.copy(ROOT / "settings.yaml", outside / "settings.yaml")
    (outside / "settings.yaml").chmod(0o600)
    if "config init" in line:
        (outside / "settings.yaml").unlink()
    command, _, comment = line.partition("  # exits ")
    words = shlex.split(shortened(command.partition(">")[0]))
    while "=" in words[0]:
        monkeypatch.setenv(*words.pop(0).split("=", 1))
    assert main(words[1:]) == int(comment or 0)
    out = capsys.readouterr().out
    assert out or "config" in words
    if "--json" in words:
        is_as_its_schema_says(json.loads(out))


def is_as_its_schema_says(document):
    assert document["ok"] is True
    row = SCHEMAS[document["schema"].removeprefix("defi.").removesuffix(f"/{VERSION}")]
    assert document["data"]
    for each in document["data"]:
        assert each.keys() == set(row.__struct_fields__)
        msgspec.convert(each, row)


def run_in_shell(script, folder):
    """Runs it with the `defi` of this checkout on the path, and a `jq` that only reads where there is none."""
    programs = folder / "defi" / ".venv" / "bin"
    programs.mkdir(parents=True)
    written = {"defi": f'exec "{sys.executable}" -m defi_analytics "$@"'}
    if shutil.which("jq") is None:
        written["jq"] = f'exec "{sys.executable}" -m json.tool'
    for name, body in written.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        (programs / name).chmod(0o700)
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", "-u", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_of_the_readme_runs(script, outside):
    ran = run_in_shell(shortened(script), outside)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout


def test_the_script_of_the_readme_tells_the_outcomes_apart(outside):
    (script,) = [s for s in SCRIPTS if "case $? in" in s]
    assert run_in_shell(script, outside / "one").stdout == "mispriced: see edges.json\n"
    nothing = run_in_shell(script.replace("defi scan", "defi scan ATOM/USDT"), outside / "two")
    assert nothing.stdout == "nothing stands\n"
    failed = run_in_shell(script.replace("defi scan", "defi scan NO/SUCH"), outside / "three")
    assert "defi failed" in failed.stderr
    assert json.loads((outside / "three" / "edges.json").read_text())["error"]["code"] == "UNKNOWN_MARKET"


@pytest.mark.parametrize("line", [line for block in fences("cron") for line in block.splitlines()])
def test_a_cron_line_of_the_readme_runs_and_keeps_a_journal(line, outside):
    when, command = re.fullmatch(r"((?:[\d*/,-]+ ){5})(.*)", line).groups()
    assert when
    assert "%" not in command, "cron turns % into a newline"
    ran = run_in_shell(command, outside)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "stands" in ran.stdout
    assert (outside / ".local" / "state" / "defi" / "journal.sqlite").exists()


def test_make_targets_of_the_readme_exist():
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(re.findall(r"`[^`\n]+`", TEXT) + fences("sh"))))
    assert named >= {"demo", "test", "bench", "docs"}
    assert named <= set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_the_readme_installs_as_the_makefile_does():
    (block,) = [b for b in fences("sh") if "pip install" in b]
    makefile = re.sub(r"--quiet|--disable-pip-version-check|-e \.", "", MAKEFILE)
    for line in block.splitlines():
        if "pip install" in line:
            flags = line.partition("pip install")[2].removesuffix(".").split()
            assert " ".join(flags) in " ".join(makefile.split())


def test_the_readme_and_the_package_ask_for_the_same_python():
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    assert re.findall(r"Python (\d\.\d+) or newer", TEXT) == [needed.removeprefix(">=")]
    assert f"Python {needed.removeprefix('>=')} or newer" in MAKEFILE


def masked(text, what):
    """Without what differs each time: times and ages, the widths they cause, and all numbers of a sample."""
    text = re.sub(r"\d+-\d+-\d+T[\d:.]+Z|\d+\.\d s\b|\b\d+ (min|ms)\b", "#", text)
    if what == "sample":
        text = re.sub(r"-?\d+(\.\d+)?", "#", text)
    return re.sub(r"─+", "─", re.sub(r"[ \n]+", " ", text)).strip()


@pytest.mark.parametrize(("what", "args", "body"), list(blocks(TEXT)))
def test_a_marked_block_of_the_readme_is_what_the_program_prints(what, args, body, outside):
    now = current(what, args)
    assert body == now if what == "help" else masked(body, what) == masked(now, what), "run `make docs`"


def test_the_static_help_is_the_real_one():
    assert HELP.read_text(encoding="utf-8") == help_of(), "run `make docs`"


@pytest.mark.parametrize("asked", [[], ["-h"], ["--help"]])
def test_the_top_level_help_is_served_from_the_file(asked, capsys):
    assert main(asked) == 0
    assert capsys.readouterr().out == HELP.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", TREE, ids=lambda path: " ".join(path) or "top")
def test_help_fits_a_terminal(path):
    examples_may_be_longer = [
        line for line in help_of(*path).splitlines() if not line.startswith("    defi ")
    ]
    assert max(map(len, examples_may_be_longer)) <= HELP_COLUMNS
    assert path or max(map(len, help_of().splitlines())) <= HELP_COLUMNS


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_a_command_is_explained_by_an_example_of_its_own_and_shown_in_the_readme(path):
    line = re.compile(rf"(?:^|\s)defi {' '.join(path)}\b")
    text = help_of(*path)
    _, heading, examples = text.partition("Example")
    assert heading, "no example"
    assert line.search(examples.partition("Options:")[0])
    assert any(line.search(shown) for shown in SHOWN), f"README.md does not show `defi {' '.join(path)}`"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_the_examples_in_a_commands_help_name_options_it_has(path):
    known = {name for option in TREE[path].params for name in (*option.opts, *option.secondary_opts)}
    examples = help_of(*path).partition("Example")[2].partition("\n\n")[0]
    used = set(re.findall(r"(?<!\S)--?[a-z][a-z-]*", examples))
    assert used <= known


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_that_takes_a_value_states_its_default(path):
    context = TREE[path].make_context(path[-1], [], resilient_parsing=True)
    for option in TREE[path].params:
        if option.param_type_name == "option" and not option.is_flag and not option.count:
            text = " ".join(option.get_help_record(context))
            assert "[default: " in text, option.opts


def test_defaults_stated_in_help_are_those_of_the_settings():
    settings = Settings(home=ROOT)
    stated = {
        ("scan", "--top"): settings.scan.top,
        ("scan", "--min-edge-bps"): f"{settings.min_edge * 10_000:f}".rstrip("0").rstrip("."),
        ("scan", "--min-profit"): settings.scan.min_profit,
        ("scan", "--max-age"): f"{settings.scan.max_age_s}s",
        ("scan", "--timeout"): f"{settings.http.deadline_s}s",
        ("scan", "--network"): settings.network,
        ("sandbox", "--seed"): settings.sandbox.seed,
        ("sandbox", "--port"): settings.sandbox.port,
    }
    for (command, name), default in stated.items():
        option = next(p for p in TREE[command,].params if name in p.opts)
        assert option.help.endswith(f"[default: {default}]"), name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_what_its_own_help_begins_with(name):
    first = " ".join(help_of(name).split("\n\n")[1].split())
    assert first.startswith(COMMANDS[name].summary), name


def exit_code_table():
    rows = re.findall(r"^\| (\d+) \| (.+?) \| ?(.*?) ?\|$", TEXT, re.MULTILINE)
    return {int(code): again for code, _, again in rows}


def raised_codes():
    return {
        each.exit_code: each.retryable
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, DefiError)
    }


def test_the_exit_code_table_is_complete():
    rim = {0, EXIT_NOT_MET, boundary.EXIT_INTERNAL, boundary.EXIT_INTERRUPTED, boundary.EXIT_TERMINATED}
    assert exit_code_table().keys() == raised_codes().keys() | rim
    assert {int(n) for n in re.findall(r"\b(\d+) [a-z]", EPILOG)} == exit_code_table().keys()


def test_the_exit_code_table_says_yes_where_trying_again_is_worth_it():
    table = exit_code_table()
    assert {code for code, retry in raised_codes().items() if retry} == {5, 7}
    assert {code for code in raised_codes() if table[code] == "yes"} >= {5, 7}


def test_every_reason_is_explained_and_named_in_the_readme():
    wanted = set(Reason) - {Reason.NONE}
    assert REASONS.keys() == wanted
    assert {reason.name for reason in wanted} <= set(re.findall(r"\b[A-Z_]{6,}\b", TEXT))


_SETTING = re.compile(r"\b(?:scan|allora|monitoring|injective|http|logging|sandbox)\.[a-z_.]+[a-z]\b")


def test_settings_named_in_texts_exist():
    texts = [TEXT, *(help_of(*path) for path in TREE), *(f"{a} {b}" for a, b in REASONS.values())]
    named = {name for text in texts for name in _SETTING.findall(text)} - {"scan.schema.json"}
    assert len(named) > 4
    assert [name for name in named if schema.at(tuple(name.split("."))) is None] == []


def test_variables_named_in_the_readme_exist():
    named = set(re.findall(r"\bDEFI_[A-Z_]+[A-Z]", TEXT))
    settings = {f"DEFI_{'__'.join(trail).upper()}" for trail in schema.settable()}
    assert named - settings == {"DEFI_CONFIG", "DEFI_ALLORA__API_KEY_FILE"}


@pytest.mark.parametrize("block", fences("yaml"))
def test_settings_shown_in_the_readme_load(block, outside):
    (outside / "settings.yaml").write_text(block, encoding="utf-8")
    (outside / "settings.yaml").chmod(0o600)
    loaded = load(None, {"HOME": str(outside)}, {})
    assert loaded.origins
    assert not loaded.warnings


def uncommented():
    """settings.yaml with every default made a value."""
    lines = (ROOT / "settings.yaml").read_text(encoding="utf-8").splitlines()
    return [re.sub(r"^( *)# ([a-z][a-z0-9_-]*: )", r"\1\2", line) for line in lines]


def test_every_line_of_the_settings_file_can_be_uncommented(outside):
    path = outside / "settings.yaml"
    path.write_text("\n".join(uncommented()).replace("~", str(outside)) + "\n", encoding="utf-8")
    path.chmod(0o600)
    loaded = load(None, {"HOME": str(outside)}, {})
    assert {".".join(trail) for trail in schema.settable()} - loaded.origins.keys() == set()
    assert loaded.settings == Settings(home=loaded.settings.home)


def test_paths_and_links_of_the_readme_lead_somewhere():
    paths = set(re.findall(r"`((?:defi_analytics|tests)/[\w/.]+)`", TEXT))
    assert paths
    assert [p for p in paths if not re.search(r"/(test_)?x\.py$", p) and not (ROOT / p).exists()] == []
    rooms = {
        room
        for row in re.findall(r"^\| (`[^|]+`) \| ", TEXT, re.MULTILINE)
        for room in re.findall(r"`([\w.]+/?)`", row)
    }
    package = {
        p.name + "/" * p.is_dir() for p in (ROOT / "defi_analytics").iterdir() if not p.name.startswith("__")
    }
    assert package - rooms == {"py.typed"}
    headings = [
        re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-")
        for h in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    ]
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        target = link.removeprefix("#")
        assert re.sub(r"-\d$", "", target) in headings if link != target else (ROOT / link).exists(), link


def test_the_example_of_the_demo_is_the_one_make_runs():
    (command,) = re.findall(r"^\t\$\(BIN\)/(defi .*)$", MAKEFILE, re.MULTILINE)
    assert ("output", command) in [(what, args) for what, args, _ in blocks(TEXT)]


def test_nothing_marked_is_empty():
    assert all(body.strip() for _, _, body in blocks(TEXT))
    assert Path(README).read_text(encoding="utf-8").count("<!-- end -->") == len(list(blocks(TEXT)))
