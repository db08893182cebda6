from decimal import Decimal

import pytest

from defi_analytics.sandbox.listings import FEEDS, PERPETUALS
from tests.fakes import NOON

D = Decimal
ORACLE = "/injective/oracle/v1beta1"


async def test_the_oracle_tells_each_feed_and_marks_perpetuals_with_the_pair(get):
    states = (await get(f"{ORACLE}/pyth_price_states"))["price_states"]
    prices = {state["price_id"]: D(state["price_state"]["price"]) for state in states}
    assert set(prices) == {feed.price_id for feed in FEEDS}
    perp = PERPETUALS[0]
    market = (await get(f"/injective/exchange/v2/derivative/markets/{perp.market_id}"))["market"]
    asked = {"oracle_type": "Pyth", "base": perp.oracle_base, "quote": perp.oracle_quote}
    pair = await get(f"{ORACLE}/price", **asked)
    assert pair["price_pair_state"]["pair_price"] == market["mark_price"]
    ratio = prices[perp.oracle_base] / prices[perp.oracle_quote]
    assert abs(D(market["mark_price"]) - ratio) < D("1e-15")


@pytest.mark.parametrize("form", [str, str.upper, lambda text: text.removeprefix("0x")])
async def test_a_feed_is_found_however_its_id_is_written(get, form):
    feed = FEEDS[0]
    price_id = form(feed.price_id).replace("0X", "0x")
    state = (await get(f"{ORACLE}/pyth_price", price_id=price_id))["price_state"]
    assert state["price_id"] == feed.price_id


async def test_prices_nobody_publishes_are_not_found(get):
    await get(f"{ORACLE}/pyth_price", 404, price_id="0x1")
    await get(f"{ORACLE}/price", 404, oracle_type="Band", base="INJ", quote="USDT")


async def test_a_pair_may_be_asked_by_the_number_of_its_oracle_type_and_any_way_round(get):
    async def pair(oracle_type, base, quote):
        params = {"oracle_type": oracle_type, "base": base.price_id, "quote": quote.price_id}
        return (await get(f"{ORACLE}/price", **params))["price_pair_state"]

    inj, btc = FEEDS[:2]
    there, back = await pair("9", inj, btc), await pair("pyth", btc, inj)
    assert (there["base_price"], there["quote_price"]) == (back["quote_price"], back["base_price"])
    assert D(there["pair_price"]) * D(back["pair_price"]) == pytest.approx(1)
    await get(f"{ORACLE}/price", 404, oracle_type="Pyth", base=inj.price_id)


async def test_the_confidence_of_a_price_is_four_basis_points_and_its_time_is_the_blocks(get, clock):
    clock.advance(90.9)
    for state in (await get(f"{ORACLE}/pyth_price_states"))["price_states"]:
        price = D(state["price_state"]["price"])
        assert D(state["conf"]) == pytest.approx(price * D("0.0004"), abs=D("1e-8"))
        published = {state["publish_time"], state["price_state"]["timestamp"]}
        assert published == {str(int(NOON.timestamp()) + 90)}
