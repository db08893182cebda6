import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.market import MarketKind, MarketStatus
from defi_analytics.domain.quote import Rate
from defi_analytics.mispricing.rates import ask, bid, find_rate, half_spread, mid, observed_rates
from tests.builders import a_market, a_quote, a_rate, a_top
from tests.fakes import NOON

USDC_USDT = a_market("binance", "USDC", "USDT")


def _observed(
    market=USDC_USDT, bid_price: float | None = 0.999, ask_price: float | None = 1.001
) -> tuple[Rate, ...]:
    return observed_rates({market.key: market}, {market.key: a_top(market, bid_price, ask_price)}, ())


def test_a_traded_dollar_pair_is_a_rate_with_its_spread() -> None:
    assert _observed() == (Rate("USDC", "USDT", 0.999, 1.001, "binance", NOON),)


@pytest.mark.parametrize(
    "market",
    [
        a_market("binance", "INJ", "USDT"),
        a_market("binance", "USDT", "USDT"),
        a_market("binance", "USDC", "USDT", kind=MarketKind.PERPETUAL),
        a_market("binance", "USDC", "USDT", status=MarketStatus.PAUSED),
        a_market("binance", "", "USDT", ticker="USDC/USDT"),
    ],
)
def test_only_an_open_spot_market_of_two_known_dollars_states_a_rate(market) -> None:
    assert _observed(market) == ()


@pytest.mark.parametrize("sides", [(None, 1.001), (0.999, None)])
def test_a_pair_quoted_on_one_side_states_no_rate(sides: tuple[float | None, float | None]) -> None:
    assert _observed(USDC_USDT, *sides) == ()


def test_a_pair_without_a_top_states_no_rate() -> None:
    assert observed_rates({USDC_USDT.key: USDC_USDT}, {}, ()) == ()


def test_a_published_rate_is_as_wide_as_its_confidence_and_comes_after_traded_ones() -> None:
    quotes = (a_quote("USDT", 1.0, confidence=0.002), a_quote("USDC", 1.0), a_quote("INJ", 25.0))
    rates = observed_rates(
        {USDC_USDT.key: USDC_USDT}, {USDC_USDT.key: a_top(USDC_USDT, 0.999, 1.001)}, quotes
    )
    assert [(r.base, r.quote, r.bid, r.ask) for r in rates] == [
        ("USDC", "USDT", 0.999, 1.001),
        ("USDT", "USD", 0.998, 1.002),
        ("USDC", "USD", 1.0, 1.0),
    ]


@pytest.mark.parametrize("confidence", [1.0, 1.5, float("nan")])
def test_a_quote_that_may_be_worth_nothing_is_no_rate(confidence: float) -> None:
    assert observed_rates({}, {}, [a_quote("USDT", 1.0, confidence=confidence)]) == ()


def test_one_currency_needs_no_conversion() -> None:
    assert find_rate((), "USDT", "USDT") == ()
    assert (bid(()), ask(()), mid(()), half_spread(())) == (1.0, 1.0, 1.0, 0.0)


def test_a_rate_is_used_backwards_with_its_sides_exchanged() -> None:
    (found,) = find_rate([a_rate("USDT", "USDC", 0.8, 1.25)], "USDC", "USDT") or ()
    assert (found.base, found.quote, found.bid, found.ask) == ("USDC", "USDT", 0.8, 1.25)
    (found,) = find_rate([a_rate("USDT", "USDC", 0.5, 0.625)], "USDC", "USDT") or ()
    assert (found.bid, found.ask) == (1.6, 2.0)


def test_two_rates_are_chained_through_a_third_currency() -> None:
    rates = [a_rate("USDC", "USD", 0.9, 1.1), a_rate("USDT", "USD", 0.8, 1.25)]
    path = find_rate(rates, "USDC", "USDT")
    assert path is not None
    assert [(r.base, r.quote) for r in path] == [("USDC", "USD"), ("USD", "USDT")]
    assert bid(path) == pytest.approx(0.9 / 1.25)
    assert ask(path) == pytest.approx(1.1 / 0.8)
    assert mid(path) == pytest.approx(1.0 * (1 / 1.25 + 1 / 0.8) / 2)


def test_a_direct_rate_is_preferred_to_a_chain_and_the_first_to_a_later() -> None:
    rates = [
        a_rate("USDC", "USD"),
        a_rate("USD", "USDT"),
        a_rate("USDC", "USDT", 0.99, 1.01),
        a_rate("USDC", "USDT", 0.5, 0.6),
    ]
    assert find_rate(rates, "USDC", "USDT") == (rates[2],)


