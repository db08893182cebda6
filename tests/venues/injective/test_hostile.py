"""Whatever bytes arrive, the parsers answer with a value or with an error of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import DataError, Malformed
from defi_analytics.venues.injective import books, charts, funding, markets, oracle
from defi_analytics.venues.injective.assets import assets_of
from tests.fakes import NOON
from tests.venues.injective.payloads import BTC_FEED, body, book, market, perp, spot, tops

ASSETS, INJ = assets_of("injective-1"), market()
BEST = tops("5.1", "5", "5.2")
TERMS = {
    "hourly_funding_rate_cap": "0.000625",
    "hourly_interest_rate": "0.000004",
    "next_funding_timestamp": "1748962800",
    "funding_interval": "3600",
}
ACCOUNT = {"cumulative_funding": "0.14", "last_timestamp": "1748959200"}
BOOK = book([("5.000000000000000000", "1.5")], [("6.000000000000000000", "2")], seq="7")
INDEXED = body({"orderbook": {"sequence": "7", "timestamp": "1702044336800", "buys": [], "sells": [{"price": "0.000000000005", "quantity": "10"}]}})  # fmt: skip
PYTH = {
    "price_id": BTC_FEED,
    "conf": "1.5",
    "publish_time": "1748959200",
    "price_state": {"price": "64000.5"},
}
PARSERS = {
    "book": (BOOK, lambda b: books.parse_order_book("x", b, INJ, NOON, 100)),
    "indexer book": (INDEXED, lambda b: books.parse_indexer_order_book("x", b, INJ, NOON, 100)),
    "spot": (
        body({"markets": [{"market": spot(), "mid_price_and_tob": BEST}, spot()]}),
        lambda b: markets.parse_spot_markets("x", b, ASSETS, NOON),
    ),
    "derivatives": (
        body({"markets": [{"market": perp(), "mark_price": "64250.5", "mid_price_and_tob": BEST}]}),
        lambda b: markets.parse_derivative_markets("x", b, ASSETS, NOON),
    ),
    "indexer markets": (
        body({"market": spot()}),
        lambda b: markets.parse_indexer_markets("x", b, ASSETS, MarketKind.SPOT),
    ),
    "pyth": (body({"price_states": [PYTH]}), lambda b: oracle.parse_pyth_price_states("x", b, ASSETS)),
    "pair": (
        body({"price_pair_state": {"pair_price": "64000.1", "base_timestamp": "1748959200"}}),
        lambda b: oracle.parse_oracle_price("x", b),
    ),
    "candles": (
        body(
            {"t": [1, 2], "o": [1.5, 2], "h": [2, 2.5], "l": [1, 1.5], "c": [1.5, 2], "v": [0, 1], "s": "ok"}
        ),
        lambda b: charts.parse_candles("x", b),
    ),
    "funding": (
        body({"market": {"perpetual_info": {"market_info": TERMS, "funding_info": ACCOUNT}}}),
        lambda b: funding.parse_funding("x", b),
    ),
    "rates": (
        body({"fundingRates": [{"rate": "0.000038", "timestamp": 1779289200163}]}),
        lambda b: funding.parse_funding_rates("x", b, INJ.market_id),
    ),
}
WEIRD = [
    b"null", b"true", b"[]", b"{}", b"-1", b"1e999", b'"nan"', b'"-inf"', b'"1e400"', b'"1e-400"', b"1e-400",
    b'"' + b"9" * 400 + b'"', b"9" * 5_000, b'""', b'"\\u0000\\u001b"', b'"\\ud800"', b"NaN", b'"\xff"',
    b"[" * 3_000 + b"]" * 3_000,
]  # fmt: skip
TOKENS = (b'"', b":", b",", b"{", b"}", b"[", b"]")


@st.composite
def mutated(draw, good: bytes) -> bytes:
    """The good bytes with a span replaced by nothing, by something odd, or by another span of theirs."""
    out = good
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(out)))
        end = draw(st.integers(start, min(len(out), start + draw(st.sampled_from([1, 8, 64, 10_000])))))
        filling = draw(
            st.one_of(
                st.just(b""), st.sampled_from(WEIRD), st.sampled_from(TOKENS), st.binary(max_size=6),
                st.just(out[:end]),
            )
        )  # fmt: skip
        out = out[:start] + filling + out[end:]
    return out


@st.composite
def with_odd_value(draw, good: bytes) -> bytes:
    """The good bytes with one JSON value replaced by an odd one, so that the rest still parses."""
    starts = [i + 1 for i, byte in enumerate(good) if byte in b":["]
    start = draw(st.sampled_from(starts))
    while good[start : start + 1] == b" ":
        start += 1
    end = start + 1
    if good[start : start + 1] == b'"':
        end = good.index(b'"', start + 1) + 1
    else:
        while end < len(good) and good[end] not in b",]}":
            end += 1
    return good[:start] + draw(st.sampled_from(WEIRD)) + good[end:]


@pytest.mark.parametrize("name", PARSERS)
@given(data=st.data())
def test_a_mutated_answer_is_read_or_malformed(name, data):
    good, parse = PARSERS[name]
    answer = data.draw(st.one_of(mutated(good), with_odd_value(good)))
    error = None
    try:
        parse(answer)
    except DataError as raised:
        error = raised
    # Two sound answers have errors of their own: no funding, and a service that reports its failure.
    assert error is None or isinstance(error, Malformed) or name in {"candles", "funding"}
    assert error is None or len(error.message) < 400


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize("odd", WEIRD, ids=range(len(WEIRD)))
def test_an_answer_that_is_one_odd_value_is_malformed(name, odd):
    with pytest.raises(Malformed):
        PARSERS[name][1](odd)


@pytest.mark.parametrize("name", sorted(set(PARSERS) - {"indexer markets"}))
def test_the_answers_that_are_mutated_are_good_to_begin_with(name):
    good, parse = PARSERS[name]
    assert parse(good) is not None
