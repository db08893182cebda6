"""The list of topics that the network was last asked for, kept in a file until it is asked again.

What the bundled list lacks is known between two releases. Deleting the file goes back to the bundled one.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec

from defi_analytics.domain.prediction import Topic
from defi_analytics.errors import WrongState
from defi_analytics.predictors.allora.topics import make_topic
from defi_analytics.predictors.allora.wire import TopicRow

VERSION = 1
MAX_BYTES = 1_048_576

_Whole = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
_Name = Annotated[str, msgspec.Meta(max_length=1000)]


class _Row(msgspec.Struct, gc=False):
    id: _Whole
    name: _Name
    epoch_blocks: _Whole


class _File(msgspec.Struct, gc=False):
    version: int
    network: str
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    topics: list[_Row]


class KeptTopics(NamedTuple):
    at: datetime
    """When the network was asked."""
    topics: tuple[Topic, ...]


def path_of(home: Path, network: str) -> Path:
    return home / f"topics-{network}.json"


def keep(home: Path, network: str, at: datetime, topics: Sequence[Topic]) -> Path:
    """Replaces the file whole, readable by its owner alone. Raises WrongState."""
    rows = [_Row(topic.topic_id, topic.name, topic.epoch_blocks) for topic in topics]
    body = msgspec.json.format(msgspec.json.encode(_File(VERSION, network, at, rows)))
    path = path_of(home, network)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(draft, body)
        draft.replace(path)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        raise WrongState(f"{path} cannot be written: {error.strerror}") from error
    return path


def _write(draft: Path, body: bytes) -> None:
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with open(handle, "wb") as file:  # noqa: PTH123  - a descriptor, not a path
        file.write(body)
        file.flush()
        os.fsync(handle)


def kept(home: Path, network: str) -> KeptTopics | None:
    """The list that was kept, if there is one. Raises WrongState for a file that cannot be used."""
    path = path_of(home, network)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or "unreadable") from error
    return _parsed(path, network, raw)


def _parsed(path: Path, network: str, raw: bytes) -> KeptTopics:
    try:
        found = msgspec.json.decode(raw[:MAX_BYTES], type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(path, "it is damaged") from error
    if found.version != VERSION or found.network != network:
        raise _unusable(path, "it is of another version or network")
    rows = (TopicRow(row.id, row.name, row.epoch_blocks) for row in found.topics)
    topics = tuple(topic for row in rows if (topic := make_topic(network, row)))
    if not topics:
        raise _unusable(path, "it holds no topic")
    return KeptTopics(found.at.astimezone(UTC), topics)


def _unusable(path: Path, why: str) -> WrongState:
    return WrongState(f"{path}: {why}", hint="delete it, or renew it: defi topics list --refresh")
