import contextlib
import json
import os
import resource
import signal
import sqlite3

import pytest

from defi_analytics.app import stopping
from defi_analytics.app.accounts import Account, stop_file, told_to_stop
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.stopping import PERSON, holds, reduced, resumed, stopped
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import RiskHalt, WrongState
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import halt
from defi_analytics.storage.journal import SqliteJournal
from tests.fakes import FakeClock

PAPER = Account("sandbox")
OTHER = Account("mainnet")
CLOCK = FakeClock()


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr(stopping, "_PATIENCE_S", 0.05)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "state"


def state(home, account=PAPER):
    return ledger_of(home, account, CLOCK).risk


def everything(home, *accounts):
    return stopped(home, accounts, "why not", CLOCK, everything=True)


def lifted(home, ack=Denial.HALTED, account=PAPER, **more):
    return resumed(home, account, ack, CLOCK, **({"rebase": False, "file_too": False} | more))


def equity(home, *values):
    with SqliteJournal(PAPER.journal(home)) as journal:
        for value in values:
            journal.append("risk.equity", CLOCK.now(), {"equity": value})


def test_a_halt_is_in_the_journal_and_in_a_file_and_says_so(home):
    steps = everything(home, PAPER)
    assert [(step.where, step.done) for step in steps] == [("stop-file", True), ("journal", True)]
    assert holds(steps)
    assert "is there" in told_to_stop(home)
    found = state(home)
    assert (found.trading, found.code, found.reason, found.by) == (
        TradingState.HALTED,
        Denial.HALTED,
        "why not",
        PERSON,
    )
    assert json.loads(stop_file(home).read_text())["reason"] == "why not"


def test_a_halt_before_any_account_is_there_holds_those_to_come(home):
    steps = everything(home)
    assert holds(steps)
    assert told_to_stop(home, OTHER)


def test_a_halt_of_one_account_leaves_the_others_alone(home):
    assert holds(stopped(home, [PAPER], "", CLOCK, everything=False))
    assert told_to_stop(home, PAPER)
    assert not told_to_stop(home, OTHER)
    assert not told_to_stop(home)
    assert state(home).trading is TradingState.HALTED
    assert state(home, OTHER).trading is TradingState.ACTIVE


def test_a_halt_said_twice_is_no_error(home):
    everything(home, PAPER)
    steps = everything(home, PAPER)
    assert holds(steps)
    assert "was there already" in steps[0].message


