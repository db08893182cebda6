"""Network inferences in block events, the only record of the past.

One comes per epoch, `worker_submission_window` blocks after its nonce. Every attribute's value is JSON text.
v9 holds the LCD's value bundle (later one in columns); v10 is columns throughout, one row of labels per
worker, and comes twice per epoch: the outlier-resistant twin is skipped.
Source: allora-chain v0.17.0 x/emissions/types/events; a recorded block 5100967 of allora-testnet-1.
"""

import re
from collections.abc import Sequence

import msgspec

from defi_analytics.predictors.allora.fields import decode, malformed, number, whole
from defi_analytics.predictors.allora.inference import ChainInference, WorkerValue
from defi_analytics.predictors.allora.wire import Bundle, bundle_inference

_INFERENCE = re.compile(r"emissions\.v[0-9]{1,3}\.EventNetworkInference(?:s|Bundle)")

_Value = str | list[str]


class _Attribute(msgspec.Struct, gc=False):
    key: str
    value: str | None = None


class _Event(msgspec.Struct, gc=False):
    type: str
    attributes: list[_Attribute] = []


class _Events(msgspec.Struct, gc=False):
    events: list[_Event] = []


class _Message(msgspec.Struct, gc=False):
    value: _Events


class _Result(msgspec.Struct, gc=False):
    """Of `block_results` or of a `NewBlockEvents` subscription."""

    finalize_block_events: list[_Event] | None = None
    data: _Message | None = None


class _BlockEvents(msgspec.Struct, gc=False):
    events: list[_Event] | None = None
    result: _Result | None = None


class _Columns(msgspec.Struct, gc=False):
    combined_value: _Value | None = None
    naive_value: _Value | None = None
    inferer_addresses: list[str] | None = None
    inferer_values: list[_Value] | None = None
    forecaster_addresses: list[str] | None = None
    forecaster_values: list[_Value] | None = None


class _Inference(_Columns, gc=False, kw_only=True):
    topic_id: str | int
    nonce: str | int | None = None
    block_height: str | int | None = None
    """The nonce's, in v9."""
    value_bundle: Bundle | None = None
    bundle: _Columns | None = None
    outlier_resistant: bool = False
    label_names: list[str] | None = None


def parse_block_events(body: bytes) -> tuple[ChainInference, ...]:
    """From `block_results`, a `NewBlockEvents` message, or `{"events": […]}`. Raises Malformed.

    Classification topics have no one value and are left out.
    """
    with malformed("block events"):
        events = _events(decode(body, _BlockEvents))
        found = [_attributes(event) for event in events if _INFERENCE.fullmatch(event.type)]
        return tuple(_inference(event) for event in found if _is_plain(event))


def _events(block: _BlockEvents) -> list[_Event]:
    if block.events is not None:
        return block.events
    if block.result is not None and block.result.finalize_block_events is not None:
        return block.result.finalize_block_events
    if block.result is not None and block.result.data is not None:
        return block.result.data.value.events
    raise ValueError("no list of events")


def _attributes(event: _Event) -> _Inference:
    known = _Inference.__struct_fields__
    fields = {a.key: msgspec.Raw(a.value.encode()) for a in event.attributes if a.value and a.key in known}
    return decode(msgspec.json.encode(fields), _Inference)


def _is_plain(event: _Inference) -> bool:
    return not event.outlier_resistant and len(event.label_names or ()) <= 1


def _inference(event: _Inference) -> ChainInference:
    height = event.block_height if event.nonce is None else event.nonce
    if height is None:
        raise ValueError("no nonce")
    topic_id, nonce = whole(event.topic_id), whole(height)
    if event.value_bundle is None:
        return _from_columns(topic_id, nonce, event.bundle or event)
    inference = bundle_inference(event.value_bundle, nonce)
    if inference.topic_id != topic_id:
        raise ValueError(f"a bundle of topic {inference.topic_id} under topic {topic_id}")
    return inference


def _from_columns(topic_id: int, nonce: int, columns: _Columns) -> ChainInference:
    return ChainInference(
        topic_id=topic_id,
        nonce=nonce,
        combined=number(_sole(columns.combined_value)),
        naive=number(_sole(columns.naive_value)) if columns.naive_value else None,
        inferers=_workers(columns.inferer_addresses, columns.inferer_values),
        forecasters=_workers(columns.forecaster_addresses, columns.forecaster_values),
    )


def _workers(addresses: Sequence[str] | None, values: Sequence[_Value] | None) -> tuple[WorkerValue, ...]:
    pairs = zip(addresses or (), values or (), strict=True)
    return tuple(WorkerValue(address, number(_sole(value))) for address, value in pairs)


def _sole(value: _Value | None) -> str:
    if isinstance(value, str):
        return value
    if value is None or len(value) != 1:
        raise ValueError(f"{len(value or ())} labels where one value was expected")
    return value[0]
