import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.storage.lock import AccountLock, holder_of

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