@contextlib.contextmanager
def locked(home):
    with contextlib.closing(sqlite3.connect(PAPER.journal(home), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        yield


def test_a_journal_that_another_process_holds_leaves_the_file(home):
    equity(home, 100.0)
    with locked(home):
        steps = everything(home, PAPER)
    assert [step.done for step in steps] == [True, False]
    assert "locked" in steps[1].message
    assert holds(steps)


def test_a_damaged_journal_leaves_the_file(home):
    equity(home, 100.0)
    PAPER.journal(home).write_bytes(b"x" * 5000)
    steps = everything(home, PAPER)
    assert [step.done for step in steps] == [True, False]
    assert holds(steps)


def test_where_no_file_can_be_made_the_journals_hold(home):
    equity(home, 100.0)
    home.chmod(0o500)
    try:
        steps = everything(home, PAPER)
    finally:
        home.chmod(0o700)
    if os.geteuid():
        assert [step.done for step in steps] == [False, True]
    assert holds(steps)


def test_where_neither_can_be_written_nothing_holds_and_that_is_told(tmp_path):
    home = tmp_path / "state"
    home.write_text("not a folder")
    steps = everything(home, PAPER)
    assert [step.done for step in steps] == [False, False]
    assert not holds(steps)
    assert not holds([])


def test_a_full_disk_leaves_a_file_without_words_that_stops_all_the_same(home):
    home.mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        steps = everything(home, PAPER)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert [step.done for step in steps] == [True, False]
    assert told_to_stop(home)
    assert stop_file(home).read_bytes() == b""


def test_a_folder_that_cannot_be_flushed_is_not_called_durable(home, monkeypatch):
    def broken(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    step, *_ = everything(home)
    assert not step.done
    assert "may not outlast a crash" in step.message
    assert told_to_stop(home)


def test_resuming_takes_the_file_away_and_lifts_the_halt(home):
    everything(home, PAPER)
    steps = lifted(home)
    assert [(step.where, step.done) for step in steps] == [("stop-file", True), ("journal", True)]
    assert told_to_stop(home) == ""
    assert state(home).trading is TradingState.ACTIVE


def test_a_halt_of_which_only_the_file_is_left_is_resumed_without_making_a_journal(home):
    everything(home)
    assert len(lifted(home)) == 1
    assert not PAPER.journal(home).exists()


def test_only_the_code_that_stands_lifts(home):
    equity(home, 100.0, 90.0)
    with SqliteJournal(PAPER.journal(home)) as journal:
        record = halt(Denial.DRAWDOWN_HARD, "lost a tenth", "risk")
        journal.append(record.kind, CLOCK.now(), record.body)
    with pytest.raises(RiskHalt, match="what stands is DRAWDOWN_HARD, not HALTED: lost a tenth") as refused:
        lifted(home)
    assert "defi risk resume --ack DRAWDOWN_HARD --network sandbox --account paper" in refused.value.hint
    assert state(home).trading is TradingState.HALTED
    lifted(home, Denial.DRAWDOWN_HARD)
    assert (state(home).trading, state(home).peak_equity) == (TradingState.ACTIVE, 100.0)


def test_the_peak_is_forgotten_only_when_asked(home):
    equity(home, 100.0, 90.0)
    everything(home, PAPER)
    lifted(home, rebase=True)
    assert state(home).peak_equity == 90.0


def test_a_file_that_somebody_else_left_stays_until_a_person_says_so(home):
    home.mkdir()
    for text in ("", "{", "[]", "stop!"):
        stop_file(home).write_text(text)
        with pytest.raises(RiskHalt, match="does not say that"):
            lifted(home)
        assert told_to_stop(home)
    lifted(home, file_too=True)
    assert told_to_stop(home) == ""


def test_a_file_that_cannot_be_removed_keeps_it_halted(home):
    stop_file(home).mkdir(parents=True)
    with pytest.raises(RiskHalt, match="cannot be removed"):
        lifted(home, file_too=True)


def test_there_may_be_nothing_to_resume(home):
    [step] = lifted(home)
    assert "nothing to resume" in step.message


def test_a_journal_that_cannot_be_read_is_not_resumed(home):
    equity(home, 100.0)
    PAPER.journal(home).write_bytes(b"x" * 5000)
    with pytest.raises(RiskHalt, match="cannot be resumed"):
        lifted(home)


def test_what_could_not_be_written_still_stands(home):
    equity(home, 100.0)
    everything(home, PAPER)
    with locked(home), pytest.raises(RiskHalt, match=r"HALTED still stands: .*locked"):
        lifted(home)


def test_reducing_lasts_until_it_is_resumed(home):
    assert reduced(home, PAPER, "enough", CLOCK).done
    assert (state(home).trading, state(home).code) == (TradingState.REDUCING, Denial.REDUCE_ONLY)
    lifted(home, Denial.REDUCE_ONLY)
    assert state(home).trading is TradingState.ACTIVE


def test_an_account_without_a_journal_is_read_as_nothing_and_gets_none(home):
    ledger = ledger_of(home, PAPER, CLOCK)
    assert (ledger.read, ledger.risk.trading) == (0, TradingState.ACTIVE)
    ledger.write("risk.equity", {"equity": 1.0})
    assert ledger.risk.equity == 1.0
    assert not PAPER.folder(home).exists()


def test_a_log_without_its_journal_is_not_taken_for_a_new_account(home):
    equity(home, 100.0)
    journal = PAPER.journal(home)
    journal.with_name(f"{journal.name}-wal").write_bytes(b"x")
    journal.unlink()
    with pytest.raises(WrongState, match="is missing but"):
        ledger_of(home, PAPER, CLOCK)


def test_the_journal_is_written_to_while_an_agent_reads_it(home):
    with SqliteJournal(PAPER.journal(home)) as journal:
        agents = Ledger.opened(journal, CLOCK)
        everything(home, PAPER)
        agents.catch_up()
        assert agents.risk.trading is TradingState.HALTED


def made(home, account):
    SqliteJournal(account.journal(home)).close()


def test_resuming_one_account_leaves_those_stopped_of_which_only_the_file_holds(home):
    made(home, PAPER)
    made(home, OTHER)
    with contextlib.closing(sqlite3.connect(OTHER.journal(home), isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert [step.done for step in everything(home, PAPER, OTHER)] == [True, True, False]
    steps = lifted(home)
    assert state(home, OTHER).trading is TradingState.ACTIVE
    assert told_to_stop(home, OTHER)
    assert not told_to_stop(home, PAPER)
    assert [(step.account, step.where) for step in steps] == [
        (OTHER, "stop-file"),
        (None, "stop-file"),
        (PAPER, "journal"),
    ]
    assert steps[0].message.startswith("stays halted")
    own = f"--network {OTHER.network} --account {OTHER.address}"
    assert steps[0].message.endswith(f"see: defi risk resume --ack HALTED {own}")
    lifted(home, account=OTHER)
    assert not told_to_stop(home, OTHER)


def test_a_stop_that_cannot_be_handed_on_is_not_lifted_for_anybody(home, monkeypatch):
    made(home, PAPER)
    made(home, OTHER)
    everything(home, PAPER, OTHER)

    def broken(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(RiskHalt, match="may not outlast a crash"):
        lifted(home)
    assert told_to_stop(home)
    assert state(home).trading is TradingState.HALTED


def test_a_folder_of_accounts_that_cannot_be_read_keeps_the_stop_of_all(home, monkeypatch):
    everything(home, PAPER)

    def unreadable(home):
        raise WrongState("accounts cannot be read: why ever")

    monkeypatch.setattr(stopping, "known_accounts", unreadable)
    with pytest.raises(RiskHalt, match="cannot be resumed: accounts cannot be read"):
        lifted(home)
    assert told_to_stop(home)
