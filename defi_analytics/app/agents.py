"""An agent seen from outside: who holds its account, what it last said of itself, and how it is ended."""

import json
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from defi_analytics.app.accounts import Account
from defi_analytics.errors import WrongState
from defi_analytics.ports import Clock
from defi_analytics.storage.lock import died_holding, holder_of

_LOOK_S = 0.1
_SLOW = 3.0
"""Times the usual duration at which a cycle counts as degraded."""
_LARGEST_STATUS_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Seen:
    """`pid` is whom the kernel says the account is locked by; `told` is the status file's last content."""

    pid: int | None
    told: dict[str, Any] = field(default_factory=dict)
    killed: bool = False
    """Its lock was never let go in order, whatever a status file of an earlier run says."""
    rss_bytes: int | None = None
    cpu_s: float | None = None
    open_files: int | None = None
    threads: int | None = None

    @property
    def running(self) -> bool:
        return self.pid is not None

    @property
    def state(self) -> str:
        """running, stopped (it ended in order), died, or never ran."""
        if self.running:
            return "running"
        if self.killed:
            return "died"
        if not self.told:
            return "never ran"
        return "stopped" if self.told.get("state") == "ended" else "died"

    @property
    def degraded(self) -> list[str]:
        """Why a person should look, by what it said of itself."""
        cycle, process = _mapping(self.told.get("cycle")), _mapping(self.told.get("process"))
        took_s = number(cycle.get("took_s")) or 0.0
        usual_s = number(process.get("usual_cycle_s")) or 0.0
        slow = took_s > _SLOW * usual_s > 0
        failed = self.told.get("errors_in_a_row") or 0
        reasons = [f"the last cycle took {took_s:.2f} s, usually {usual_s:.2f} s"] if slow else []
        reasons += [f"{failed} cycles in a row failed"] if failed else []
        rejected = number(self.told.get("rejected_in_a_row")) or 0
        reasons += [f"{rejected:.0f} orders in a row were refused"] if rejected > 1 else []
        return reasons + ([f"trading is {self.told['trading']}"] if self._held_back() else [])

    def _held_back(self) -> bool:
        return self.told.get("trading") not in (None, "active")


def seen(account: Account, home: Path) -> Seen:
    path, told = account.lock(home).path, _told(status_path(account, home))
    pid = holder_of(path)
    if pid is None:
        return Seen(None, told, died_holding(path))
    # A command that holds the account says nothing of itself, nor does a run in its first moments.
    told = told if told.get("pid") == pid else {}
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            rss = process.memory_info().rss
            return Seen(
                pid, told, False, rss, times.user + times.system, process.num_fds(), process.num_threads()
            )
    except psutil.Error:
        return Seen(pid, told)


def status_path(account: Account, home: Path) -> Path:
    return account.journal(home).with_suffix(".status.json")


async def stop(account: Account, home: Path, clock: Clock, patience_s: float) -> int | None:
    """Asks the account's holder to end in order, and waits until it has let go; the process it was.

    None when nobody holds it. Raises WrongState for a holder that is not this user's own, or takes longer.
    """
    path = account.lock(home).path
    pid = holder_of(path)
    if pid is None:
        return None
    _ask_to_end(pid)
    until = clock.monotonic() + patience_s
    while holder_of(path) == pid:
        if clock.monotonic() >= until:
            raise WrongState(
                f"process {pid} was asked to end and is still at it after {patience_s:g} s",
                hint="it is settling what it sent; see: defi agent status",
            )
        await clock.sleep(_LOOK_S)
    return pid


def _ask_to_end(pid: int) -> None:
    try:
        process = psutil.Process(pid)
        if pid == os.getpid() or process.uids().real != os.getuid():
            raise WrongState(f"process {pid} is not this user's agent")
        # psutil compares the start time, so that a pid that was given away meanwhile gets no signal.
        process.send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        return  # it is gone, and so is its lock
    except psutil.Error as error:
        raise WrongState(f"process {pid} cannot be asked to end: {error}") from None


def _told(path: Path) -> dict[str, Any]:
    """Empty for a file that is not there or not whole: the lock decides, this only tells."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(_LARGEST_STATUS_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return _mapping(found)


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def number(value: object) -> float | None:
    """What a status file says, if it is a number."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
