import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.market import MarketKind, MarketStatus
from defi_analytics.errors import Malformed, NotFound, RateLimited, Unavailable
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.blocks import parse_block
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from defi_analytics.venues.injective.markets import parse_spot_markets
from defi_analytics.venues.injective.networks import MAINNET
from tests.fakes import NOON, FakeClock, FakeHttp
from tests.shared_data import shared_json
from tests.venues.injective.payloads import (
    INJ_USDT_ID,
    block,
    body,
    book,
    market,
    market_id,
    perp,
    spot,
    tops,
)

SPOTS, PERPS = "/exchange/v2/spot/full_markets", "/exchange/v2/derivative/markets"
BLOCK = "/cosmos/base/tendermint/v1beta1/blocks/latest"
SPOT_LIST = body({"markets": [{"market": spot(), "mid_price_and_tob": tops("5.1", "5", "5.2")}]})
FUTURE = perp(market_id=market_id(8), isPerpetual=False)
PERP_LIST = body(
    {"markets": [{"market": perp(), "mark_price": "64250"}, {"market": FUTURE, "mark_price": "6"}]}
)


def venue(answers, **options):
    http, clock = FakeHttp(answers), FakeClock()
    return InjectiveMarketData(http, clock, MAINNET, assets_of("injective-1"), **options), http, clock


async def test_a_listing_is_two_requests_and_holds_both_kinds():
    injective, http, _ = venue({SPOTS: SPOT_LIST, PERPS: PERP_LIST})
    listing = await injective.listing()
    assert (listing.venue, injective.venue) == ("injective", "injective")
    assert set(listing.markets) == {INJ_USDT_ID, market_id(7), market_id(8)}
    assert listing.tops[INJ_USDT_ID].bid == 5.0
    assert listing.tops[market_id(7)].mark == 64250.0
    assert listing.tops[market_id(7)].at == NOON
    assert listing.problems == ()
    query = "?status=Active&with_mid_price_and_tob=true"
    lcd = f"GET {MAINNET.lcd_url}/injective"
    assert http.requests == [f"{lcd}{SPOTS}{query}", f"{lcd}{PERPS}{query}"]


@pytest.mark.parametrize(
    ("kinds", "asked", "found"),
    [
        ({MarketKind.SPOT}, [SPOTS], {INJ_USDT_ID}),
        ({MarketKind.PERPETUAL}, [PERPS], {market_id(7)}),
        ({MarketKind.FUTURE}, [PERPS], {market_id(8)}),
    ],
)
async def test_a_listing_of_one_kind_is_one_request(kinds, asked, found):
    injective, http, _ = venue({SPOTS: SPOT_LIST, PERPS: PERP_LIST}, kinds=frozenset(kinds))
    listing = await injective.listing()
    assert set(listing.markets) == set(listing.tops) == found
    assert [path for path in (SPOTS, PERPS) if any(path in request for request in http.requests)] == asked
    assert len(http.requests) == 1


async def test_one_failing_list_does_not_lose_the_other():
    limited = RateLimited("injective", "asked to wait", retry_after_s=5)
    injective, _, _ = venue({SPOTS: SPOT_LIST, PERPS: limited})
    listing = await injective.listing()
    assert set(listing.markets) == {INJ_USDT_ID}
    (problem,) = listing.problems
    assert (problem.code, problem.retryable, problem.source) == ("RATE_LIMITED", True, "injective")
    injective, _, _ = venue({SPOTS: b"<html>", PERPS: PERP_LIST})
    listing = await injective.listing()
    assert [problem.code for problem in listing.problems] == ["MALFORMED"]
    assert market_id(7) in listing.markets


NONE, PARAMS = body({"markets": []}), "/exchange/v2/exchange/exchangeParams"
MODE = body({"params": {"post_only_mode_height_threshold": "0", "minimal_protocol_fee_rate": "0.00005"}})


def watching(*known, paused=NONE, **answers):
    """A venue that is to tell of these whatever became of them; `paused` lists what is paused."""
    told = {f"{PERPS}?status=Paused": NONE, "status=Paused": paused, PARAMS: MODE, BLOCK: block()}
    told |= {f"status={status}": NONE for status in ("ForcePaused", "Demolished", "Expired")}
    told |= {SPOTS: SPOT_LIST, PERPS: PERP_LIST}
    injective, http, clock = venue({**answers, **{k: v for k, v in told.items() if k not in answers}})
    injective.known = tuple(known)
    return injective, http, clock


