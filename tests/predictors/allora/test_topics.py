import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.prediction import PredictionKind
from defi_analytics.errors import NotCovered
from defi_analytics.predictors.allora.published import parse_published_topics
from defi_analytics.predictors.allora.topics import (
    Registry,
    bundled_registry,
    horizon_text,
    make_topic,
    parse_topic_name,
)
from defi_analytics.predictors.allora.wire import TopicRow
from tests.predictors.allora.payloads import sample

# network kind horizon: ids and assets, as the notes of 2026-09-05 list them.
EXPECTED = """
mainnet log-return 8h: 1 BTC, 2 ETH, 3 SOL, 19 NEAR
mainnet log-return 24h: 15 BTC, 16 ETH, 17 SOL
mainnet log-return 20m: 18 BTC
mainnet price 8h: 14 BTC, 9 ETH, 10 SOL
mainnet volatility 15m: 20 BTC, 21 ETH, 22 XRP, 23 SOL
testnet price 10m: 1 ETH, 3 BTC
testnet price 5m: 13 ETH, 14 BTC, 37 SOL, 77 BTC
testnet price 20m: 8 BNB, 9 ARB
testnet price 8h: 18 BTC, 42 BTC, 41 ETH, 38 SOL
testnet price 24h: 2 ETH, 69 BTC
testnet log-return 15m: 74 BTC, 75 ETH, 76 SOL
testnet log-return 1h: 72 BTC, 73 ETH, 56 BERA
testnet log-return 8h: 64 BTC, 65 BTC, 83 BTC, 84 ETH, 58 SOL, 71 NEAR
testnet log-return 24h: 61 BTC, 63 ETH, 62 SOL, 60 XAU
testnet log-return 7d: 67 BTC, 68 ETH, 66 SOL, 70 NEAR
testnet volatility 5m: 39 SOL
testnet volatility 15m: 79 BTC, 80 ETH, 81 XRP, 82 SOL
testnet volatility 4h: 85 ETH
testnet classification 24h: 87 GOLD, 88 XAG, 89 WTI
"""


def expected():
    for line in EXPECTED.strip().splitlines():
        head, _, members = line.partition(": ")
        network, kind, horizon = head.split()
        for member in members.split(", "):
            topic_id, asset = member.split()
            yield network, int(topic_id), asset, kind, horizon


def facts(topic):
    return topic.network, topic.topic_id, topic.asset, topic.kind.value, horizon_text(topic.horizon_s)


def everything(registry):
    return registry.topics("mainnet") + registry.topics("testnet")


def test_all_58_published_names_say_what_they_forecast():
    published = parse_published_topics(sample("docs_topics_2026-09-05.json"))
    made = [make_topic(topic.network, topic.row) for topic in published]
    assert len(made) == 58
    assert {facts(topic) for topic in made if topic} == set(expected())


def test_the_bundled_registry_is_the_published_list():
    published = parse_published_topics(sample("docs_topics_2026-09-05.json"))
    bundled = {
        (t.network, t.topic_id, t.name, t.epoch_blocks, t.playground) for t in everything(bundled_registry())
    }
    assert bundled == {(t.network, *t.row, t.sandbox) for t in published}


def test_the_bundled_registry_needs_no_recording():
    assert {facts(topic) for topic in everything(bundled_registry())} == set(expected())


@pytest.mark.parametrize(
    "name", ["", "Test Topic", "8h Prediction", "BTC Prediction", "BTC 0h", "PLAYGROUND 8h"]
)
def test_a_name_that_does_not_say_asset_and_horizon_is_not_guessed(name):
    assert parse_topic_name(name) is None
    assert make_topic("mainnet", TopicRow(1, name, 60)) is None


@given(st.text(max_size=300))
def test_no_name_a_stranger_chooses_breaks_the_parser(name):
    said = parse_topic_name(name)
    assert said is None or (said.horizon_s > 0 and 2 <= len(said.asset) <= 6)


@pytest.mark.parametrize(("asset", "topic_id"), [("BTC", 14), ("ETH", 9), ("SOL", 10), ("NEAR", 19)])
def test_without_a_horizon_mainnet_answers_for_eight_hours(asset, topic_id):
    topic = bundled_registry().find("mainnet", asset)
    assert (topic.topic_id, topic.horizon_s) == (topic_id, 8 * 3600)


@pytest.mark.parametrize(
    ("asset", "horizon_s", "topic_id"),
    [
        ("BTC", None, 72),  # one hour beats 5 and 10 minutes
        ("BNB", None, 8),  # nothing of an hour or more
        ("BTC", 8 * 3600, 42),  # a price, and asked every 35 blocks where 18 waits for 5760
        ("BTC", 300, 14),  # never playground topic 77
        ("ETH", 8 * 3600, 41),
        ("BTC", 24 * 3600, 61),  # the price topic of a day is the playground
    ],
)
def test_the_choice_among_several_topics_is_fixed(asset, horizon_s, topic_id):
    assert bundled_registry().find("testnet", asset, horizon_s).topic_id == topic_id


def test_the_newest_of_equal_topics_is_chosen():
    names = [TopicRow(i, "BTC/USD - Log Returns - 8h", 60) for i in (83, 90, 84)]
    registry = Registry(topic for row in names if (topic := make_topic("testnet", row)))
    assert registry.find("testnet", "BTC").topic_id == 90


def test_a_kind_can_be_asked_for():
    found = bundled_registry().find("mainnet", "XRP", kinds=(PredictionKind.VOLATILITY,))
    assert found.topic_id == 22


def test_inj_is_not_covered_and_the_message_says_what_is():
    with pytest.raises(NotCovered) as caught:
        bundled_registry().find("mainnet", "INJ")
    assert caught.value.exit_code == 8
    assert caught.value.message == (
        "allora: no topic of Allora's mainnet covers INJ; covered: BTC, ETH, NEAR, SOL (20m, 8h, 24h)"
    )


def test_an_asset_with_only_a_volatility_topic_has_no_price():
    with pytest.raises(NotCovered, match="covers XRP"):
        bundled_registry().find("mainnet", "XRP")


def test_a_horizon_is_met_exactly_or_not_at_all():
    with pytest.raises(NotCovered, match="no topic of Allora's mainnet for BTC in 1h, only 20m, 8h, 24h"):
        bundled_registry().find("mainnet", "BTC", 3600)


def test_an_empty_registry_covers_nothing():
    with pytest.raises(NotCovered, match="covered: nothing"):
        Registry(()).find("mainnet", "BTC")


def test_a_topic_is_found_by_id_within_its_own_network():
    registry = bundled_registry()
    mainnet, testnet = registry.get("mainnet", 14), registry.get("testnet", 14)
    assert mainnet is not None
    assert testnet is not None
    assert (mainnet.horizon_s, testnet.horizon_s) == (8 * 3600, 300)
    assert registry.get("mainnet", 72) is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(1200, "20m"), (3600, "1h"), (86400, "24h"), (604800, "7d"), (90, "90s"), (0, "0s")]
)
def test_horizons_are_written_as_people_say_them(seconds, text):
    assert horizon_text(seconds) == text
