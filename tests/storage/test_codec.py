from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.book import Levels, checked_book
from defi_analytics.domain.market import MarketKey, MarketKind
from defi_analytics.domain.prediction import Interval, Prediction, PredictionKind, Topic
from defi_analytics.domain.snapshot import Problem, Snapshot
from defi_analytics.storage.codec import decode, decode_as, decode_body, encode, encode_body, rfc3339

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
KEY = MarketKey("injective", "0xabc")
BOOK = checked_book(KEY, Levels((9.5, 9.4), (1.0, 2.0)), Levels((9.6,), (3.0,)), NOON, 7)
TOPIC = Topic("mainnet", 14, "BTC 8h", "BTC", PredictionKind.PRICE, 28_800, 1440)
PREDICTION = Prediction(
    "allora",
    TOPIC,
    Decimal("64609.501828101036794984"),
    NOON,
    NOON,
    NOON,
    interval=Interval(0.95, 1.0, 2.0),
    notes=("a",),
)


@pytest.mark.parametrize("value", [BOOK, PREDICTION, TOPIC, Problem("okx", "STALE", "old")])
def test_a_value_comes_back_as_it_was(value):
    assert decode_as(encode(value), type(value)) == value


def test_decimals_times_and_enums_are_text():
    text = encode({"a": Decimal("1.10"), "b": NOON, "c": MarketKind.SPOT, "d": frozenset({1})})
    assert decode(text) == {"a": "1.10", "b": "2026-01-02T12:00:00Z", "c": "spot", "d": [1]}


def test_a_snapshot_is_stored_with_its_markets_named():
    stored = decode(encode(Snapshot(NOON, "mainnet", books={KEY: BOOK}, problems=(Problem("x", "Y", "z"),))))
    assert list(stored["books"]) == ["injective|0xabc"]
    assert decode_as(encode(stored["books"]["injective|0xabc"]), type(BOOK)) == BOOK


def test_times_are_told_in_their_zone_and_never_without_one():
    assert rfc3339(NOON + timedelta(microseconds=5)) == "2026-01-02T12:00:00.000005Z"
    assert rfc3339(NOON.astimezone(timezone(timedelta(hours=2)))) == "2026-01-02T14:00:00+02:00"
    with pytest.raises(ValueError, match="no time zone"):
        rfc3339(NOON.replace(tzinfo=None))


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        object(),
        NOON.replace(tzinfo=None),
        Decimal,
        {"a": [float("-inf")]},
    ],
)
def test_what_json_cannot_give_back_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        encode({"x": value})


def test_a_value_that_holds_itself_is_refused():
    loop = []
    loop.append(loop)
    with pytest.raises(ValueError, match="cannot be stored"):
        encode(loop)


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"a":', "null", "[" * 100_000])
def test_text_that_is_no_record_is_refused(text):
    with pytest.raises(ValueError, match="is not a stored dict"):
        decode(text)


@given(
    st.dictionaries(
        st.text(), st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.booleans() | st.none()
    )
)
def test_any_plain_mapping_comes_back(value):
    assert decode(encode(value)) == value


def test_a_body_with_bytes_is_stored_as_they_are_and_any_other_as_text_that_people_can_read():
    stored = encode_body({"packed": b"\0\xff", "n": Decimal("1.10"), "at": NOON})
    assert decode_body(stored) == {"packed": b"\0\xff", "n": "1.10", "at": "2026-01-02T12:00:00Z"}
    assert encode_body({"n": 1}) == '{"n":1}'
    assert decode_body('{"n":1}') == {"n": 1}


@pytest.mark.parametrize("value", [float("nan"), NOON.replace(tzinfo=None), object(), 2**70])
def test_bytes_do_not_let_a_body_hold_what_could_not_be_given_back(value):
    with pytest.raises(ValueError, match=r"stored|finite|zone"):
        encode_body({"packed": b"", "value": value})


@pytest.mark.parametrize("stored", ["{", b"\xc1", b"\x01", b"", b"\x91" * 5000])
def test_what_is_no_body_is_refused(stored):
    with pytest.raises(ValueError, match="is not a stored"):
        decode_body(stored)
