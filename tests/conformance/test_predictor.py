"""What every predictor must do, whatever it is made of."""

import json
import math
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.quote import Quote
from defi_analytics.errors import (
    DataError,
    Malformed,
    NotCovered,
    NotFound,
    RateLimited,
    TimedOut,
    Unavailable,
)
from defi_analytics.ports import Predictor
from defi_analytics.predictors.allora.api import ApiSource
from defi_analytics.predictors.allora.lcd import LcdSource
from defi_analytics.predictors.allora.predictor import AlloraPredictor
from tests.fakes import FakeClock, FakeHttp
from tests.predictors.allora.payloads import block, consumer, latest, topic_row, topics_page, v9, v10


class FlatHistory:
    async def minute_close(self, asset, minute):
        return Quote("test", asset, "USD", 64_000.0, minute)


def chain(http):
    return AlloraPredictor(LcdSource(http), FakeClock(), history=FlatHistory())


def keyed(http):
    return AlloraPredictor(ApiSource(http, lambda: "key"), FakeClock(), history=FlatHistory())


def keyed_testnet(http):
    return AlloraPredictor(ApiSource(http, lambda: "key", "testnet"), FakeClock(), history=FlatHistory())


RESISTANT, BLOCK = "outlier_resistant/", "/blocks/"
PREDICTORS = {
    "chain v10": (chain, {RESISTANT: v10(), "latest_network_inferences/": v10(), BLOCK: block()}),
    "chain v9": (chain, {RESISTANT: v9(), "latest_network_inferences/": v9(), BLOCK: block()}),
    "keyed API": (keyed, {"/topics": topics_page([topic_row(latest=latest())])}),
    "keyed API, testnet": (
        keyed_testnet,
        {
            "/topics": topics_page([topic_row(42, "BTC/USD - 8h Price Prediction", latest=latest())]),
            "/consumer/": consumer(42),
        },
    ),
}
REQUIRED = [(name, key) for name, (_, answers) in PREDICTORS.items() for key in answers if key != RESISTANT]


@pytest.fixture(params=PREDICTORS)
def named(request):
    return PREDICTORS[request.param]


async def test_times_are_aware_and_the_target_is_the_horizon_after_the_base(named):
    make, answers = named
    predictor: Predictor = make(FakeHttp(answers))
    prediction = await predictor.predict("BTC", 8 * 3600)
    for time in (prediction.base_time, prediction.target_time, prediction.usable_at):
        assert time.utcoffset() == timedelta(0)
    assert prediction.base_time.second == prediction.base_time.microsecond == 0
    assert prediction.target_time - prediction.base_time == timedelta(hours=8)
    assert prediction.base_time <= prediction.usable_at
    assert prediction.source == predictor.name


async def test_numbers_are_finite_and_an_interval_is_one(named):
    make, answers = named
    prediction = await make(FakeHttp(answers)).predict("BTC", 8 * 3600)
    assert prediction.value.is_finite()
    assert 0 < prediction.predicted_price < math.inf
    if prediction.interval is not None:
        assert prediction.interval.low <= prediction.interval.high
        assert prediction.dispersion >= 0


async def test_what_is_not_covered_is_refused_by_name_without_a_request(named):
    make, _ = named
    http = FakeHttp({})
    predictor = make(http)
    assert "INJ" not in predictor.assets()
    with pytest.raises(NotCovered, match="INJ"):
        await predictor.predict("INJ")
    with pytest.raises(NotCovered, match="BTC"):
        await predictor.predict("BTC", 7)
    assert http.requests == []


async def test_every_asset_it_offers_can_be_asked_for(named):
    make, _ = named
    predictor = make(FakeHttp({"": Unavailable("allora", "off")}))
    assert predictor.assets()
    for asset in predictor.assets():
        with pytest.raises(Unavailable):
            await predictor.predict(asset)


@pytest.mark.parametrize(("name", "key"), REQUIRED)
async def test_a_body_cut_anywhere_is_malformed(name, key):
    make, answers = PREDICTORS[name]
    body = answers[key]
    for end in range(0, len(body), 7):
        with pytest.raises(Malformed):
            await make(FakeHttp(answers | {key: body[:end]})).predict("BTC", 8 * 3600)


@pytest.mark.parametrize(("name", "key"), REQUIRED)
@pytest.mark.parametrize(
    "error",
    [
        Unavailable("allora", "answered 503"),
        TimedOut("allora", "10 s"),
        RateLimited("allora", "answered 429", retry_after_s=60),
        NotFound("allora", "answered 404"),
    ],
)
async def test_errors_of_the_client_pass_through_unchanged(name, key, error):
    make, answers = PREDICTORS[name]
    with pytest.raises(DataError) as caught:
        await make(FakeHttp(answers | {key: error})).predict("BTC", 8 * 3600)
    assert caught.value is error


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.sampled_from(
        ["NaN", "1e999999", "-1", "9" * 60, "1e40", "1E-40", "2026-02-30T00:00:00Z", "\x00\x1b[2J"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(node, path=()):
    """Every path in a decoded document, the document itself included."""
    yield path
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from places(child, (*path, key))


def replaced(node, path, value):
    if not path:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[path[0]] = replaced(node[path[0]], path[1:], value)
    return copy


@st.composite
def mutations(draw):
    name = draw(st.sampled_from(sorted(PREDICTORS)))
    make, answers = PREDICTORS[name]
    key = draw(st.sampled_from(sorted(answers)))
    if draw(st.booleans()):
        document = json.loads(answers[key])
        path = draw(st.sampled_from(list(places(document))))
        body = json.dumps(replaced(document, path, draw(json_values))).encode()
    else:
        start = draw(st.integers(0, len(answers[key])))
        body = (
            answers[key][:start]
            + draw(st.binary(max_size=9))
            + answers[key][start + draw(st.integers(0, 9)) :]
        )
    return make, answers | {key: body}


@settings(max_examples=400, deadline=None)
@given(mutations())
async def test_no_payload_raises_anything_but_a_data_error(mutation):
    make, answers = mutation
    try:
        prediction = await make(FakeHttp(answers)).predict("BTC", 8 * 3600)
    except DataError as error:
        assert error.message.isprintable()  # noqa: PT017  either outcome is allowed, each with its duty
    else:
        assert 0 < prediction.predicted_price < math.inf
