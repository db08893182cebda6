import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from defi_analytics.errors import AuthError, Malformed, NotFound, Unavailable
from defi_analytics.predictors.allora.api import ApiSource
from defi_analytics.predictors.allora.topics import bundled_registry
from tests.fakes import FakeHttp
from tests.predictors.allora.payloads import consumer, latest, topic_row, topics_page

KEY = "UP-0123456789"
MADE = datetime(2026, 1, 2, 11, 58, 31, 123000, tzinfo=UTC)
MAINNET_BTC = bundled_registry().find("mainnet", "BTC")
TESTNET_BTC = bundled_registry().find("testnet", "BTC", 8 * 3600)
TESTNET_BTC_RETURN = bundled_registry().find("testnet", "BTC", 3600)


def api(answers, network="mainnet", **options):
    http = FakeHttp(answers)
    return ApiSource(http, lambda: KEY, network, **options), http


async def test_mainnet_is_read_from_its_topics_rows_because_the_consumer_knows_only_testnets_ids():
    source, http = api({"/topics": topics_page([topic_row(latest=latest())])})
    reading = await source.read(MAINNET_BTC)
    assert http.requests == ["GET https://api.allora.network/v2/allora/allora-mainnet-1/topics"]
    assert http.headers == [{"x-api-key": KEY}]
    assert (reading.value, reading.naive, reading.made_at) == (Decimal("64000.5"), Decimal(64001), MADE)
    assert (reading.inferers, reading.knots, reading.age_proven) == (None, (), True)


async def test_testnet_prices_come_from_the_consumer_with_the_rows_time():
    page = topics_page([topic_row(42, "BTC/USD - 8h Price Prediction", latest=latest("1", "64001"))])
    source, http = api({"/topics": page, "/consumer/": consumer(42)}, "testnet")
    reading = await source.read(TESTNET_BTC)
    assert http.requests[1] == (
        "GET https://api.allora.network/v2/allora/consumer/ethereum-11155111"
        "?allora_topic_id=42&inference_value_type=uint256"
    )
    assert (reading.value, reading.naive, reading.made_at) == (Decimal("64000.5"), Decimal(64001), MADE)


async def test_without_the_rows_time_the_age_is_not_proven():
    source, _ = api({"/topics": topics_page([topic_row(42)]), "/consumer/": consumer(42)}, "testnet")
    reading = await source.read(TESTNET_BTC)
    assert reading.made_at == datetime(2026, 1, 2, 12, tzinfo=UTC)
    assert not reading.age_proven
    assert "when it signed" in reading.notes[0]


async def test_a_textual_timestamp_is_read_alike():
    source, _ = api(
        {"/topics": topics_page([topic_row(42)]), "/consumer/": consumer(42, timestamp="1767355200")},
        "testnet",
    )
    assert (await source.read(TESTNET_BTC)).made_at == datetime(2026, 1, 2, 12, tzinfo=UTC)


async def test_a_log_return_never_comes_from_the_unsigned_consumer():
    page = topics_page([topic_row(72, "1 hour BTC/USD Log-Return Prediction", latest=latest("-0.004", None))])
    source, http = api({"/topics": page}, "testnet")
    assert (await source.read(TESTNET_BTC_RETURN)).value == Decimal("-0.004")
    assert len(http.requests) == 1


async def test_a_topic_without_an_inference_or_without_a_row_is_not_found():
    source, _ = api({"/topics": topics_page([topic_row()])})
    with pytest.raises(NotFound, match="no inference yet"):
        await source.read(MAINNET_BTC)
    source, _ = api({"/topics": topics_page([])})
    with pytest.raises(NotFound, match="no topic 14 on mainnet"):
        await source.read(MAINNET_BTC)


async def test_an_inference_of_another_topic_is_malformed():
    source, _ = api({"/topics": topics_page([topic_row(42)]), "/consumer/": consumer(43)}, "testnet")
    with pytest.raises(Malformed, match="asked for topic 42, got topic 43"):
        await source.read(TESTNET_BTC)


@pytest.mark.parametrize(
    "error", [AuthError("refused us (401)"), NotFound("allora", "404"), Unavailable("allora", "503")]
)
async def test_what_the_client_raises_passes_through(error):
    source, _ = api({"/topics": error})
    with pytest.raises(type(error)):
        await source.read(MAINNET_BTC)


