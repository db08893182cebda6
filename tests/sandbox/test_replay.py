import json

import httpx
import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.sandbox.replay import Recording
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.server import Request


def recording(folder, index, **files):
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "index.json").write_text(json.dumps(index))
    return Recording(folder)


def ask(recording, method, path, query=(), body=b""):
    return recording.respond(Request(method, path, tuple(query), (), body))


def test_a_recorded_request_gets_its_payload_byte_for_byte(tmp_path):
    found = ask(recording(tmp_path, {"GET /a/b": "x"}, x=' {"n": 1.50}\n'), "GET", "/a/b")
    assert (found.status, found.body, found.content_type) == (200, b' {"n": 1.50}\n', "application/json")


def test_the_entry_that_demands_most_wins(tmp_path):
    tape = recording(
        tmp_path,
        {"GET /a": "any", "GET /a?x=1": "one", "GET /a?y=2&x=1": "two"},
        any="any", one="one", two="two",
    )  # fmt: skip
    assert ask(tape, "GET", "/a", [("x", "3")]).body == b"any"
    assert ask(tape, "GET", "/a", [("z", "9"), ("x", "1")]).body == b"one"
    assert ask(tape, "GET", "/a", [("x", "1"), ("y", "2")]).body == b"two"


def test_a_posted_body_matches_by_its_members_at_any_depth(tmp_path):
    tape = recording(
        tmp_path,
        {
            'POST /info {"type": "book"}': "book",
            'POST /info {"type": "candles", "req": {"coin": "INJ"}}': "candles",
        },
        book="book", candles="candles",
    )  # fmt: skip
    assert ask(tape, "POST", "/info", body=b'{"type":"book","coin":"BTC"}').body == b"book"
    deep = b'{"type":"candles","req":{"coin":"INJ","n":1}}'
    assert ask(tape, "POST", "/info", body=deep).body == b"candles"
    for other in (
        b'{"type":"candles","req":"INJ"}',
        b'{"type":"x"}',
        b"[1]",
        b"{",
        b"\xff",
        b"",
        b"[" * 50_000,
    ):
        assert ask(tape, "POST", "/info", body=other).status == 404


def test_status_and_type_can_be_recorded_too(tmp_path):
    entry = {"file": "gone", "status": 503, "content_type": "text/html"}
    found = ask(recording(tmp_path, {"GET /a%20b": entry}, gone="<h1>"), "GET", "/a b")
    assert (found.status, found.body, found.content_type) == (503, b"<h1>", "text/html")


def test_what_was_not_recorded_is_named_in_the_answer(tmp_path):
    found = ask(recording(tmp_path, {}), "GET", "/a", [("x", "1")])
    assert found.status == 404
    assert json.loads(found.body) == {"error": "not recorded", "request": "GET /a?x=1", "body": {}}


def test_everything_wrong_with_a_recording_is_told_at_once(tmp_path):
    (tmp_path / "in").mkdir()
    index = {"nonsense": "x", "GET /a": "missing", "GET /b": "../out", "POST /c {]}": "x"}
    with pytest.raises(ConfigError) as wrong:
        recording(tmp_path / "in", index, x="")
    assert len(wrong.value.violations) == 4


@pytest.mark.parametrize("index", [None, b"{", b"[]", b'{"GET /": {"path": "x"}}', b"\xff"])
def test_a_folder_without_a_readable_index_is_refused(tmp_path, index):
    if index is not None:
        (tmp_path / "index.json").write_bytes(index)
    with pytest.raises(ConfigError, match=r"index\.json"):
        Recording(tmp_path)


async def test_a_sandbox_can_serve_a_recording_over_sockets(tmp_path, clock):
    recording(tmp_path, {"POST /hyperliquid/info": "mids"}, mids="{}")
    async with Sandbox(seed=0, clock=clock, replay=tmp_path) as sandbox, httpx.AsyncClient() as client:
        answer = await client.post(f"{sandbox.endpoints['hyperliquid']}/info", json={"type": "allMids"})
        assert (answer.status_code, answer.json()) == (200, {})
        assert (await client.get(f"{sandbox.url}/sandbox/status")).status_code == 404
