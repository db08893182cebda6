import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import httpx
from tenacity import AsyncRetrying, RetryCallState
from tenacity.retry import retry_if_result
from tenacity.wait import wait_exponential_jitter

from defi_analytics.errors import AuthError, DataError, DefiError, RateLimited, TimedOut, Unavailable
from defi_analytics.http.answer import WHOLE, Answer, error_of, is_failure, may_repeat, wait_asked_s
from defi_analytics.http.gate import Gate
from defi_analytics.http.host_state import Admission, Host, Verdict
from defi_analytics.http.policy import Policy
from defi_analytics.http.record import Record
from defi_analytics.http.request import Params, built, carries_key, host_of, place_of
from defi_analytics.http.wire import Wire
from defi_analytics.ports import Clock

T = TypeVar("T")

LOCK_PAUSE_S = 0.002


@dataclass(frozen=True, slots=True)
class _Call:
    source: str
    request: httpx.Request
    attempts: int
    deadline: float
    host: Host
    place: str
    record: Record
    failures: list[DataError] = field(default_factory=list)
    """Of the attempts so far."""


class _NotAskedError(Exception):
    """Carries an error past all that would take it for the host's."""

    def __init__(self, error: DataError) -> None:
        super().__init__()
        self.error = error


class Http:
    """The HttpClient that everything shares. Close it, or use it as a context manager.

    401 and 403 raise AuthError where a key was sent. Every other error is a DataError, whose text holds the
    host and path, never a query, a header or a body, save the `message` of a 404's JSON; `status` is its.
    """

    def __init__(self, clock: Clock, policy: Policy | None = None, state_dir: Path | None = None) -> None:
        self._clock = clock
        self._policy = policy or Policy()
        self._gate = Gate(clock, self._policy, state_dir)
        self._wire = Wire(self._policy.max_body_bytes)
        self._causes: dict[Host, str] = {}
        """Why a host failed last, as far as this process has seen it."""
        self._turns: dict[Host, asyncio.Semaphore] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._wire.aclose()
        self._gate.close()

    async def get(
        self,
        source: str,
        url: str,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        build = partial(built, "GET", url, params, headers or {}, b"")
        return await self._answered(self._call(source, build, self._policy.attempts))

    async def post(
        self,
        source: str,
        url: str,
        content: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        idempotent: bool = False,
    ) -> bytes:
        fields = {"content-type": "application/json", **(headers or {})}
        build = partial(built, "POST", url, None, fields, content)
        return await self._answered(self._call(source, build, self._policy.attempts if idempotent else 1))

    def _call(self, source: str, build: Callable[[], httpx.Request], attempts: int) -> _Call:
        try:
            request = build()
        except ValueError as error:
            refusal = DataError(source, f"not asked: {error}")
            refusal.unsent = True
            raise refusal from None
        deadline = self._clock.monotonic() + self._policy.deadline_s
        place = place_of(request)
        record = Record(source, f"{request.method} {place}")
        return _Call(source, request, attempts, deadline, host_of(request), place, record)

    async def _answered(self, call: _Call) -> bytes:
        started = self._clock.monotonic()
        try:
            body = await self._in_time(call)
        except DefiError as error:
            call.record.failed(error, self._clock.monotonic() - started)
            raise
        call.record.answered(body, self._clock.monotonic() - started)
        return body

    async def _in_time(self, call: _Call) -> bytes:
        retrying = self._retrying(call)
        try:
            async with asyncio.timeout(self._policy.deadline_s):
                answer: bytes | DataError = await retrying(self._attempt, call)
        except TimeoutError:
            raise self._too_late(call) from None
        except _NotAskedError as refusal:
            raise refusal.error from None
        finally:
            # They hold `retrying`, which holds them: 45 objects of each request would wait for the collector.
            retrying.iter_state.actions.clear()
        if isinstance(answer, DataError):
            raise answer
        return answer

    def _retrying(self, call: _Call) -> AsyncRetrying:
        def enough(state: RetryCallState) -> bool:
            late = self._clock.monotonic() + state.upcoming_sleep >= call.deadline
            return late or state.attempt_number >= call.attempts

        pause_s = self._policy.first_pause_s
        return AsyncRetrying(
            sleep=self._clock.sleep,
            stop=enough,
            wait=wait_exponential_jitter(
                multiplier=pause_s, max=self._policy.longest_pause_s, jitter=pause_s
            ),
            retry=retry_if_result(lambda answer: isinstance(answer, DataError)),
            retry_error_callback=lambda state: call.failures[-1],
        )

    async def _attempt(self, call: _Call) -> bytes | DataError:
        """The body, or an error that another attempt may mend; raises the others."""
        turns = self._turns.setdefault(call.host, asyncio.Semaphore(self._policy.concurrent_per_host))
        async with turns:
            probe = (await self._let(call, self._gate.enter)).probe
            call.record.attempting()
            started = self._clock.monotonic()
            outcome = await self._exchanged(call, probe=probe)
            call.record.attempted(outcome, self._clock.monotonic() - started)
            wait_s = None
            if isinstance(outcome, Answer):
                wait_s = wait_asked_s(outcome, self._clock.now(), self._policy)
            await self._locked(partial(self._note, call.host, outcome, wait_s, probe=probe))
        return self._judged(call, outcome, wait_s)

    async def _let(self, call: _Call, admit: Callable[[Host], Admission]) -> Admission:
        """Wait until we are let through; raises where that takes too long."""
        while True:
            admission = await self._locked(partial(admit, call.host))
            if admission.verdict is Verdict.GO:
                return admission
            too_long = self._clock.monotonic() + admission.wait_s >= call.deadline
            if too_long or admission.verdict is Verdict.RESTING:
                raise _NotAskedError((call.failures or [self._not_asked(call, admission)])[-1])
            await self._clock.sleep(admission.wait_s)

    async def _exchanged(self, call: _Call, *, probe: bool) -> Answer | DataError:
        async def departing() -> None:
            await self._let(call, self._gate.depart)

        # Less than is left, so that the error can say that it was the connection.
        connect_s = min(self._policy.connect_s, 0.9 * (call.deadline - self._clock.monotonic()))
        try:
            return await self._wire.exchange(call.source, call.place, call.request, connect_s, departing)
        except DataError as error:
            return error
        except (asyncio.CancelledError, _NotAskedError) as error:
            late = isinstance(error, asyncio.CancelledError) and self._clock.monotonic() >= call.deadline
            self._leave(call.host, late=late, probe=probe)
            raise

    def _leave(self, host: Host, *, late: bool, probe: bool) -> None:
        # Nothing may be awaited here. If the lock is taken, a probe's place is freed by its time limit.
        with suppress(BlockingIOError):
            if late:
                self._gate.failed(host, probe=probe)
            else:
                self._gate.abandoned(host, probe=probe)

    def _note(self, host: Host, outcome: Answer | DataError, wait_s: float | None, *, probe: bool) -> None:
        if wait_s is not None:
            self._gate.told_to_wait(host, wait_s)
        elif outcome.retryable if isinstance(outcome, DataError) else is_failure(outcome.status):
            answered = f"answered {outcome.status}" if isinstance(outcome, Answer) else outcome.message
            self._causes[host] = answered
            self._gate.failed(host, probe=probe)
        else:
            self._gate.answered(host)

    def _judged(self, call: _Call, outcome: Answer | DataError, wait_s: float | None) -> bytes | DataError:
        if isinstance(outcome, Answer):
            if outcome.status in WHOLE:
                return outcome.body
            error = error_of(call.source, call.place, outcome, wait_s, with_key=carries_key(call.request))
            again = may_repeat(outcome.status)
        else:
            error, again = outcome, outcome.retryable
        too_long = self._clock.monotonic() + (wait_s or 0.0) >= call.deadline
        if isinstance(error, DataError):
            error.unsent = error.unsent and all(before.unsent for before in call.failures)
        if isinstance(error, AuthError) or not again or too_long:
            raise error
        call.failures.append(error)
        return error

    async def _locked(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except BlockingIOError:
                await self._clock.sleep(LOCK_PAUSE_S)

    def _not_asked(self, call: _Call, admission: Admission) -> DataError:
        error = self._refusal(call, admission)
        error.unsent = True
        return error

    def _refusal(self, call: _Call, admission: Admission) -> DataError:
        name, wait_s = call.host.name, admission.wait_s
        if admission.verdict is Verdict.BLOCKED:
            message = f"{name} asked us to wait, {wait_s:.0f} s more"
            return RateLimited(call.source, message, retry_after_s=wait_s)
        if admission.verdict is Verdict.RESTING:
            times = f"{self._policy.breaker_failures} times in a row"
            last = f" (last: {cause})" if (cause := self._causes.get(call.host)) else ""
            return Unavailable(call.source, f"{name} failed {times}{last}; next try in {wait_s:.0f} s")
        return self._too_late(call)

    def _too_late(self, call: _Call) -> TimedOut:
        return TimedOut(
            call.source, f"{call.place} gave no whole answer within {self._policy.deadline_s:g} s"
        )
