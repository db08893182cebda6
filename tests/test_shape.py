"""The rules of the house that no other tool checks."""

import ast
import io
import re
import tokenize
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "defi_analytics"
TESTS = ROOT / "tests"
TOP = {
    "defi_analytics",
    "tests",
    "settings.yaml",
    "pyproject.toml",
    "Makefile",
    "README.md",
    "LICENSE",
    "requirements.txt",
}

LONGEST_MODULE = 300
LONGEST_FUNCTION = 50
WORTH_A_TEST = 15
"""Lines; what is shorter says nothing but names."""

TESTED_ELSEWHERE = {
    "ports.py": "Protocols alone: tests/conformance runs their promises over every adapter",
    "config/*.py": "one door: tests/config/test_load.py enters through `load` and comes by all of it",
    "cli/key_rows.py": "rows without behaviour; tests/cli/test_schemas.py holds them against commands",
    "cli/run_schema.py": "values without behaviour; tests/cli/test_run_rows.py makes them",
    "cli/schemas_setup.py": "rows without behaviour; tests/cli/test_schemas.py holds them against commands",
    "cli/schema_names.py": "one table: tests/cli/test_schemas.py holds each of its rows against a command",
    "domain/quote.py": "two values without behaviour",
    "domain/portfolio.py": "values without behaviour",
    "engine/policy.py": "values without behaviour; tests/engine/test_agent.py runs by them",
    "engine/terms.py": "values; tests/engine/test_trade.py decides by them",
    "risk/views.py": "values without behaviour",
    "sandbox/chain/abci.py": "values without behaviour",
}
"""Modules without a test file of their own, and why."""


def below(folder):
    return sorted(p for p in folder.rglob("*.py") if "__pycache__" not in p.parts)


MODULES = below(PACKAGE)
SOURCES = [*MODULES, *below(TESTS)]
FILES = sorted(
    p
    for name in TOP
    for p in ([ROOT / name] if (ROOT / name).is_file() else (ROOT / name).rglob("*"))
    if p.is_file() and "__pycache__" not in p.parts
)


def text(path):
    return path.read_text(encoding="utf-8")


def name(path):
    return path.relative_to(ROOT).as_posix()


def ignored():
    return text(ROOT / ".gitignore").replace("/", "").split()


def test_the_top_level_holds_only_what_was_agreed():
    found = {p.name for p in ROOT.iterdir() if not any(fnmatch(p.name, pattern) for pattern in ignored())}
    assert {n for n in found if not n.startswith(".")} == TOP


def test_a_module_fits_a_few_screens():
    lines = {name(p): len(text(p).splitlines()) for p in MODULES}
    assert {p: n for p, n in lines.items() if n > LONGEST_MODULE} == {}


def lines_of(function):
    """Its length; a command's begins below its signature and docstring, which are its options and its help."""
    is_command = any(isinstance(d, ast.Name) and d.id == "with_common" for d in function.decorator_list)
    first = function.body[1 if ast.get_docstring(function) and len(function.body) > 1 else 0]
    return (function.end_lineno or 0) - (first.lineno if is_command else function.lineno) + 1


def functions(path):
    return [
        n for n in ast.walk(ast.parse(text(path))) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def test_a_function_fits_a_screen():
    lines = {f"{name(p)}:{f.name}": lines_of(f) for p in MODULES for f in functions(p)}
    assert {f: n for f, n in lines.items() if n > LONGEST_FUNCTION} == {}


def has_a_test(path):
    """`http/client.py` has tests/http/test_client.py, and may have further test_client_*.py beside it."""
    relative = path.relative_to(PACKAGE)
    return any((TESTS / relative.parent).glob(f"test_{relative.stem.strip('_')}*.py"))


def excused(path):
    relative = path.relative_to(PACKAGE).as_posix()
    return any(fnmatch(relative, pattern) for pattern in TESTED_ELSEWHERE)


def test_every_module_has_its_test_at_the_mirrored_place():
    worth = [p for p in MODULES if len(text(p).splitlines()) > WORTH_A_TEST]
    assert [name(p) for p in worth if not has_a_test(p) and not excused(p)] == []


@pytest.mark.parametrize("pattern", TESTED_ELSEWHERE)
def test_an_exception_is_still_needed_and_what_it_points_to_exists(pattern):
    matching = [p for p in MODULES if fnmatch(p.relative_to(PACKAGE).as_posix(), pattern)]
    assert any(not has_a_test(p) for p in matching), "no longer an exception"
    for named in re.findall(r"tests/[\w/.]+\w", TESTED_ELSEWHERE[pattern]):
        assert (ROOT / named).exists(), named


def comments(path):
    source = path.read_text(encoding="utf-8")
    return [
        t.string for t in tokenize.generate_tokens(io.StringIO(source).readline) if t.type == tokenize.COMMENT
    ]


UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def test_nothing_is_left_for_later():
    texts = [p for p in FILES if p.suffix in {".md", ".yaml", ".toml", ".txt"}]
    assert [name(p) for p in SOURCES for c in comments(p) if UNFINISHED.search(c)] == []
    assert [name(p) for p in texts if UNFINISHED.search(text(p))] == []


SILENCED = re.compile(
    r"# *(?:noqa|type: *ignore)\b(?P<code>: *[A-Z]+\d+(?:, *[A-Z]+\d+)*|\[[a-z, -]+\])?(?P<reason>.*)"
)


def is_reasoned(found):
    return found["code"] and len(re.findall(r"\w+", found["reason"])) > 1


def test_a_silenced_check_names_its_code_and_its_reason():
    silenced = [(name(p), found) for p in SOURCES for c in comments(p) if (found := SILENCED.match(c))]
    assert silenced
    assert [(path, found[0]) for path, found in silenced if not is_reasoned(found)] == []


def test_a_name_says_what_a_thing_is_not_that_it_helps():
    names = [c for p in MODULES for c in (p.stem, *re.findall(r"^class (\w+)", text(p), re.MULTILINE))]
    assert [n for n in names if re.search(r"(?i)(manager|helpers?|utils?)$|^(Base|Abstract)", n)] == []


@pytest.mark.parametrize("lock", ["requirements.txt", "tests/bench/peers.txt"])
def test_the_locked_requirements_are_hashed_and_name_no_host(lock):
    locked = text(ROOT / lock)
    assert re.search(r"(?i)https?:|://|-index|find-links|trusted-host|@", locked) is None
    pinned = re.findall(
        r"^[a-zA-Z0-9._\[\]-]+==\S+(?: ; python_version < .3\.13.)? \\$", locked, re.MULTILINE
    )
    assert len(pinned) > 20
    assert len(pinned) == len(re.findall(r"^[^#\s]", locked, re.MULTILINE))
    assert locked.count("--hash=sha256:") >= len(pinned)


MACHINE_PATH = re.compile(r"(?<![\w.~}>])/(?:work|tmp|home|root|Users|mnt|private|var/folders)/\w")
REGISTRY = re.compile(r"(?i)\b(?:pyp[i]\.|python[h]osted|npm[j]s|anacond[a]|artifactor[y]|devp[i])|/simple/")


def test_no_file_names_a_place_on_a_machine_or_a_registry():
    others = [p for p in FILES if p != Path(__file__).resolve()]
    found = {name(p): MACHINE_PATH.findall(text(p)) + REGISTRY.findall(text(p)) for p in others}
    assert {path: places for path, places in found.items() if places} == {}