@pytest.mark.parametrize("rates", [[], [a_rate("USDC", "USD")], [a_rate("INJ", "USDT")]])
def test_a_rate_that_nothing_states_is_unknown_not_one(rates: list[Rate]) -> None:
    assert find_rate(rates, "USDC", "USDT") is None


prices = st.floats(0.5, 2.0)
spreads = st.floats(0.0, 0.5)
some_rates = st.lists(
    st.builds(
        lambda pair, low, spread: a_rate(*pair, low, low * (1 + spread)),
        st.sampled_from(
            [("USDC", "USDT"), ("USDT", "USDC"), ("USDC", "USD"), ("USDT", "USD"), ("USD", "USDT")]
        ),
        prices,
        spreads,
    ),
    max_size=4,
)


@settings(max_examples=100)
@given(some_rates)
def test_a_conversion_never_earns(rates: list[Rate]) -> None:
    path = find_rate(rates, "USDC", "USDT")
    if path is None:
        return
    assert bid(path) <= mid(path) * (1 + 1e-12)
    assert mid(path) <= ask(path) * (1 + 1e-12)
    assert -1e-12 <= half_spread(path) < 1


@settings(max_examples=50)
@given(prices, spreads)
def test_there_and_back_by_one_rate_costs_its_spread(low: float, spread: float) -> None:
    rates = [a_rate("USDC", "USDT", low, low * (1 + spread))]
    there, back = find_rate(rates, "USDC", "USDT"), find_rate(rates, "USDT", "USDC")
    assert there is not None
    assert back is not None
    assert bid(there) * bid(back) == pytest.approx(1 / (1 + spread))


@pytest.mark.parametrize("sides", [(0.89, 0.95), (1.05, 1.11), (0.5, 2.0), (20.0, 21.0), (1e-9, 1.0)])
def test_a_dollar_that_is_far_from_a_dollar_states_no_rate(sides: tuple[float, float]) -> None:
    assert _observed(USDC_USDT, *sides) == ()
    middle = sum(sides) / 2
    assert observed_rates({}, {}, [a_quote("USDT", middle, confidence=middle - sides[0])]) == ()


def test_a_dollar_at_the_edge_of_what_is_believed_still_states_one() -> None:
    assert [(r.bid, r.ask) for r in _observed(USDC_USDT, 0.9, 1.1)] == [(0.9, 1.1)]


def test_a_market_of_the_home_venue_comes_after_every_other_source_however_narrow() -> None:
    home = a_market("injective", "USDC", "USDT")
    markets = {market.key: market for market in (home, USDC_USDT)}
    tops = {home.key: a_top(home, 0.9999, 1.0), USDC_USDT.key: a_top(USDC_USDT, 0.99, 1.01)}
    quotes = (a_quote("USDC", 1.0, confidence=0.001),)
    ranked = observed_rates(markets, tops, quotes, distrusted="injective")
    assert [rate.source for rate in ranked] == ["binance", "pyth", "injective"]
    assert find_rate(ranked, "USDC", "USDT") == (ranked[0],)
    trusting = observed_rates(markets, tops, quotes)
    assert [rate.source for rate in trusting] == ["injective", "binance", "pyth"]


@settings(max_examples=50)
@given(st.permutations([0.0001, 0.001, 0.01, 0.05]))
def test_the_narrowest_spread_comes_first_in_whatever_order_venues_are_listed(spreads: list[float]) -> None:
    listed = [(a_market(f"venue {n}", "USDC", "USDT"), spread) for n, spread in enumerate(spreads)]
    rates = observed_rates(
        {market.key: market for market, _ in listed},
        {market.key: a_top(market, 1 - spread, 1 + spread) for market, spread in listed},
        (),
    )
    assert [round(rate.ask - 1, 6) for rate in rates] == sorted(spreads)


def test_a_spread_is_measured_by_the_rate_it_is_of() -> None:
    """0.02 of 0.9 is wider than 0.0205 of 1.05."""
    cheap, dear = a_market("a", "USDC", "USDT"), a_market("b", "USDC", "USDT")
    tops = {cheap.key: a_top(cheap, 0.9, 0.92), dear.key: a_top(dear, 1.05, 1.0705)}
    rates = observed_rates({cheap.key: cheap, dear.key: dear}, tops, ())
    assert [rate.source for rate in rates] == ["b", "a"]
