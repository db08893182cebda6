import os
from pathlib import Path
from typing import Any

import psutil
import pytest

from defi_analytics.app import agents
from defi_analytics.app.accounts import Account
from defi_analytics.app.agents import Seen, number, seen, status_path, stop
from defi_analytics.errors import WrongState
from defi_analytics.storage.lock import AccountLock
from tests.fakes import FakeClock

PAPER = Account("sandbox")


def test_the_lock_says_that_it_runs_and_the_system_what_it_costs(tmp_path: Path) -> None:
    assert not seen(PAPER, tmp_path).running
    with PAPER.lock(tmp_path):
        found = seen(PAPER, tmp_path)
    assert (found.pid, found.state) == (os.getpid(), "running")
    assert found.rss_bytes is not None


def test_who_was_killed_died_though_it_never_told_of_itself(tmp_path: Path) -> None:
    assert seen(PAPER, tmp_path).state == "never ran"
    with PAPER.lock(tmp_path) as lock:
        held = lock.path.read_bytes()
    assert seen(PAPER, tmp_path).state == "never ran"
    lock.path.write_bytes(held)
    assert seen(PAPER, tmp_path).state == "died"
    status_path(PAPER, tmp_path).write_text('{"state": "ended"}')
    assert seen(PAPER, tmp_path).state == "died"
    with PAPER.lock(tmp_path):
        pass
    assert seen(PAPER, tmp_path).state == "stopped"


def test_what_an_earlier_run_said_is_not_told_of_the_one_that_runs(tmp_path: Path) -> None:
    with PAPER.lock(tmp_path):
        for pid, told in ((os.getpid(), "halted"), (os.getpid() + 1, None)):
            status_path(PAPER, tmp_path).write_text(f'{{"pid": {pid}, "trading": "halted"}}')
            assert seen(PAPER, tmp_path).told.get("trading") == told


def test_a_process_that_cannot_be_looked_at_still_runs(tmp_path: Path, monkeypatch: Any) -> None:
    def gone(pid: int) -> None:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(psutil, "Process", gone)
    with PAPER.lock(tmp_path):
        found = seen(PAPER, tmp_path)
    assert (found.running, found.rss_bytes) == (True, None)


@pytest.mark.parametrize(
    ("told", "count"),
    [
        ({}, 0),
        ({"cycle": {"took_s": 3.1}, "process": {"usual_cycle_s": 1.0}}, 1),
        ({"cycle": {"took_s": 2.9}, "process": {"usual_cycle_s": 1.0}}, 0),
        ({"cycle": {"took_s": 3.1}, "process": {}}, 0),
        ({"errors_in_a_row": 1, "trading": "reducing"}, 2),
        ({"rejected_in_a_row": 1}, 0),
        ({"rejected_in_a_row": 2}, 1),
        ({"trading": "active"}, 0),
    ],
)
def test_reasons_to_look_are_told(told: dict[str, Any], count: int) -> None:
    assert len(Seen(1, told).degraded) == count


def test_a_number_is_a_number() -> None:
    assert [number(value) for value in (1, 2.5, True, "3", None)] == [1, 2.5, None, None, None]


async def test_nobody_is_ended_where_nobody_runs(tmp_path: Path) -> None:
    assert await stop(PAPER, tmp_path, FakeClock(), 1.0) is None


async def test_this_very_process_is_not_ended(tmp_path: Path) -> None:
    with AccountLock(tmp_path / "accounts", "sandbox", "paper"), pytest.raises(WrongState, match="not this"):
        await stop(PAPER, tmp_path, FakeClock(), 1.0)


class Elsewhere:
    """A process that another user started, or that is gone by now."""

    def __init__(self, error: psutil.Error) -> None:
        self.error = error

    def uids(self) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "said"), [(psutil.AccessDenied(1), "cannot be asked"), (psutil.NoSuchProcess(1), "still at it")]
)
async def test_what_cannot_be_ended_is_told(
    tmp_path: Path, monkeypatch: Any, error: psutil.Error, said: str
) -> None:
    monkeypatch.setattr(agents, "holder_of", lambda path: 4_000_000)
    monkeypatch.setattr(psutil, "Process", lambda pid: Elsewhere(error))
    with pytest.raises(WrongState, match=said):
        await stop(PAPER, tmp_path, FakeClock(), 1.0)
