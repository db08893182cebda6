"""Payloads of the keyed API, v2: signed inferences and pages of topics.

Source: allora_sdk 1.3.0 (PyPI); allora-sdk-go, client.api.go; docs.allora.network, "Quickstart: consume".
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import NamedTuple

import msgspec

from defi_analytics.domain.text import safe
from defi_analytics.errors import Unavailable
from defi_analytics.metrics.dispersion import Knot
from defi_analytics.predictors.allora.fields import (
    SHOWN_CHARACTERS,
    SOURCE,
    decode,
    from_unix,
    from_unix_millis,
    malformed,
    number,
    whole,
)
from defi_analytics.predictors.allora.wire import TopicRow, ascending_knots

_TOKEN_DECIMALS = 18
_MOST_UINT256 = 2**256 - 1
# A uint256 has 78 digits.
_DIGITS = 90
# The two forms of a value are cut at the same digit; anything more apart is a misreading.
_ROUNDING = Decimal("1e-9")
_NULL = msgspec.Raw(b"null")


class _Envelope(msgspec.Struct, gc=False):
    status: bool
    apiResponseMessage: str | None = None  # noqa: N815  the API's own spelling
    data: msgspec.Raw = _NULL


class _InferenceData(msgspec.Struct, gc=False):
    network_inference: str
    topic_id: str | int
    timestamp: str | int
    network_inference_normalized: str | None = None
    confidence_interval_percentiles: list[str] | None = None
    confidence_interval_percentiles_normalized: list[str] | None = None
    confidence_interval_values: list[str] | None = None
    confidence_interval_values_normalized: list[str] | None = None


class _Consumer(msgspec.Struct, gc=False):
    inference_data: _InferenceData
    token_decimals: int = _TOKEN_DECIMALS


class _SignedInference(msgspec.Struct, gc=False, rename="camel"):
    topic_id: str | int
    timestamp: str | int
    network_inference: str
    confidence_interval_percentiles: list[str]
    confidence_interval_values: list[str]


class _SignedArguments(msgspec.Struct, gc=False, rename="camel"):
    network_inference: _SignedInference


class _RowInference(msgspec.Struct, gc=False):
    combined_value: str
    timestamp: str | int
    naive_value: str | None = None


class _TopicRow(msgspec.Struct, gc=False):
    topic_id: str | int
    topic_name: str
    epoch_length: str | int
    is_active: bool | None = None
    latest_network_inference: msgspec.Raw = _NULL


class _TopicsPage(msgspec.Struct, gc=False):
    topics: list[_TopicRow]
    continuation_token: str | None = None


@dataclass(frozen=True, slots=True)
class ConsumerInference:
    topic_id: int
    value: Decimal
    signed_at: datetime
    """When the API signed it, which is when it was asked; the inference may be older."""
    percentiles: tuple[Knot, ...] = ()
    """Empty since the network stopped delivering them."""


class RowInference(NamedTuple):
    value: Decimal
    naive: Decimal | None
    made_at: datetime


class ApiTopic(NamedTuple):
    row: TopicRow
    active: bool
    latest: msgspec.Raw
    """For `parse_row_inference`: one topic's odd value must not cost the list."""


class TopicsPage(NamedTuple):
    topics: tuple[ApiTopic, ...]
    next_token: str
    """Empty on the last page."""


def parse_consumer(body: bytes) -> ConsumerInference:
    """`/allora/consumer/{signature format}`. Raises Malformed, or Unavailable when the API says it failed."""
    with malformed("consumer inference"):
        consumer = decode(_data(body), _Consumer)
        return _consumer_inference(consumer.inference_data, whole(consumer.token_decimals, 77))


def parse_topics_page(body: bytes) -> TopicsPage:
    """`/allora/{chain id}/topics`. Raises Malformed, or Unavailable when the API says it failed."""
    with malformed("topics"):
        page = decode(_data(body), _TopicsPage)
        return TopicsPage(tuple(_topic(row) for row in page.topics), page.continuation_token or "")


def parse_row_inference(latest: msgspec.Raw) -> RowInference | None:
    """`latest_network_inference` of a topic's row, if it has one; its time is in milliseconds."""
    with malformed("topic's latest inference"):
        if bytes(latest) == bytes(_NULL):
            return None
        wire = decode(latest, _RowInference)
        naive = None if wire.naive_value is None else number(wire.naive_value)
        return RowInference(number(wire.combined_value), naive, from_unix_millis(wire.timestamp))


def parse_signed_arguments(body: bytes) -> ConsumerInference:
    """The same inference as arguments of a consumer contract: camel case, everything times 10^18."""
    with malformed("signed inference"):
        signed = decode(body, _SignedArguments).network_inference
        return ConsumerInference(
            topic_id=whole(signed.topic_id),
            value=_unscaled(signed.network_inference, _TOKEN_DECIMALS),
            signed_at=from_unix(signed.timestamp),
            percentiles=ascending_knots(
                [_unscaled(text, _TOKEN_DECIMALS) for text in signed.confidence_interval_percentiles],
                [_unscaled(text, _TOKEN_DECIMALS) for text in signed.confidence_interval_values],
            ),
        )


def _data(body: bytes) -> msgspec.Raw:
    envelope = decode(body, _Envelope)
    if not envelope.status:
        said = safe(envelope.apiResponseMessage or "no reason given", SHOWN_CHARACTERS)
        raise Unavailable(SOURCE, f"the API refused: {said}")
    if bytes(envelope.data) == bytes(_NULL):
        raise ValueError("no data")
    return envelope.data


def _consumer_inference(data: _InferenceData, decimals: int) -> ConsumerInference:
    value = _unscaled(data.network_inference, decimals)
    if data.network_inference_normalized is not None:
        normalized = number(data.network_inference_normalized)
        if abs(value - normalized) > _ROUNDING * max(abs(value), abs(normalized)):
            raise ValueError(f"{value} and its normalized form {normalized} differ")
        value = normalized
    return ConsumerInference(
        topic_id=whole(data.topic_id),
        value=value,
        signed_at=from_unix(data.timestamp),
        percentiles=ascending_knots(
            _either(data.confidence_interval_percentiles_normalized, data.confidence_interval_percentiles),
            _either(data.confidence_interval_values_normalized, data.confidence_interval_values),
        ),
    )


def _either(normalized: list[str] | None, scaled: list[str] | None) -> list[Decimal]:
    if normalized is not None:
        return [number(text) for text in normalized]
    return [_unscaled(text, _TOKEN_DECIMALS) for text in scaled or ()]


def _unscaled(text: str, decimals: int) -> Decimal:
    with localcontext(prec=_DIGITS):
        return Decimal(whole(text, _MOST_UINT256)).scaleb(-decimals)


def _topic(wire: _TopicRow) -> ApiTopic:
    row = TopicRow(whole(wire.topic_id), wire.topic_name, whole(wire.epoch_length))
    return ApiTopic(row, bool(wire.is_active), wire.latest_network_inference)
