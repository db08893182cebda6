"""What no restart, and nothing that fails, may bring about: real processes, a real file, real kills."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.losses import day_loss
from defi_analytics.storage.journal import SqliteJournal
from tests.fakes import FakeClock

ROOT = Path(__file__).resolve().parents[2]
QUIET, GAP, FALLEN = "25", "25/25.3", "22.8"
RESTARTS = 100
SCRIPT = (sys.executable, "-m", "tests.engine.lonely_agent")


class Lives:
    """One journal, and what was sent by those who lived on it."""

    def __init__(self, folder: Path) -> None:
        self.path, self.sends = folder / "journal.sqlite", folder / "sends"
        self.said, self.count = "", 0

    def lived(self, *steps: str) -> list[str]:
        """What these steps sent."""
        before = len(self.sent)
        done = subprocess.run(
            [*SCRIPT, str(self.path), str(self.sends), str(self.count), *steps],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.said, self.count = done.stderr, self.count + len(steps)
        return self.sent[before:]

    @property
    def sent(self) -> list[str]:
        return self.sends.read_text().split() if self.sends.exists() else []

    @property
    def ledger(self) -> Ledger:
        with SqliteJournal(self.path) as journal:
            return Ledger.opened(journal, FakeClock())

    def refusals(self) -> list[str]:
        with SqliteJournal(self.path) as journal:
            return [code for _, _, body in journal.replay("decision") for code in body.get("refused", ())]


@pytest.fixture
def lives(tmp_path: Path) -> Lives:
    return Lives(tmp_path)


def test_a_gap_is_traded_by_a_process_that_is_killed_after_each_round(lives: Lives) -> None:
    assert lives.lived(QUIET, GAP) == ["enters"]
    assert [held.quantity > 0 for held in lives.ledger.books.net.values()] == [True]


def test_a_hundred_restarts_of_a_losing_day_never_arm_it_again(lives: Lives) -> None:
    assert lives.lived(QUIET, GAP) == ["enters"]
    # What was bought falls; then the price, and with it the temptation, comes back.
    assert set(lives.lived(FALLEN, FALLEN, *[GAP] * RESTARTS)) == {"reduces"}
    ledger = lives.ledger
    assert day_loss(ledger.risk) >= 0.03
    assert ledger.risk.trades_today == 1
    assert lives.refusals().count(Denial.DAILY_LOSS.name) >= RESTARTS - 5


def test_a_drawdown_that_halted_halts_after_every_restart_until_it_is_resumed(lives: Lives) -> None:
    assert lives.lived(QUIET, f"{GAP},halts") == ["enters"]
    assert "enters" not in lives.lived("20,halts", *[f"{GAP},halts"] * 20)
    ledger = lives.ledger
    assert (ledger.risk.trading, ledger.risk.code) == (TradingState.HALTED, Denial.DRAWDOWN_HARD)


@pytest.mark.parametrize(
    ("fault", "state", "code"),
    [
        ("nan", TradingState.ACTIVE, Denial.NONE),
        ("clock", TradingState.ACTIVE, Denial.NONE),
        ("missing", TradingState.ACTIVE, Denial.NONE),
    ],
)
def test_nothing_is_entered_by_what_is_missing_or_wrong(
    lives: Lives, fault: str, state: TradingState, code: Denial
) -> None:
    lives.lived(QUIET, GAP)
    sent = lives.lived(f"{QUIET},{fault}", *[f"24/24.5,{fault}"] * 2)
    assert "enters" not in sent
    assert (lives.ledger.risk.trading, lives.ledger.risk.code) == (state, code)


@pytest.mark.parametrize("fault", ["nan", "clock"])
def test_a_first_order_is_not_sent_by_a_wrong_price_or_clock(lives: Lives, fault: str) -> None:
    assert lives.lived(f"{QUIET},{fault}", f"{GAP},{fault}", f"{GAP},{fault}") == []
    assert lives.refusals()


@contextlib.contextmanager
def held(path: Path) -> Any:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


def test_nothing_is_sent_while_another_process_holds_the_journal(lives: Lives) -> None:
    lives.lived(QUIET)
    with held(lives.path):
        assert lives.lived(GAP, GAP) == []
    assert "locked" in lives.said


def test_nothing_is_sent_once_the_disk_is_full(lives: Lives) -> None:
    lives.lived(QUIET)
    assert lives.lived(f"{GAP},full", f"{GAP},full") == []
    assert "cannot be used" in lives.said


def test_after_the_space_is_back_it_trades_on_as_if_nothing_had_been(lives: Lives) -> None:
    lives.lived(QUIET)
    lives.lived(f"{GAP},full")
    assert lives.lived(GAP) == ["enters"]
