import json
import stat
from datetime import UTC, datetime

import pytest

from defi_analytics.errors import WrongState
from defi_analytics.predictors.allora.kept_topics import KeptTopics, keep, kept, path_of
from defi_analytics.predictors.allora.topics import bundled_registry

AT = datetime(2026, 10, 1, 12, 30, tzinfo=UTC)
TOPICS = bundled_registry().topics("testnet")
GOOD = {"version": 1, "network": "testnet", "at": "2026-10-01T12:30:00Z", "topics": [
    {"id": 14, "name": "BTC/USD - Price Prediction - 8h", "epoch_blocks": 10}
]}  # fmt: skip


def test_what_is_kept_comes_back(tmp_path):
    home = tmp_path / "not" / "yet"
    path = keep(home, "testnet", AT, TOPICS)
    assert path == path_of(home, "testnet")
    assert kept(home, "testnet") == KeptTopics(AT, TOPICS)
    assert kept(home, "mainnet") is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_a_list_is_replaced_whole_and_leaves_no_draft(tmp_path):
    keep(tmp_path, "testnet", AT, TOPICS)
    path = keep(tmp_path, "testnet", AT, TOPICS[:1])
    assert [topic.topic_id for topic in kept(tmp_path, "testnet").topics] == [TOPICS[0].topic_id]
    assert list(tmp_path.iterdir()) == [path]


def test_a_list_that_cannot_be_written_leaves_no_draft_either(tmp_path):
    path_of(tmp_path, "testnet").mkdir()
    with pytest.raises(WrongState, match="cannot be written"):
        keep(tmp_path, "testnet", AT, TOPICS)
    assert list(tmp_path.iterdir()) == [path_of(tmp_path, "testnet")]
    (tmp_path / "file").write_text("")
    with pytest.raises(WrongState, match="cannot be written"):
        keep(tmp_path / "file" / "below", "testnet", AT, TOPICS)


def written(folder, text):
    path_of(folder, "testnet").write_bytes(text if isinstance(text, bytes) else json.dumps(text).encode())


def test_topics_whose_names_say_nothing_are_left_out(tmp_path):
    written(tmp_path, {**GOOD, "topics": [*GOOD["topics"], {"id": 99, "name": "?", "epoch_blocks": 1}]})
    assert [topic.topic_id for topic in kept(tmp_path, "testnet").topics] == [14]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "damaged"),
        (b"\xff", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b" " * 2_000_000, "damaged"),
        ({**GOOD, "at": "yesterday"}, "damaged"),
        ({**GOOD, "at": "2026-10-01T12:30:00"}, "damaged"),
        ({**GOOD, "topics": [{"id": 0, "name": "BTC/USD - 8h", "epoch_blocks": 1}]}, "damaged"),
        ({**GOOD, "version": 2}, "another version"),
        ({**GOOD, "network": "mainnet"}, "another version or network"),
        ({**GOOD, "topics": []}, "no topic"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_what_to_do(tmp_path, text, why):
    written(tmp_path, text)
    with pytest.raises(WrongState, match=why) as caught:
        kept(tmp_path, "testnet")
    assert "--refresh" in caught.value.hint


def test_a_folder_in_its_place_cannot_be_used(tmp_path):
    path_of(tmp_path, "testnet").mkdir()
    with pytest.raises(WrongState, match="Is a directory"):
        kept(tmp_path, "testnet")
