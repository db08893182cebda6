"""What all processes together remember about one host, and how that changes: pure. Times: Clock.monotonic."""

import struct
import zlib
from enum import Enum, auto
from typing import NamedTuple

WINDOW_S = 1.1
"""A second, and a tenth for the network: what we space so cannot bunch into a second on the way."""
SOON_S = 0.001

_FORMAT = b"defihst1"
_HEAD = struct.Struct("<8s16sdIddI")
_SUM = struct.Struct("<I")


class Host(NamedTuple):
    name: str
    port: int


class HostState(NamedTuple):
    sent: tuple[float, ...] = ()
    """When requests were sent in the last WINDOW_S, oldest first."""
    blocked_until: float = 0.0
    """The host asked us to stay away until then."""
    failures: int = 0
    """In a row."""
    rest_until: float = 0.0
    """We leave the host alone until then because of `failures`."""
    probe_until: float = 0.0
    """The one request that finds out whether the host has recovered must be over by then."""


class Limits(NamedTuple):
    rate: int
    """Requests per second."""
    breaker_failures: int
    breaker_rest_s: float
    probe_s: float
    """No request takes longer."""


class Verdict(Enum):
    GO = auto()
    PACED = auto()
    BLOCKED = auto()
    RESTING = auto()


class Admission(NamedTuple):
    verdict: Verdict
    wait_s: float = 0.0
    probe: bool = False


def enter(state: HostState, now: float, limits: Limits) -> tuple[HostState, Admission]:
    """Whether the host may be asked at all; if so, this may be the one probe of a failing host."""
    if now < state.blocked_until:
        return state, Admission(Verdict.BLOCKED, state.blocked_until - now)
    if state.failures < limits.breaker_failures:
        return state, Admission(Verdict.GO)
    closed_until = max(state.rest_until, state.probe_until)
    if now < closed_until:
        return state, Admission(Verdict.RESTING, closed_until - now)
    return state._replace(probe_until=now + limits.probe_s), Admission(Verdict.GO, probe=True)


def depart(state: HostState, now: float, limits: Limits) -> tuple[HostState, Admission]:
    """Whether a request that is ready to be sent may be sent now; if so, it is counted."""
    if now < state.blocked_until:
        return state, Admission(Verdict.BLOCKED, state.blocked_until - now)
    sent = tuple(time for time in state.sent if time > now - WINDOW_S)
    if len(sent) >= limits.rate:
        return state, Admission(Verdict.PACED, max(sent[-limits.rate] + WINDOW_S - now, SOON_S))
    return state._replace(sent=(*sent, now)), Admission(Verdict.GO)


def answered(state: HostState) -> HostState:
    """The host is alive, whatever it said."""
    return state._replace(failures=0, rest_until=0.0, probe_until=0.0)


def told_to_wait(state: HostState, now: float, seconds: float) -> HostState:
    return answered(state)._replace(blocked_until=max(state.blocked_until, now + seconds))


def failed(state: HostState, now: float, limits: Limits, *, probe: bool) -> HostState:
    state = abandoned(state, probe=probe)._replace(failures=min(state.failures + 1, limits.breaker_failures))
    if state.failures < limits.breaker_failures:
        return state
    return state._replace(rest_until=now + limits.breaker_rest_s)


def abandoned(state: HostState, *, probe: bool) -> HostState:
    """A request that was cancelled says nothing about the host, but frees the probe's place."""
    return state._replace(probe_until=0.0) if probe else state


def full_window(now: float, rate: int) -> HostState:
    """What a damaged record is taken for: a pause, never leave for a burst."""
    return HostState(sent=(now,) * rate)


def encoded(state: HostState, boot: bytes) -> bytes:
    """`boot` is the 16 bytes that tell this boot of the machine from others."""
    head = _HEAD.pack(
        _FORMAT,
        boot,
        state.blocked_until,
        state.failures,
        state.rest_until,
        state.probe_until,
        len(state.sent),
    )
    record = head + struct.pack(f"<{len(state.sent)}d", *state.sent)
    return record + _SUM.pack(zlib.crc32(record))


def decoded(raw: bytes, boot: bytes, now: float, longest_s: float) -> HostState | None:
    """The state in the first bytes of `raw`; None if they are damaged.

    A record of another boot, known by `boot` or by times that cannot be of this one, counts as no record:
    the monotonic clock began again. `longest_s` is the furthest ahead that any of its times can lie.
    """
    if not raw:
        return HostState()
    if len(raw) < _HEAD.size + _SUM.size:
        return None
    head, boot_then, blocked_until, failures, rest_until, probe_until, count = _HEAD.unpack_from(raw)
    end = _HEAD.size + 8 * count
    if head != _FORMAT or len(raw) < end + _SUM.size:
        return None
    if _SUM.unpack_from(raw, end) != (zlib.crc32(memoryview(raw)[:end]),):
        return None
    sent = struct.unpack_from(f"<{count}d", raw, _HEAD.size)
    furthest = max(blocked_until, rest_until, probe_until)
    if boot_then != boot or furthest > now + longest_s or any(time > now for time in sent):
        return HostState()
    return HostState(sent, blocked_until, failures, rest_until, probe_until)
