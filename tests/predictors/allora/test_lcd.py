import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed, NotFound, RateLimited, Unavailable
from defi_analytics.predictors.allora.lcd import LcdSource
from defi_analytics.predictors.allora.topics import bundled_registry
from tests.fakes import FakeHttp
from tests.predictors.allora.payloads import LCD, block, chain_topic, v9, v10

BTC_8H = bundled_registry().find("mainnet", "BTC")
LATEST = "latest_network_inferences/14"
RESISTANT = "latest_network_inferences_outlier_resistant/14"
BLOCK = "/blocks/900"


def not_implemented(status=501):
    error = Unavailable("allora", "allora-api.mainnet.allora.network answered 501")
    error.status = status
    return error


def answers(**changed):
    return {LATEST: v10(), RESISTANT: v10(value="63990"), BLOCK: block()} | changed


async def test_a_reading_is_three_keyless_requests():
    http = FakeHttp(answers())
    reading = await LcdSource(http).read(BTC_8H)
    assert http.requests == [
        f"GET {LCD}/emissions/v10/{LATEST}",
        f"GET {LCD}/cosmos/base/tendermint/v1beta1/blocks/900",
        f"GET {LCD}/emissions/v10/{RESISTANT}",
    ]
    assert http.headers == [{}, {}, {}]
    assert (reading.value, reading.outlier_resistant) == (Decimal("64000.5"), Decimal(63990))
    assert reading.made_at == datetime(2026, 1, 2, 11, 58, 31, 123456, tzinfo=UTC)
    assert (reading.inferers, reading.forecasters, len(reading.knots), reading.notes) == (3, 1, 5, ())


async def test_a_host_that_knows_only_v9_is_asked_twice_once():
    http = FakeHttp({"/emissions/v10/": not_implemented(), **answers(**{LATEST: v9(), RESISTANT: v9()})})
    source = LcdSource(http)
    await source.read(BTC_8H)
    assert [request.split("/")[4] for request in http.requests] == ["v10", "v9", "base", "v9"]
    await source.read(BTC_8H)
    assert len(http.requests) == 7


async def test_a_host_that_is_upgraded_meanwhile_is_learnt_anew():
    http = FakeHttp({"/emissions/v10/": not_implemented(), **answers(**{LATEST: v9(), RESISTANT: v9()})})
    source = LcdSource(http)
    await source.read(BTC_8H)
    http.answers = {"/emissions/v9/": not_implemented(), **answers()}
    http.requests.clear()
    assert (await source.read(BTC_8H)).forecasters == 1
    assert [request.split("/")[4] for request in http.requests] == ["v9", "v10", "base", "v10"]


@pytest.mark.parametrize(
    "words",
    [
        'host answered 404: {"code":12,"message":"Not Implemented","details":[]}',
        "host answered 404: Not Implemented",
        "host answered 404: unknown service emissions.v10.QueryService",
    ],
)
async def test_a_404_that_means_an_unknown_version_is_understood(words):
    http = FakeHttp({"/emissions/v10/": NotFound("allora", words), **answers()})
    assert (await LcdSource(http).read(BTC_8H)).value == Decimal("64000.5")


async def test_a_404_that_means_an_unknown_topic_is_final():
    http = FakeHttp({"/emissions/": NotFound("allora", "host answered 404: topic 14 not found")})
    with pytest.raises(NotFound, match="topic 14 not found"):
        await LcdSource(http).read(BTC_8H)
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    "error", [RateLimited("allora", "wait", retry_after_s=9), Unavailable("allora", "503")]
)
async def test_other_failures_try_no_other_version(error):
    http = FakeHttp({"/emissions/": error})
    with pytest.raises(type(error)):
        await LcdSource(http).read(BTC_8H)
    assert len(http.requests) == 1


async def test_a_host_of_none_of_our_versions_is_unavailable():
    http = FakeHttp({"/emissions/": not_implemented()})
    with pytest.raises(Unavailable, match="none of emissions v10, v9, v11"):
        await LcdSource(http).read(BTC_8H)
    assert len(http.requests) == 3


