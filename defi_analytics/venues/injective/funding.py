"""What holding a perpetual costs: the chain's rules and the indexer's record of rates charged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

import msgspec

from defi_analytics.errors import NotFound, Stale
from defi_analytics.venues.injective.units import human
from defi_analytics.venues.wire import Milliseconds, reading, utc

MAX_RATES = 10_000
MAX_RATE_AGE_S = 7_200
"""An hour that runs, and as much again for an indexer that lags."""

Seconds = Annotated[int, msgspec.Meta(ge=0, lt=4_102_444_800)]
"""Since 1970, before 2100."""


@dataclass(frozen=True, slots=True)
class Funding:
    """The rules and the running account of a perpetual's funding, as the chain keeps them.

    The rate of the running hour is not among them: the chain settles it when the hour ends, from the prices
    traded until then, and only the indexer publishes the rates that were charged.
    """

    hourly_cap: Decimal
    """No hourly rate exceeds this, either way; a fraction of notional."""
    hourly_interest: Decimal
    """Part of every hourly rate; a fraction of notional."""
    interval_s: int
    next_at: datetime
    cumulative: Decimal
    """Quote that one base held long has paid since the market began."""
    cumulative_at: datetime


class FundingRate(NamedTuple):
    at: datetime
    rate: float
    """What a long paid a short for the hour that ended, as a fraction of notional."""


class _Terms(msgspec.Struct, gc=False):
    hourly_funding_rate_cap: str
    hourly_interest_rate: str
    next_funding_timestamp: Seconds
    funding_interval: Annotated[int, msgspec.Meta(gt=0, le=31_536_000)]


class _Account(msgspec.Struct, gc=False):
    cumulative_funding: str
    last_timestamp: Seconds


class _Perpetual(msgspec.Struct, gc=False):
    market_info: _Terms
    funding_info: _Account


class _FullMarket(msgspec.Struct, gc=False):
    perpetual_info: _Perpetual | None = None


class _Answer(msgspec.Struct, gc=False):
    market: _FullMarket


class _Rate(msgspec.Struct, gc=False, rename="camel"):
    rate: str
    timestamp: Milliseconds
    market_id: str = ""


class _Rates(msgspec.Struct, gc=False, rename="camel"):
    funding_rates: Annotated[list[_Rate], msgspec.Meta(max_length=MAX_RATES)]


# 64-bit integers come as text, hence not strict.
_ANSWER = msgspec.json.Decoder(_Answer, strict=False)
_RATES = msgspec.json.Decoder(_Rates, strict=False)


def parse_funding(source: str, body: bytes) -> Funding:
    """From the chain's answer for one derivative market. Raises NotFound when that is no perpetual.

    Source: injective.exchange.v2.Query DerivativeMarket.
    """
    with reading(source, "funding"):
        info = _ANSWER.decode(body).market.perpetual_info
        if info is not None:
            return _funding(info.market_info, info.funding_info)
    raise NotFound(source, "this market pays no funding")


def parse_funding_rates(source: str, body: bytes, market_id: str) -> tuple[FundingRate, ...]:
    """Newest first, as the indexer's GET /api/exchange/derivative/v1/fundingRates sends them."""
    with reading(source, "funding rates"):
        rows = _RATES.decode(body).funding_rates
        if any(row.market_id.lower() not in ("", market_id) for row in rows):
            raise ValueError("rates of another market")
        return tuple(FundingRate(utc(row.timestamp), _fraction(row.rate)) for row in rows)


def latest_rate(source: str, rates: Sequence[FundingRate], now: datetime) -> float | None:
    """The newest of them; None if none was ever charged. Raises Stale when it is too old to go by."""
    if not rates:
        return None
    newest = max(rates)
    age_s = (now - newest.at).total_seconds()
    if age_s > MAX_RATE_AGE_S:
        raise Stale(source, f"funding: the latest rate is {age_s / 3600:.0f} hours old")
    return newest.rate


def _funding(terms: _Terms, account: _Account) -> Funding:
    return Funding(
        hourly_cap=human(terms.hourly_funding_rate_cap, 0),
        hourly_interest=human(terms.hourly_interest_rate, 0),
        interval_s=terms.funding_interval,
        next_at=utc(terms.next_funding_timestamp * 1_000),
        cumulative=human(account.cumulative_funding, 0),
        cumulative_at=utc(account.last_timestamp * 1_000),
    )


def _fraction(text: str) -> float:
    rate = float(human(text, 0))
    if abs(rate) >= 1:
        raise ValueError("a rate of the whole notional or more")
    return rate
