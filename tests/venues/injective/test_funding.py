from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from defi_analytics.errors import Malformed, NotFound, Stale
from defi_analytics.venues.injective.funding import (
    FundingRate,
    latest_rate,
    parse_funding,
    parse_funding_rates,
)
from tests.fakes import NOON
from tests.shared_data import shared, shared_json
from tests.venues.injective.payloads import body, market_id

TESTNET_PERP = "0x17ef48032cb24375ba7c2e39f384e56433bcab20cbee9a7357e4cba2eb00abe6"


def one_market(**info):
    (row,) = shared_json("samples/injective/derived_lcd/v2_derivative_markets.json")["markets"]
    row["perpetual_info"]["market_info"] |= info
    return row


def test_the_chain_tells_rules_and_running_account():
    funding = parse_funding("injective", body({"market": one_market()}))
    assert (funding.hourly_cap, funding.hourly_interest) == (Decimal("0.000625"), Decimal("0.00000416666"))
    assert funding.cumulative == Decimal("0.142734053117809236")
    assert funding.interval_s == 3600
    assert funding.next_at == datetime(2025, 6, 3, 15, 0, tzinfo=UTC)
    assert funding.cumulative_at == datetime(2025, 6, 3, 14, 0, tzinfo=UTC)


def test_every_recorded_perpetual_has_funding_and_no_future_has():
    rows = shared_json("data/injective/testnet_derivative_market_data.json")["markets"]
    for row in rows:
        if row["market"]["isPerpetual"]:
            assert parse_funding("injective", body({"market": row})).interval_s == 3600
        else:
            with pytest.raises(NotFound):
                parse_funding("injective", body({"market": row}))


@pytest.mark.parametrize(
    "change",
    [
        {"funding_interval": "0"},
        {"funding_interval": "x"},
        {"next_funding_timestamp": "-1"},
        {"next_funding_timestamp": str(2**60)},
        {"hourly_funding_rate_cap": "NaN"},
        {"hourly_interest_rate": "1e999999"},
    ],
    ids=str,
)
def test_broken_funding_is_malformed(change):
    with pytest.raises(Malformed):
        parse_funding("injective", body({"market": one_market(**change)}))


@pytest.mark.parametrize("answer", [b"", b"{}", b'{"market":null}', b'{"market":{"perpetual_info":{}}}'])
def test_anything_but_a_market_is_malformed(answer):
    with pytest.raises(Malformed):
        parse_funding("injective", answer)


def test_recorded_rates_are_read_with_times_as_numbers_or_text():
    excerpt = shared("samples/injective/indexer_rest/derivative_v1_fundingRates.excerpt.json").read_bytes()
    (rate,) = parse_funding_rates("i", excerpt, TESTNET_PERP)
    assert (rate.rate, rate.at) == (0.000038, datetime(2026, 5, 20, 15, 0, 0, 163_000, tzinfo=UTC))
    documented = shared(
        "samples/injective/indexer_docs/derivativesrpc.funding_rates.python.json"
    ).read_bytes()
    rates = parse_funding_rates("i", documented, TESTNET_PERP)
    assert [r.rate for r in rates] == [0.000004] * 3
    assert [r.at for r in rates] == sorted((r.at for r in rates), reverse=True)


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [{"rate": "0.1"}],
        [{"rate": "1", "timestamp": 1}],
        [{"rate": "-1.5", "timestamp": 1}],
        [{"rate": "nan", "timestamp": 1}],
        [{"rate": "0.1", "timestamp": -1}],
        [{"rate": "0.1", "timestamp": 10**30}],
        [{"rate": "0.1", "timestamp": 1, "marketId": market_id(9)}],
    ],
    ids=range(8),
)
def test_broken_rates_or_those_of_another_market_are_malformed(rows):
    with pytest.raises(Malformed):
        parse_funding_rates("i", body({"fundingRates": rows}), TESTNET_PERP)


def test_the_latest_rate_is_the_newest_whatever_the_order_and_nothing_where_none_was_charged():
    rates = [FundingRate(NOON - timedelta(minutes=m), r) for m, r in ((70, 1e-5), (10, 2e-5), (130, 3e-5))]
    assert latest_rate("x", rates, NOON) == 2e-5
    assert latest_rate("x", [], NOON) is None


@pytest.mark.parametrize(("age_s", "stale"), [(7_200, False), (7_201, True)])
def test_a_rate_of_long_ago_is_not_passed_off_as_today_s(age_s, stale):
    rates = [FundingRate(NOON - timedelta(seconds=age_s), 1e-5)]
    if not stale:
        assert latest_rate("x", rates, NOON) == 1e-5
        return
    with pytest.raises(Stale, match="2 hours old"):
        latest_rate("x", rates, NOON)
