"""Payloads of the chain's LCD: network inferences of every emissions version, topics, block times.

The emissions version is in the URL and moves. v10 labels its values, v9 has scalars, v4 to v7 also carried
weights and percentiles; one set of structs reads all of them, so a proxy that answers an older shape is fine.
Source: allora-chain x/emissions at v0.6.0 and v0.17.0; docs.allora.network, "Allora API endpoint".
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

import msgspec

from defi_analytics.metrics.dispersion import Knot
from defi_analytics.predictors.allora.fields import decode, instant, malformed, number, whole
from defi_analytics.predictors.allora.inference import ChainInference, WorkerValue

_MOST_TOPICS = 10_000
_ALL = 100


class _Labelled(msgspec.Struct, gc=False):
    value: str


class _Worker(msgspec.Struct, gc=False):
    """`value` until v9, `values` since v10."""

    worker: str
    value: str | None = None
    values: list[_Labelled] | None = None


class _Weight(msgspec.Struct, gc=False):
    worker: str
    weight: str


class _Height(msgspec.Struct, gc=False):
    block_height: str | int


class _ReputerNonce(msgspec.Struct, gc=False):
    reputer_nonce: _Height | None = None


class Bundle(msgspec.Struct, gc=False):
    """`NetworkInferenceBundle` (v10) or `ValueBundle` (earlier), less what a worker's absence would do."""

    topic_id: str | int
    combined_value: str | list[_Labelled]
    nonce: str | int | None = None
    reputer_request_nonce: _ReputerNonce | None = None
    naive_value: str | list[_Labelled] | None = None
    inferer_values: list[_Worker] | None = None
    forecaster_values: list[_Worker] | None = None


class _Latest(msgspec.Struct, gc=False):
    network_inferences: Bundle
    inference_block_height: str | int
    inferer_weights: list[_Weight] | None = None
    forecaster_weights: list[_Weight] | None = None
    confidence_interval_raw_percentiles: list[str] | None = None
    confidence_interval_values: list[str] | None = None


class _Header(msgspec.Struct, gc=False):
    height: str | int
    time: str


class _Block(msgspec.Struct, gc=False):
    header: _Header


class _BlockAnswer(msgspec.Struct, gc=False):
    sdk_block: _Block | None = None
    block: _Block | None = None


class _ChainTopic(msgspec.Struct, gc=False):
    id: str | int
    metadata: str
    epoch_length: str | int


class _TopicAnswer(msgspec.Struct, gc=False):
    topic: _ChainTopic


class _NextTopic(msgspec.Struct, gc=False):
    next_topic_id: str | int


class _Active(msgspec.Struct, gc=False):
    is_active: bool


class TopicRow(NamedTuple):
    """A topic as a source lists it; `name` is its creator's text."""

    topic_id: int
    name: str
    epoch_blocks: int


def parse_network_inference(body: bytes) -> ChainInference:
    """`latest_network_inferences/{topic}` and its outlier-resistant twin, emissions v4 to v10.

    Raises Malformed, also for a classification topic: it has several labels and no one value.
    """
    with malformed("network inference"):
        latest = decode(body, _Latest)
        inference = bundle_inference(latest.network_inferences, whole(latest.inference_block_height))
        return replace(
            inference,
            inferers=_weighed(inference.inferers, latest.inferer_weights),
            forecasters=_weighed(inference.forecasters, latest.forecaster_weights),
            percentiles=_percentiles(latest),
        )


def bundle_inference(bundle: Bundle, height: int) -> ChainInference:
    """Of the nonce `height`, which the bundle must confirm if it tells one. Raises ValueError."""
    return ChainInference(
        topic_id=whole(bundle.topic_id),
        nonce=_confirmed(height, bundle),
        combined=number(sole(bundle.combined_value)),
        naive=number(sole(bundle.naive_value)) if bundle.naive_value else None,
        inferers=tuple(_worker(entry) for entry in bundle.inferer_values or ()),
        forecasters=tuple(_worker(entry) for entry in bundle.forecaster_values or ()),
    )


def parse_block_time(body: bytes, height: int) -> datetime:
    """`/cosmos/base/tendermint/v1beta1/blocks/{height}`: when that block was made, UTC."""
    with malformed(f"block {height}"):
        answer = decode(body, _BlockAnswer)
        block = answer.sdk_block or answer.block
        if block is None:
            raise ValueError("neither sdk_block nor block")
        if whole(block.header.height) != height:
            raise ValueError(f"asked for {height}, got {block.header.height}")
        return instant(block.header.time)


def parse_topic(body: bytes) -> TopicRow:
    """`topics/{id}`."""
    with malformed("topic"):
        topic = decode(body, _TopicAnswer).topic
        return TopicRow(whole(topic.id), topic.metadata, whole(topic.epoch_length))


def parse_next_topic_id(body: bytes) -> int:
    """`next_topic_id`: one more than the newest topic's id."""
    with malformed("next topic id"):
        return whole(decode(body, _NextTopic).next_topic_id, _MOST_TOPICS)


def parse_is_active(body: bytes) -> bool:
    """`is_topic_active/{id}`."""
    with malformed("topic activity"):
        return decode(body, _Active).is_active


def ascending_knots(percentiles: Sequence[Decimal], values: Sequence[Decimal]) -> tuple[Knot, ...]:
    """Published percentiles with their values; nothing when they are not a distribution.

    Early consumer payloads lack some, and a published sample repeats the percentiles as values.
    """
    points = tuple(Knot(float(p), float(v)) for p, v in zip(percentiles, values, strict=False))
    distinct = len(percentiles) == len(values) and list(percentiles) != list(values)
    rise = list(percentiles) == sorted(percentiles) and list(values) == sorted(values)
    inside = all(0 <= p <= _ALL for p in percentiles)
    return points if distinct and rise and inside else ()


def sole(labelled: str | list[_Labelled]) -> str:
    """The one value of a regression topic, whose label is "y". Raises ValueError for classifications."""
    if isinstance(labelled, str):
        return labelled
    if len(labelled) != 1:
        raise ValueError(f"{len(labelled)} labels where one value was expected")
    return labelled[0].value


def _confirmed(height: int, bundle: Bundle) -> int:
    told = [] if bundle.nonce is None else [bundle.nonce]
    if bundle.reputer_request_nonce and bundle.reputer_request_nonce.reputer_nonce:
        told.append(bundle.reputer_request_nonce.reputer_nonce.block_height)
    for nonce in told:
        if whole(nonce) != height:
            raise ValueError(f"nonce {nonce} is not the inference's block height {height}")
    return height


def _worker(entry: _Worker) -> WorkerValue:
    given = entry.values if entry.value is None else entry.value
    if given is None:
        raise ValueError("a worker has no value")
    return WorkerValue(entry.worker, number(sole(given)))


def _weighed(workers: tuple[WorkerValue, ...], weights: list[_Weight] | None) -> tuple[WorkerValue, ...]:
    by_worker = {entry.worker: number(entry.weight) for entry in weights or ()}
    if any(weight < 0 for weight in by_worker.values()):
        raise ValueError("a worker's weight is negative")
    return tuple(worker._replace(weight=by_worker.get(worker.worker)) for worker in workers)


def _percentiles(latest: _Latest) -> tuple[Knot, ...]:
    return ascending_knots(
        [number(text) for text in latest.confidence_interval_raw_percentiles or ()],
        [number(text) for text in latest.confidence_interval_values or ()],
    )