async def test_versions_and_host_can_be_chosen():
    http = FakeHttp(answers())
    source = LcdSource(http, "testnet", "http://127.0.0.1:9/", ("v12",))
    await source.read(BTC_8H)
    assert http.requests[0] == f"GET http://127.0.0.1:9/emissions/v12/{LATEST}"
    assert source.network == "testnet"


@pytest.mark.parametrize(
    ("resistant", "words"),
    [
        (NotFound("allora", "no\x1bne"), "no outlier-resistant value: allora: none"),
        (v10(nonce=840), "of another epoch"),
        (b"{", "no outlier-resistant value: allora: network inference"),
    ],
)
async def test_the_outlier_resistant_value_may_be_missing(resistant, words):
    reading = await LcdSource(FakeHttp(answers(**{RESISTANT: resistant}))).read(BTC_8H)
    assert reading.outlier_resistant is None
    assert words in reading.notes[0]


async def test_without_the_block_time_there_is_no_reading():
    with pytest.raises(Unavailable, match="gone"):
        await LcdSource(FakeHttp(answers(**{BLOCK: Unavailable("allora", "gone")}))).read(BTC_8H)


async def test_a_mistake_of_ours_is_not_hidden_behind_the_optional_request():
    http = FakeHttp({LATEST: v10(), BLOCK: block()})
    with pytest.raises(AssertionError, match="no answer"):
        await LcdSource(http).read(BTC_8H)


async def test_an_answer_about_another_topic_is_malformed():
    with pytest.raises(Malformed, match="asked for topic 14, got topic 15"):
        await LcdSource(FakeHttp(answers(**{LATEST: v10(15)}))).read(BTC_8H)


def discovery(names, inactive=()):
    found = {"next_topic_id": b'{"next_topic_id":"%d"}' % (len(names) + 1)}
    for topic_id, name in enumerate(names, start=1):
        active = b"false" if topic_id in inactive else b"true"
        found[f"is_topic_active/{topic_id}"] = b'{"is_active":%s}' % active
        found[f"topics/{topic_id}"] = chain_topic(topic_id, name)
    return found


async def test_discovery_keeps_active_topics_whose_name_is_understood():
    names = ["BTC/USD - Log Returns - 8h", "something else", "ETH/USD - Price Prediction - 8h"]
    http = FakeHttp(discovery(names, inactive={3}))
    topics = await LcdSource(http).topics()
    assert [(t.topic_id, t.asset, t.network) for t in topics] == [(1, "BTC", "mainnet")]
    assert len(http.requests) == 1 + 3 + 2


async def test_discovery_asks_at_most_five_at_a_time():
    class SlowHttp(FakeHttp):
        at_once = most = 0

        async def get(self, *args, **kwargs):
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            for _ in range(3):
                await asyncio.sleep(0)
            self.at_once -= 1
            return await super().get(*args, **kwargs)

    http = SlowHttp(discovery(["BTC 5min Prediction"] * 9))
    assert len(await LcdSource(http).topics()) == 9
    assert http.most == 5


async def test_discovery_that_fails_half_way_fails():
    answers = discovery(["BTC 5min Prediction"] * 3)
    answers["is_topic_active/2"] = Unavailable("allora", "503")
    with pytest.raises(Unavailable, match="503"):
        await LcdSource(FakeHttp(answers)).topics()


async def test_one_topic_can_be_looked_up():
    topic = await LcdSource(
        FakeHttp({"topics/90": chain_topic(90, "INJ/USD - Price Prediction - 8h")})
    ).topic(90)
    assert (topic.asset, topic.horizon_s) == ("INJ", 8 * 3600)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        (chain_topic(90, "mystery"), NotFound, "does not say"),
        (chain_topic(91, "BTC 5min"), Malformed, "got topic 91"),
    ],
)
async def test_a_topic_that_cannot_be_used_is_said_so(body, error, words):
    with pytest.raises(error, match=words):
        await LcdSource(FakeHttp({"topics/90": body})).topic(90)
