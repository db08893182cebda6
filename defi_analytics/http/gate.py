"""Who may ask which host when: the limits that all processes of one state directory keep together."""

import fcntl
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from defi_analytics.http import host_state
from defi_analytics.http.host_state import Admission, Host, HostState, Limits
from defi_analytics.http.policy import Policy
from defi_analytics.ports import Clock

_log = logging.getLogger(__name__)

T = TypeVar("T")
Step = Callable[[HostState, float], tuple[HostState, T]]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MOST_BYTES = 65_536


class Gate:
    """One small locked file per host under `state_dir`; without one, or if it is unusable, this process only.

    Every method raises BlockingIOError, and has changed nothing, while another process holds the host's lock.
    """

    def __init__(self, clock: Clock, policy: Policy, state_dir: Path | None) -> None:
        self._clock, self._policy, self._state_dir = clock, policy, state_dir
        self._known: dict[Host, HostState] = {}
        self._files: dict[Host, int] = {}
        self._boot = _boot() if state_dir else b""
        self._longest_s = max(policy.longest_wait_s, policy.breaker_rest_s, self._probe_s)

    def enter(self, host: Host) -> Admission:
        return self._change(host, lambda state, now: host_state.enter(state, now, self._limits(host)))

    def depart(self, host: Host) -> Admission:
        return self._change(host, lambda state, now: host_state.depart(state, now, self._limits(host)))

    def answered(self, host: Host) -> None:
        self._change(host, lambda state, now: (host_state.answered(state), None))

    def told_to_wait(self, host: Host, seconds: float) -> None:
        self._change(host, lambda state, now: (host_state.told_to_wait(state, now, seconds), None))

    def failed(self, host: Host, *, probe: bool) -> None:
        limits = self._limits(host)
        self._change(host, lambda state, now: (host_state.failed(state, now, limits, probe=probe), None))

    def abandoned(self, host: Host, *, probe: bool) -> None:
        self._change(host, lambda state, now: (host_state.abandoned(state, probe=probe), None))

    def close(self) -> None:
        while self._files:
            os.close(self._files.popitem()[1])

    @property
    def _probe_s(self) -> float:
        return self._policy.deadline_s + 1.0

    def _limits(self, host: Host) -> Limits:
        policy = self._policy
        return Limits(policy.rate(host.name), policy.breaker_failures, policy.breaker_rest_s, self._probe_s)

    def _change(self, host: Host, step: Step[T]) -> T:
        if self._state_dir is not None:
            try:
                return self._change_file(host, step, self._state_dir)
            except BlockingIOError:
                raise
            except OSError as error:
                self._stop_sharing(error)
        state, result = step(self._known.get(host, HostState()), self._clock.monotonic())
        self._known[host] = state
        return result

    def _change_file(self, host: Host, step: Step[T], state_dir: Path) -> T:
        file = self._locked(host, state_dir)
        try:
            now = self._clock.monotonic()
            stored = host_state.decoded(os.pread(file, MOST_BYTES, 0), self._boot, now, self._longest_s)
            before = host_state.full_window(now, self._policy.rate(host.name)) if stored is None else stored
            after, result = step(before, now)
            if after != stored:
                os.pwrite(file, host_state.encoded(after, self._boot), 0)
            self._known[host] = after
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
        return result

    def _locked(self, host: Host, state_dir: Path) -> int:
        while True:
            file = self._files.get(host)
            if file is None:
                file = self._files[host] = _opened(state_dir, host)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_nlink:
                return file
            # Somebody deleted the file: others agree on a new one now.
            os.close(self._files.pop(host))

    def _stop_sharing(self, error: OSError) -> None:
        _log.warning("rate limits are not shared with other processes: %s", error.strerror)
        self.close()
        self._state_dir = None


def _opened(state_dir: Path, host: Host) -> int:
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{quote(host.name, safe='')}_{host.port}.gate"
    return os.open(state_dir / name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _boot() -> bytes:
    """Zeros where the system does not tell; a restarted clock then shows by times that lie ahead."""
    try:
        return bytes.fromhex(BOOT_ID.read_text("ascii").strip().replace("-", ""))[:16].ljust(16, b"\0")
    except (OSError, ValueError):
        return bytes(16)
