"""Stand-ins of a few lines each for the ports."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from defi_analytics.errors import DefiError

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


class FakeClock:
    """Time moves only when someone sleeps or `advance` is called."""

    def __init__(self, start: datetime = NOON) -> None:
        self.start, self.elapsed, self.slept = start, 0.0, []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.elapsed += seconds

    def advance(self, seconds: float) -> None:
        self.elapsed += seconds


Answer = bytes | DefiError | Callable[[Mapping[str, str]], bytes]


class FakeHttp:
    """Answers by the first key found in "METHOD url?params body"; remembers every request as that text."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers, self.requests, self.headers = answers, [], []

    async def get(self, source: str, url: str, params: Any = None, headers: Any = None) -> bytes:
        pairs = list(params.items()) if isinstance(params, Mapping) else list(params or [])
        query = "&".join(f"{k}={v}" for k, v in pairs)
        return self._answer(f"GET {url}" + (f"?{query}" if query else ""), headers)

    async def post(
        self, source: str, url: str, content: bytes, headers: Any = None, *, idempotent: bool = False
    ) -> bytes:
        return self._answer(f"POST {url} {content.decode()}", headers)

    def _answer(self, request: str, headers: Any) -> bytes:
        self.requests.append(request)
        self.headers.append(dict(headers or {}))
        for key, answer in self.answers.items():
            if key in request:
                if isinstance(answer, DefiError):
                    raise answer
                return answer(self.headers[-1]) if callable(answer) else answer
        raise AssertionError(f"no answer for {request}")
