"""One log line for each call and one for each attempt: who was asked, for what path, and what came of it.

Never a query, a header or anything of a body, a 404's message included.
"""

import logging
from dataclasses import dataclass

from defi_analytics.errors import DataError, DefiError
from defi_analytics.http.answer import Answer

LOG = logging.getLogger("defi.http")


@dataclass(slots=True)
class Record:
    source: str
    request: str
    """Method, host and path."""
    attempt: int = 0
    status: int = 0
    """Of the attempt's answer; 0 where there is none."""

    def attempting(self) -> None:
        self.attempt, self.status = self.attempt + 1, 0

    def attempted(self, outcome: Answer | DataError, seconds: float) -> None:
        self.status = outcome.status
        if LOG.isEnabledFor(logging.DEBUG):
            told = _harmless(outcome.message) if isinstance(outcome, DataError) else str(outcome.status)
            LOG.debug("%s, attempt %d, %.0f ms: %s", self._asked, self.attempt, 1_000 * seconds, told)

    def answered(self, body: bytes, seconds: float) -> None:
        if LOG.isEnabledFor(logging.DEBUG):
            LOG.debug(
                "%s %d, %s bytes, %.0f ms, attempt %d",
                self._asked,
                self.status,
                f"{len(body):,}",
                1_000 * seconds,
                self.attempt,
            )

    def failed(self, error: DefiError, seconds: float) -> None:
        """Only the code and status are told, for a message may repeat a body."""
        if LOG.isEnabledFor(logging.DEBUG):
            why = f"{error.code} {self.status}" if self.status else error.code
            LOG.debug("%s %s, %.0f ms, attempt %d", self._asked, why, 1_000 * seconds, self.attempt)

    @property
    def _asked(self) -> str:
        return _harmless(f"{self.source} {self.request}")


def _harmless(text: str) -> str:
    """Control characters escaped: a line must not forge another."""
    return text if text.isprintable() else ascii(text)[1:-1]
