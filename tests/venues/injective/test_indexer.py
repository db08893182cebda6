from defi_analytics.domain.market import MarketKind
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.indexer import InjectiveIndexer
from defi_analytics.venues.injective.networks import TESTNET
from tests.fakes import NOON, FakeClock, FakeHttp
from tests.shared_data import shared
from tests.venues.injective.payloads import body, market, market_id

API = f"GET {TESTNET.indexer_url}/api/exchange"


def indexer(answers):
    http = FakeHttp(answers)
    return InjectiveIndexer(http, FakeClock(), TESTNET, assets_of("injective-888")), http


async def test_markets_are_listed_by_kind():
    docs = "samples/injective/indexer_docs/"
    spot_list = shared(docs + "spotrpc.markets.python.json").read_bytes()
    perp = shared(docs + "derivativesrpc.market.python.json").read_bytes()
    reader, http = indexer({"/spot/v1/markets": spot_list, "/derivative/v1/markets": perp})
    spots = await reader.markets(MarketKind.SPOT)
    perps = await reader.markets(MarketKind.PERPETUAL)
    assert [m.base for m in (*spots.markets.values(), *perps.markets.values())] == ["INJ", "INJ"]
    assert http.requests == [
        f"{API}/{kind}/v1/markets?marketStatus=active" for kind in ("spot", "derivative")
    ]


async def test_books_have_a_path_by_kind():
    answer = body({"orderbook": {"sequence": "5", "timestamp": "0", "buys": [], "sells": []}})
    reader, http = indexer({"orderbook": answer})
    assert (await reader.order_book(market())).at == NOON
    assert (await reader.order_book(market(MarketKind.PERPETUAL), 5)).sequence == 5
    assert http.requests == [
        f"{API}/spot/v2/orderbook/{market_id(1)}?depth=100",
        f"{API}/derivative/v2/orderbook/{market_id(1)}?depth=5",
    ]


async def test_funding_rates_are_asked_for_within_the_indexers_limit():
    reader, http = indexer({"fundingRates": body({"fundingRates": [{"rate": "-0.0001", "timestamp": 1}]})})
    (rate,) = await reader.funding_rates(market(MarketKind.PERPETUAL), 5_000)
    assert rate.rate == -0.0001
    assert http.requests == [f"{API}/derivative/v1/fundingRates?marketId={market_id(1)}&limit=100"]