def spot_market(**row):
    parsed = parse_spot_markets("injective", body({"markets": [spot(**row)]}), assets_of("injective-1"), NOON)
    return next(iter(parsed.markets.values()))


async def test_what_is_known_and_active_costs_no_further_list():
    injective, http, _ = watching(spot_market())
    listing = await injective.listing()
    assert set(listing.markets) == {INJ_USDT_ID, market_id(7), market_id(8)}
    assert (len(http.requests), listing.problems) == (4, ())


async def test_a_known_market_that_was_paused_is_told_with_its_status_and_top():
    other = spot(market_id=market_id(3), status="Paused")
    paused = body({"markets": [{"market": other, "mid_price_and_tob": tops("5.1", "5", "5.2")}]})
    injective, http, _ = watching(spot_market(), spot_market(market_id=market_id(3)), paused=paused)
    listing = await injective.listing()
    assert listing.markets[market_id(3)].status is MarketStatus.PAUSED
    assert listing.markets[INJ_USDT_ID].status is MarketStatus.ACTIVE
    assert listing.tops[market_id(3)].mid == 5.1
    asked = [request for request in http.requests if "status=Active" not in request and "markets?" in request]
    assert len(asked) == 2
    assert all(f"status=Paused&with_mid_price_and_tob=true&market_ids={market_id(3)}" in one for one in asked)


async def test_a_known_market_that_no_list_has_is_unknown_and_one_that_nobody_can_tell_of_too():
    gone = spot_market(market_id=market_id(3))
    listing = await watching(gone)[0].listing()
    assert (listing.markets[market_id(3)].status, listing.problems) == (MarketStatus.UNKNOWN, ())
    silent = Unavailable("injective", "503")
    injective, _, _ = watching(gone, **{f"{PERPS}?status=Paused": silent, "status=Paused": silent})
    listing = await injective.listing()
    assert listing.markets[market_id(3)].status is MarketStatus.UNKNOWN
    assert [problem.code for problem in listing.problems] == ["UNAVAILABLE"]
    assert listing.markets[INJ_USDT_ID].status is MarketStatus.ACTIVE


async def test_a_known_market_whose_own_list_failed_is_left_out():
    injective, _, _ = watching(
        spot_market(market_id=market_id(3)), **{f"{SPOTS}?status=Active": Unavailable("injective", "503")}
    )
    listing = await injective.listing()
    assert set(listing.markets) == {market_id(7), market_id(8)}


@pytest.mark.parametrize(
    ("more", "status"), [(1, MarketStatus.ACTIVE), (2, MarketStatus.POST_ONLY), (900, MarketStatus.POST_ONLY)]
)
async def test_after_a_standstill_the_next_blocks_take_post_only_orders_alone(more, status):
    height = parse_block("injective", block()).height
    mode = body({"params": {"post_only_mode_height_threshold": str(height + more)}})
    injective, _, _ = watching(spot_market(), **{PARAMS: mode})
    listing = await injective.listing()
    assert {market.status for market in listing.markets.values()} == {status}


async def test_a_mode_that_nobody_tells_is_a_problem_and_no_status():
    injective, _, _ = watching(spot_market(), **{PARAMS: body({"params": {"post_only": 1}, "x": "y"})})
    assert (await injective.listing()).problems == ()
    injective, _, _ = watching(spot_market(), **{PARAMS: b"{}"})
    listing = await injective.listing()
    assert [problem.code for problem in listing.problems] == ["MALFORMED"]
    assert {market.status for market in listing.markets.values()} == {MarketStatus.ACTIVE}


async def test_every_status_but_active_is_asked_for_where_no_market_is_named():
    injective, http, _ = watching(paused=body({"markets": [spot(status="Paused")]}))
    listing = await injective.inactive()
    assert [market.status for market in listing.markets.values()] == [MarketStatus.PAUSED]
    assert len(http.requests) == 8


async def test_a_listing_fails_when_every_list_does():
    injective, _, _ = venue({SPOTS: Unavailable("injective", "503"), PERPS: b"{}"})
    with pytest.raises(Unavailable, match="503"):
        await injective.listing()
    injective, _, _ = venue({SPOTS: b"{}"}, kinds=frozenset({MarketKind.SPOT}))
    with pytest.raises(Malformed):
        await injective.listing()


async def test_hostile_rows_of_both_lists_are_reported():
    spots = body({"markets": [spot(), spot(market_id="0x")]})
    perps = body({"markets": [{"market": perp()}, {"market": perp(market_id="0y")}]})
    injective, _, _ = venue({SPOTS: spots, PERPS: perps})
    assert len((await injective.listing()).problems) == 2


