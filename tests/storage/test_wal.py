import pytest

from defi_analytics.storage import wal
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.storage.wal import lost_commits
from tests.fakes import NOON

FRAME = 24 + 4096


@pytest.fixture
def log(tmp_path):
    """Of five records, each a commit of at least one frame."""
    with SqliteJournal(tmp_path / "journal.sqlite") as journal:
        for number in range(5):
            journal.append("scan", NOON, {"n": number})
        path = tmp_path / "copy-wal"
        path.write_bytes((tmp_path / "journal.sqlite-wal").read_bytes())
    return path


def hurt(log, at):
    raw = bytearray(log.read_bytes())
    raw[at] ^= 1
    log.write_bytes(raw)


def test_a_whole_log_and_none_have_lost_nothing(log, tmp_path):
    assert not lost_commits(log)
    assert not lost_commits(tmp_path / "none")


@pytest.mark.parametrize("at", [0, 17, 25])
def test_a_header_that_does_not_fit_is_never_a_crash(log, at):
    hurt(log, at)
    assert lost_commits(log)


def test_a_log_of_zeros_holds_nothing_that_could_be_lost(log):
    log.write_bytes(bytes(10_000))
    assert not lost_commits(log)


def test_damage_before_several_commits_is_not_what_a_crash_leaves(log):
    hurt(log, 32 + 30)
    assert lost_commits(log)


def test_the_last_commit_may_be_torn_for_nobody_was_told_that_it_stands(log):
    hurt(log, log.stat().st_size - 10)
    assert not lost_commits(log)
    log.write_bytes(log.read_bytes()[:-10])
    assert not lost_commits(log)


def test_frames_of_an_older_generation_are_not_commits_of_this_one(log):
    raw = bytearray(log.read_bytes())
    for start in range(32 + FRAME, len(raw), FRAME):
        raw[start + 8] ^= 1
    log.write_bytes(raw)
    assert not lost_commits(log)


def test_a_log_that_is_being_started_anew_is_looked_at_again(log, monkeypatch):
    looks = [True, False, True]
    monkeypatch.setattr(wal, "_lost", lambda path: looks.pop(0))
    assert not lost_commits(log)