async def test_a_refusal_in_a_200_is_unavailable():
    body = json.dumps({"request_id": "r", "status": False, "apiResponseMessage": "not today"}).encode()
    source, _ = api({"/topics": body})
    with pytest.raises(Unavailable, match="not today"):
        await source.read(MAINNET_BTC)


async def test_pages_are_followed_until_the_topic_is_found():
    source, http = api(
        {
            "continuation_token=b": topics_page([topic_row(16)]),
            "continuation_token=a": topics_page([topic_row(latest=latest())], "b"),
            "/topics": topics_page([topic_row(15)], "a"),
        }
    )
    assert (await source.read(MAINNET_BTC)).value == Decimal("64000.5")
    assert len(http.requests) == 2


async def test_a_page_that_repeats_a_token_ends_the_list():
    source, http = api(
        {
            "continuation_token=b": topics_page([topic_row(3)], "a"),
            "continuation_token=a": topics_page([topic_row(2)], "b"),
            "/topics": topics_page([topic_row(1)], "a"),
        }
    )
    assert [topic.topic_id for topic in await source.topics()] == [1, 2, 3]
    assert len(http.requests) == 3


async def test_endless_new_tokens_end_too():
    pages = iter(range(10**6))
    source, http = api({"/topics": lambda _: topics_page([topic_row()], f"t{next(pages)}")})
    await source.topics()
    assert len(http.requests) == 100


async def test_inactive_topics_and_unclear_names_are_left_out():
    rows = [topic_row(1), topic_row(2, active=False), topic_row(3, active=None), topic_row(4, "Test Topic")]
    source, _ = api({"/topics": topics_page(rows)})
    assert [topic.topic_id for topic in await source.topics()] == [1]


async def test_one_topic_can_be_looked_up():
    source, _ = api(
        {"/topics": topics_page([topic_row(90, "INJ 8h Prediction"), topic_row(91, "Test Topic")])}
    )
    assert (await source.topic(90)).asset == "INJ"
    with pytest.raises(NotFound, match="does not say"):
        await source.topic(91)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.allora.network/v2",
        "https://api.upshot.xyz/v2/",
        "http://127.0.0.1:8080/v2",
        "http://localhost/v2",
        "http://[::1]:80/v2",
    ],
)
async def test_the_key_is_shown_to_alloras_hosts_and_to_ourselves(url):
    source, http = api({"/topics": topics_page([topic_row(latest=latest())])}, base_url=url)
    await source.read(MAINNET_BTC)
    assert http.headers == [{"x-api-key": KEY}]


HOSTILE = [
    "https://api.allora.com/v1",
    "https://evil.example/v2",
    "https://allora.network.evil.example/v2",
    "https://evilallora.network/v2",
    "http://api.allora.network/v2",
    "ftp://api.allora.network/v2",
    "https://evil.example\\@api.allora.network/v2",
    "https://evil.example@api.allora.network/v2",
    "https://evil.example .allora.network/v2",
    "https://evil.example\uff0f.allora.network/v2",
    "https://[::1/v2",
    "https://x.allora.network/v2#@evil.example",
    "localhost/v2",
    "",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_the_key_is_shown_to_no_other_host(url):
    with pytest.raises(AuthError) as caught:
        api({}, base_url=url)
    assert KEY not in caught.value.message + caught.value.hint
    assert caught.value.exit_code == 4


async def test_another_host_needs_to_be_allowed():
    page = topics_page([topic_row(latest=latest())])
    source, http = api({"/topics": page}, base_url="https://mirror.example/v2", allow_custom_host=True)
    await source.read(MAINNET_BTC)
    assert http.requests == ["GET https://mirror.example/v2/allora/allora-mainnet-1/topics"]


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schl\u00fcssel"])
async def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(key):
    http = FakeHttp({})
    with pytest.raises(AuthError) as caught:
        await ApiSource(http, lambda: key).read(MAINNET_BTC)
    assert not key or key not in caught.value.message
    assert http.requests == []


def test_the_key_is_neither_stored_nor_shown():
    source, _ = api({})
    assert KEY not in repr(vars(source))
