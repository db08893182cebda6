import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from defi_analytics.backtest import kept
from defi_analytics.backtest.compiled import compiled

ROOT = Path(__file__).resolve().parents[2]


def doubled(column):
    total = 0
    for i in range(len(column)):
        total += added(column[i])
    return total


def added(value):
    return value + value


COLUMN = np.arange(5)


def anew():
    """As another process would: (what it computes, whether it was compiled before)."""
    made = compiled.__wrapped__(doubled)
    return made(COLUMN), bool(made._cache_hits)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "defi" / "compiled"


def the_file(folder):
    (path,) = folder.iterdir()
    return path


def test_what_was_compiled_once_is_read_the_next_time(folder):
    assert anew() == (20, False)
    assert anew() == (20, True)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert the_file(folder).stat().st_mode & 0o777 == 0o600


def test_other_types_are_compiled_for_themselves(folder):
    anew()
    made = compiled.__wrapped__(doubled)
    assert made(COLUMN * 0.5) == 10.0
    assert not made._cache_hits
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content + b"\0",
    ],
    ids=["empty", "half", "last byte", "digest", "longer"],
)
def test_a_copy_that_is_not_what_was_written_is_compiled_again(folder, spoil):
    anew()
    path = the_file(folder)
    path.write_bytes(spoil(path.read_bytes()))
    assert anew() == (20, False)
    assert anew() == (20, True)


def test_a_copy_under_another_name_is_not_taken_for_it(folder):
    anew()
    path = the_file(folder)
    content = path.read_bytes()
    path.with_name("f" * 64 + ".code").write_bytes(content)
    assert kept._read(path) is not None
    assert kept._read(path.with_name("f" * 64 + ".code")) is None


@pytest.mark.parametrize("packed", [b"no pickle", pickle.dumps((1, 2))])
def test_a_copy_that_does_not_load_is_compiled_again(folder, packed):
    anew()
    kept._write(the_file(folder), packed)
    assert anew() == (20, False)


def test_a_copy_made_for_other_types_is_compiled_again(folder):
    anew()
    path = the_file(folder)
    made = compiled.__wrapped__(doubled)
    made(COLUMN * 0.5)
    other = next(p for p in folder.iterdir() if p != path)
    kept._write(path, kept._read(other))
    assert anew() == (20, False)


@pytest.mark.parametrize(
    "bar",
    [
        lambda folder, patch: patch.setenv("XDG_CACHE_HOME", str(folder / "file" / "below")),
        lambda folder, patch: (folder / "defi" / "compiled").chmod(0o770),
        lambda folder, patch: patch.setattr(os, "geteuid", lambda: 12_345),
        lambda folder, patch: (patch.setenv("XDG_CACHE_HOME", "here"), patch.setenv("HOME", "")),
    ],
    ids=["no folder", "others may write", "somebody else's", "no home"],
)
def test_where_nothing_can_be_kept_it_is_compiled_every_time(folder, monkeypatch, bar):
    anew()
    base = folder.parent.parent
    (base / "file").write_text("")
    before = the_file(folder).read_bytes()
    bar(base, monkeypatch)
    assert [anew(), anew()] == [(20, False)] * 2
    assert the_file(folder).read_bytes() == before


def test_without_a_cache_of_its_own_the_user_has_one_at_home(tmp_path, monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kept.private_folder() == tmp_path / ".cache" / "defi" / "compiled"


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    def full(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert anew() == (20, False)
    assert list(folder.iterdir()) == []


def test_the_oldest_copies_go(folder, monkeypatch):
    monkeypatch.setattr(kept, "MOST_FILES", 2)
    folder.mkdir(parents=True, mode=0o700)
    for age_s in (10, 20, 30):
        (folder / f"{age_s}.code").write_bytes(b"")
        os.utime(folder / f"{age_s}.code", (0, time.time() - age_s))
    anew()
    assert {path.name for path in folder.iterdir()} > {"10.code"}
    assert len(list(folder.iterdir())) == 2


def reads_an_array():
    return COLUMN[1]


def test_what_cannot_be_told_apart_is_not_kept(folder):
    assert compiled.__wrapped__(reads_an_array)() == 1
    assert not folder.exists()


STRATEGY = "from limits import LIMIT\ndef intend(x):\n    return side(x) if x > LIMIT else 0\n"
SIDE = "def side(x):\n    return 1\n"
RUN = """
from defi_analytics.backtest.compiled import compiled
import mine
def loop(intend):
    def replay(x):
        return intend(x)
    return replay
made = compiled(loop(mine.intend))
print(made(5), bool(made._cache_hits))
"""


def test_a_strategy_that_was_changed_is_never_served_from_before(tmp_path):
    """Nor one that calls, or takes a number from, what was changed in another file."""

    def run(strategy, limit=3):
        (tmp_path / "mine.py").write_text(strategy)
        (tmp_path / "limits.py").write_text(f"LIMIT = {limit}\n")
        clean = {
            **os.environ,
            "PYTHONPATH": f"{ROOT}:{tmp_path}",
            "XDG_CACHE_HOME": str(tmp_path),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.check_output([sys.executable, "-c", RUN], env=clean, text=True).split()

    assert run(STRATEGY + SIDE) == ["1", "False"]
    assert run(STRATEGY + SIDE) == ["1", "True"]
    assert run(STRATEGY + SIDE.replace("1", "-1")) == ["-1", "False"]
    assert run(STRATEGY.replace("> LIMIT", "< LIMIT") + SIDE) == ["0", "False"]
    assert run(STRATEGY + SIDE, limit=7) == ["0", "False"]
    assert run(STRATEGY + SIDE) == ["1", "True"]