async def test_a_book_is_as_deep_as_asked_and_dated_by_the_block_asked_for_with_it():
    answer = book([("5", "1"), ("4", "1")], [("6", "1")], seq="9")
    injective, http, clock = venue({"/spot/orderbook/": answer, BLOCK: block()}, depth=2)
    clock.advance(3)
    read = await injective.order_book(market())
    assert (read.at, read.sequence, read.truncated) == (NOON, 9, True)
    assert http.requests == [
        f"GET {MAINNET.lcd_url}/injective/exchange/v2/spot/orderbook/{market_id(1)}?limit=2",
        f"GET {MAINNET.lcd_url}{BLOCK}",
    ]


async def test_the_book_of_a_chain_that_stopped_a_minute_ago_is_a_minute_old():
    stopped = block("2026-01-02T11:59:00.000000000Z")
    injective, _, clock = venue({"/orderbook/": book([("5", "1")], []), BLOCK: stopped})
    assert clock.now() - (await injective.order_book(market())).at == timedelta(seconds=60)


@pytest.mark.parametrize(("ahead", "told"), [("00.700000000", NOON), ("05", NOON + timedelta(seconds=5))])
async def test_a_book_is_not_dated_after_its_receipt_unless_the_clocks_are_5_s_apart(ahead, told):
    later = block(f"2026-01-02T12:00:{ahead}Z")
    injective, _, _ = venue({"/orderbook/": book([("5", "1")], []), BLOCK: later})
    assert (await injective.order_book(market())).at == told


@pytest.mark.parametrize(
    ("answer", "kind"), [(Unavailable("injective", "503"), Unavailable), (b"{}", Malformed)]
)
async def test_a_book_that_cannot_be_dated_is_no_book(answer, kind):
    injective, _, _ = venue({"/orderbook/": book([("5", "1")], []), BLOCK: answer})
    with pytest.raises(kind):
        await injective.order_book(market())


async def test_ten_books_at_once_take_eleven_requests():
    injective, http, _ = venue({"/orderbook/": book([("5", "1")], []), BLOCK: block()})
    await asyncio.gather(*(injective.order_book(market(number=n)) for n in range(10)))
    assert len(http.requests) == 11


async def test_a_derivatives_book_has_its_own_path():
    injective, http, _ = venue({"/derivative/orderbook/": book([("5", "1")], []), BLOCK: block()})
    assert not (await injective.order_book(market(MarketKind.PERPETUAL))).truncated
    assert http.requests[0].endswith("limit=100")


async def test_a_listing_already_tells_all_details():
    injective, http, _ = venue({})
    inj = market()
    assert await injective.details(inj) is inj
    assert http.requests == []


async def test_candles_come_from_the_chart_service_of_the_network():
    injective, http, _ = venue({"/api/chart/v1/spot/history": b'{"s":"no_data"}'})
    assert await injective.candles(market(), 60, NOON, NOON) == []
    assert http.requests[0].startswith(f"GET {MAINNET.chart_urls[0]}/spot/history?")


async def test_funding_of_a_perpetual():
    (row,) = shared_json("samples/injective/derived_lcd/v2_derivative_markets.json")["markets"]
    injective, http, _ = venue({f"{PERPS}/{market_id(1)}": body({"market": row})})
    funding = await injective.funding(market(MarketKind.PERPETUAL))
    assert funding.hourly_cap == Decimal("0.000625")
    assert len(http.requests) == 1
    injective, _, _ = venue({PERPS: body({"market": {"market": FUTURE}})})
    with pytest.raises(NotFound):
        await injective.funding(market(MarketKind.FUTURE))


async def test_the_funding_of_an_hour_is_asked_of_the_indexer_and_only_for_perpetuals():
    rates = [{"rate": "0.00002", "timestamp": int(NOON.timestamp() * 1000)}]
    injective, http, _ = venue({"fundingRates": body({"fundingRates": rates})})
    assert await injective.funding_hourly(market(MarketKind.PERPETUAL)) == 0.00002
    (asked,) = http.requests
    assert asked.startswith(f"GET {MAINNET.indexer_url}/api/exchange/derivative/v1/fundingRates?")
    assert asked.endswith("&limit=1")
    for kind in (MarketKind.SPOT, MarketKind.FUTURE):
        assert await injective.funding_hourly(market(kind)) is None
    assert len(http.requests) == 1
