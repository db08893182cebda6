import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage.lock import AccountLock, MachineLock, holder_of

HOLDER = """
import sys, pathlib
from defi_analytics.storage.lock import AccountLock
with AccountLock(pathlib.Path(sys.argv[1]), "sandbox", "inj1a"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    with AccountLock(tmp_path / "run", "sandbox", "inj1a") as lock:
        assert holder_of(lock.path) == os.getpid()
        with (
            pytest.raises(WrongState, match=f"process {os.getpid()} runs"),
            AccountLock(tmp_path / "run", "sandbox", "inj1a"),
        ):
            pass
        assert stat.S_IMODE(lock.path.stat().st_mode) == 0o600
    assert holder_of(lock.path) is None


def test_who_only_looks_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    with AccountLock(tmp_path, "sandbox", "inj1a") as lock:
        pass
    with lock.path.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert holder_of(lock.path) is None
    flock, calls = fcntl.flock, []

    def looked_at_once(handle: int, how: int) -> None:
        calls.append(how)
        if len(calls) == 1:
            raise BlockingIOError
        flock(handle, how)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", looked_at_once)
        with AccountLock(tmp_path, "sandbox", "inj1a") as again:
            assert len(calls) == 3
            assert holder_of(again.path) == os.getpid()


def test_who_is_looked_at_without_end_gives_up(tmp_path: Path) -> None:
    lock = AccountLock(tmp_path, "sandbox", "inj1a")
    with lock:
        pass
    with lock.path.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        with pytest.raises(WrongState, match="another process runs"), lock:
            pass


def test_a_holder_is_seen_where_nothing_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def read_only(path: Path, flags: int, mode: int = 0) -> int:
        if flags & os.O_RDWR:
            raise OSError(errno.EROFS, "read-only")
        return real(path, flags, mode)

    with AccountLock(tmp_path, "sandbox", "inj1a") as lock:
        monkeypatch.setattr(os, "open", read_only)
        assert holder_of(lock.path) == os.getpid()


def test_other_accounts_and_networks_do_not_wait(tmp_path: Path) -> None:
    with (
        AccountLock(tmp_path, "sandbox", "inj1a"),
        AccountLock(tmp_path, "sandbox", "inj1b"),
        AccountLock(tmp_path, "testnet", "inj1a"),
    ):
        pass


def test_a_killed_holder_leaves_no_lock_behind(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with (
            pytest.raises(WrongState, match=f"process {process.pid}"),
            AccountLock(tmp_path, "sandbox", "inj1a"),
        ):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    with AccountLock(tmp_path, "sandbox", "inj1a"):
        pass


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid": "1"}'])
def test_a_lock_whose_text_is_damaged_still_holds(tmp_path: Path, text: bytes) -> None:
    with AccountLock(tmp_path, "sandbox", "inj1a") as lock:
        lock.path.write_bytes(text)
        with pytest.raises(WrongState, match="another process"), AccountLock(tmp_path, "sandbox", "inj1a"):
            pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongState, match="cannot be used"), AccountLock(tmp_path / "file", "sandbox", "a"):
        pass
    assert holder_of(tmp_path / "file" / "none") is None


ELSEWHERE = """
import sys
from defi_analytics.storage.lock import MachineLock
with MachineLock(sys.argv[1], "inj1a"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_machine_has_one_holder_whatever_its_home_until_it_is_killed(tmp_path: Path) -> None:
    network = str(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", ELSEWHERE, network], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(WrongState, match="sends for inj1a"), MachineLock(network, "inj1a"):
            pass
        with MachineLock(network, "inj1b"), MachineLock("another", "inj1a"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
    for _ in range(2):
        with MachineLock(network, "inj1a"):
            pass


def test_a_name_that_the_kernel_cannot_keep_is_no_lock(tmp_path: Path) -> None:
    with pytest.raises(WrongState, match="cannot be locked"), MachineLock("x", "i" * 200):
        pass


def test_where_there_are_no_such_names_nothing_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with MachineLock("x", "inj1a"), MachineLock("x", "inj1a"):
        pass
