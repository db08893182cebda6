import zlib
from base64 import b64encode
from typing import Any

import pytest

from defi_analytics.engine import packing
from defi_analytics.engine.packing import Packer, Unpacker
from defi_analytics.errors import Mismatch
from tests.fakes import NOON

CONTENTS: list[dict[str, Any]] = [
    {"at": NOON, "n": number, "all": list(range(number))} for number in range(7)
]


@pytest.fixture(autouse=True)
def whole_every_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "WHOLE_EVERY", 3)


def bodies() -> list[dict[str, Any]]:
    packer = Packer()
    return [packer.packed(content) for content in CONTENTS]


def test_what_was_packed_comes_back_and_every_third_stands_for_itself() -> None:
    unpacker = Unpacker()
    assert [unpacker.unpacked(body) for body in bodies()] == CONTENTS
    assert ["on" not in body for body in bodies()] == [True, False, False, True, False, False, True]


def test_one_that_is_in_a_hurry_stands_for_itself() -> None:
    packer, unpacker = Packer(), Unpacker()
    made = [packer.packed(content, whole=content["n"] == 1) for content in CONTENTS[:4]]
    assert ["on" not in body for body in made] == [True, True, False, False]
    assert [unpacker.unpacked(body) for body in made] == CONTENTS[:4]


@pytest.mark.parametrize("read", range(7))
def test_only_those_that_are_asked_for_need_to_be_read(read: int) -> None:
    unpacker = Unpacker()
    for body in bodies()[:read]:
        unpacker.follow(body)
    assert unpacker.unpacked(bodies()[read]) == CONTENTS[read]


def test_reading_may_begin_at_any_that_is_whole_and_at_no_other() -> None:
    unpacker = Unpacker()
    for body in bodies()[1:3]:
        with pytest.raises(Mismatch, match="the one that it follows is missing"):
            unpacker.unpacked(body)
    assert unpacker.unpacked(bodies()[3]) == CONTENTS[3]


def test_one_that_is_missing_is_noticed_and_nothing_is_guessed() -> None:
    first, _, third, fourth, *_ = bodies()
    unpacker = Unpacker()
    unpacker.unpacked(first)
    with pytest.raises(Mismatch, match="missing"):
        unpacker.unpacked(third)
    assert unpacker.unpacked(fourth) == CONTENTS[3]


@pytest.mark.parametrize(
    "packed", [None, 7, "AAAA", "not base64!", b"", b"AAAA", zlib.compress(b"\xc1"), zlib.compress(b"")]
)
def test_one_that_is_not_whole_is_a_mismatch_and_so_is_what_follows_it(packed: Any) -> None:
    unpacker = Unpacker()
    body = {"packed": packed} if packed is not None else {}
    with pytest.raises(Mismatch, match="cannot be read"):
        unpacker.unpacked(body)
    on = zlib.crc32(packed) if isinstance(packed, bytes) else 0
    with pytest.raises(Mismatch, match="missing"):
        unpacker.unpacked(bodies()[1] | {"on": on})


@pytest.mark.parametrize("change", [[1, 2], {"n": "x"}, {"all": 1}, {"n": None}, {"at": {}}, 1])
def test_changes_of_something_else_are_a_mismatch(change: Any) -> None:
    unpacker = Unpacker()
    unpacker.unpacked(bodies()[0])
    wrong = bodies()[1] | {"packed": packing._deflated(change)}
    with pytest.raises(Mismatch, match="cannot be read"):
        unpacker.unpacked(wrong)


def test_journals_of_before_are_read() -> None:
    packed = b64encode(zlib.compress(b'{"a": 1}')).decode()
    assert Unpacker().unpacked({"id": "d", "packed": packed}) == {"a": 1}
