from defi_analytics.domain.market import Market, MarketKind, MarketStatus
from defi_analytics.mispricing.pairing import home_markets, pairings
from tests.builders import a_market, a_scope

HOME = a_market()


def _paired(*others: Market, home: Market = HOME, against: tuple[str, ...] = ("binance",)) -> list[Market]:
    markets = {m.key: m for m in (home, *others)}
    found = pairings(markets, a_scope([home], *against))
    assert all(pair.home is home for pair in found)
    return [pair.reference for pair in found]


def test_the_same_asset_in_the_same_money_is_paired() -> None:
    other = a_market("binance")
    assert _paired(other) == [other]


def test_each_venue_gives_one_market_in_the_order_of_preference() -> None:
    okx, binance = a_market("okx"), a_market("binance")
    assert _paired(okx, binance, against=("binance", "okx")) == [binance, okx]


def test_the_nearest_is_of_the_same_kind_before_the_same_quote_before_the_most_liquid_dollar() -> None:
    perp = a_market("binance", market_id="1", kind=MarketKind.PERPETUAL)
    usdc = a_market("binance", quote="USDC", market_id="2")
    usd = a_market("binance", quote="USD", market_id="0")
    same = a_market("binance", market_id="9")
    assert _paired(perp) == [perp]
    assert _paired(perp, usd) == [usd]
    assert _paired(perp, usd, usdc) == [usdc]
    assert _paired(perp, usd, usdc, same) == [same]


def test_of_equals_the_lower_id_is_taken_whatever_the_order() -> None:
    one, two = a_market("binance", market_id="1"), a_market("binance", market_id="2")
    assert _paired(one, two) == _paired(two, one) == [one]


def test_money_that_is_not_a_dollar_pairs_only_with_itself() -> None:
    home = a_market(base="ATOM", quote="INJ")
    dollars, same = a_market("binance", "ATOM", "USDT"), a_market("binance", "ATOM", "INJ")
    assert _paired(dollars, home=home) == []
    assert _paired(dollars, same, home=home) == [same]
    assert _paired(a_market("binance", quote="BTC")) == []


def test_a_ticker_proves_nothing() -> None:
    assert _paired(a_market("binance", base="", ticker="INJ/USDT")) == []
    assert _paired(a_market("binance", base="INJX", ticker="INJ/USDT")) == []


def test_a_market_that_is_not_open_is_not_compared() -> None:
    assert _paired(a_market("binance", status=MarketStatus.PAUSED)) == []


def test_a_venue_that_was_not_asked_for_is_not_compared() -> None:
    assert _paired(a_market("okx")) == []


def test_a_market_is_never_its_own_reference() -> None:
    perp = a_market(market_id="perp", kind=MarketKind.PERPETUAL)
    assert _paired(against=("injective",)) == []
    assert _paired(perp, against=("injective",)) == [perp]


def test_only_open_and_known_markets_in_scope_can_be_judged() -> None:
    shut = a_market(market_id="shut", status=MarketStatus.CLOSED)
    unknown = a_market(base="", market_id="unknown")
    outside = a_market(market_id="outside")
    markets = {m.key: m for m in (shut, HOME, unknown, outside)}
    assert list(home_markets(markets, a_scope([shut, HOME, unknown]))) == [HOME]
