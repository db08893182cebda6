from datetime import UTC, datetime

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import Malformed, NotFound
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.networks import MAINNET
from defi_analytics.venues.injective.oracle import (
    InjectiveOracle,
    parse_oracle_price,
    parse_pyth_price_states,
)
from tests.fakes import FakeHttp
from tests.venues.injective.payloads import BTC_FEED, USDT_FEED, body, market

ASSETS = assets_of("injective-1")
AT = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
SECONDS = str(int(AT.timestamp()))


def state(feed=BTC_FEED, price="64250.500000000000000000", conf="12.500000000000000000", at=SECONDS, **more):
    held = {"price": price, "cumulative_price": "0.000000000000000000", "timestamp": SECONDS}
    return {
        "price_id": feed,
        "ema_price": price,
        "ema_conf": conf,
        "conf": conf,
        "publish_time": at,
        "price_state": held,
    } | more


def states(*rows):
    return body({"price_states": list(rows)})


def quotes(*rows):
    return parse_pyth_price_states("injective-oracle", states(*rows), ASSETS)


def test_what_it_publishes_is_told_without_asking_it():
    published = InjectiveOracle(FakeHttp({}), MAINNET, ASSETS).published
    assert published >= {"INJ", "BTC"}
    assert "TIA" not in published


def test_known_feeds_become_dollar_quotes_with_their_confidence():
    (quote,) = quotes(state(), state(feed="0x" + "1" * 64, price="x"))
    assert (quote.base, quote.quote, quote.price, quote.confidence) == ("BTC", "USD", 64250.5, 12.5)
    assert (quote.at, quote.source) == (AT, "injective-oracle")


def test_a_confidence_of_zero_states_none():
    assert quotes(state(conf="0"))[0].confidence is None


def test_of_two_prices_of_one_asset_the_later_counts():
    later = state(price="2", at=str(int(SECONDS) + 60))
    assert [quote.price for quote in quotes(later, state())] == [2.0]


@pytest.mark.parametrize(
    "change",
    [
        {"price": "0.000000000000000000"},
        {"price": "-1"},
        {"price": "nan"},
        {"price": "1e9"},
        {"conf": "-1"},
        {"conf": "inf"},
        {"at": "0"},
        {"at": "-5"},
        {"at": str(10**18)},
    ],
    ids=str,
)
def test_an_unusable_price_is_left_out_but_alone_it_is_malformed(change):
    assert [quote.base for quote in quotes(state(**change), state(feed=USDT_FEED, price="1"))] == ["USDT"]
    with pytest.raises(Malformed):
        quotes(state(**change))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"{}",
        b"[]",
        states({"price_id": BTC_FEED}),
        states(state(price_state=None)),
        b"\xff",
        states(state(at="x")),
    ],
    ids=range(7),
)
def test_anything_but_price_states_is_malformed(answer):
    with pytest.raises(Malformed):
        parse_pyth_price_states("injective-oracle", answer, ASSETS)


def test_a_chain_without_known_feeds_has_no_quotes():
    assert quotes() == quotes(state(feed="0x" + "1" * 64)) == ()


def pair(**changes):
    told = {
        "pair_price": "64000.100000000000000000",
        "base_price": "64000.1",
        "quote_price": "1",
        "base_timestamp": SECONDS,
        "quote_timestamp": str(int(SECONDS) - 30),
    }
    return body({"price_pair_state": told | changes})


def test_a_pair_is_as_old_as_its_older_side():
    price, at = parse_oracle_price("o", pair())
    assert (price, at) == (64000.1, datetime(2026, 1, 2, 11, 59, 30, tzinfo=UTC))
    assert parse_oracle_price("o", pair(quote_timestamp="0"))[1] == AT


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b'{"price":{"price":"1"}}',
        pair(pair_price="0"),
        pair(pair_price="NaN"),
        pair(base_timestamp="0", quote_timestamp="0"),
        pair(base_timestamp=str(2**63)),
    ],
    ids=range(6),
)
def test_a_pair_without_price_or_time_is_malformed(answer):
    with pytest.raises(Malformed):
        parse_oracle_price("o", answer)


async def test_all_quotes_cost_one_request():
    http = FakeHttp({"pyth_price_states": states(state())})
    oracle = InjectiveOracle(http, MAINNET, ASSETS)
    assert [quote.base for quote in await oracle.quotes()] == ["BTC"]
    assert oracle.name == "injective-oracle"
    assert http.requests == [f"GET {MAINNET.lcd_url}/injective/oracle/v1beta1/pyth_price_states"]


async def test_a_perpetuals_own_oracle_is_asked_by_its_type_and_symbols():
    http = FakeHttp({"/injective/oracle/v1beta1/price?": pair()})
    oracle = InjectiveOracle(http, MAINNET, ASSETS)
    quote = await oracle.pair_price(market(MarketKind.PERPETUAL, base="BTC"))
    assert (quote.base, quote.quote, quote.price) == ("BTC", "USDT", 64000.1)
    assert http.requests[0].endswith(f"oracle_type=Pyth&base={BTC_FEED}&quote={USDT_FEED}")
    with pytest.raises(NotFound):
        await oracle.pair_price(market())
