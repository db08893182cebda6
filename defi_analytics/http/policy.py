from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from defi_analytics.errors import ConfigError

MOST_ATTEMPTS = 4
HIGHEST_RATE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How long, how often, how much and how fast we ask. Raises ConfigError for limits that limit nothing."""

    deadline_s: float = 10.0
    """For a whole call: waiting for the rate limit, every attempt and every pause between them."""
    connect_s: float = 4.0
    """For one connection, so that a lost packet leaves time for another attempt."""
    attempts: int = MOST_ATTEMPTS
    first_pause_s: float = 0.2
    longest_pause_s: float = 2.0
    max_body_bytes: int = 4 * 1024 * 1024
    """Of the body as sent, and again of the body decompressed."""
    rate_per_s: int = 10
    """Requests to one host in any second, by all processes together."""
    rates_per_s: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Exceptions to `rate_per_s`, by host name without port."""
    concurrent_per_host: int = 20
    breaker_failures: int = 5
    """Failures in a row after which a host is left alone for `breaker_rest_s`."""
    breaker_rest_s: float = 30.0
    unstated_wait_s: float = 1.0
    """After a 429 that names no time."""
    ban_wait_s: float = 120.0
    """After a 418 that names no time: the shortest ban. Source: Binance, "Limits", HTTP return codes."""
    longest_wait_s: float = 3 * 86_400.0
    """No host can send us away for longer: the longest of Binance's bans."""

    def __post_init__(self) -> None:
        if not 1 <= self.attempts <= MOST_ATTEMPTS:
            raise ConfigError(f"http attempts must be 1 to {MOST_ATTEMPTS}, not {self.attempts}")
        rates = (self.rate_per_s, *self.rates_per_s.values())
        if not (min(rates) >= 1 and max(rates) <= HIGHEST_RATE):
            raise ConfigError(f"http rates must be 1 to {HIGHEST_RATE} requests per second")
        if self.breaker_failures < 1 or self.concurrent_per_host < 1:
            raise ConfigError("http breaker_failures and concurrent_per_host must be at least 1")
        if not (self.deadline_s > 0 and self.connect_s > 0 and self.max_body_bytes > 0):
            raise ConfigError("http deadline_s, connect_s and max_body_bytes must be positive")

    def rate(self, hostname: str) -> int:
        return self.rates_per_s.get(hostname, self.rate_per_s)
