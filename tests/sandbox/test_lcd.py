import re

import pytest

from defi_analytics.sandbox.listings import PERPETUALS, SPOT
from tests.shared_data import shared_json

V2 = "/injective/exchange/v2"
INJ = SPOT[0].market_id
PERP = PERPETUALS[0].market_id
DECIMAL = re.compile(r"-?\d+\.\d{18}")


def shape(value):
    """What a reader of the wire format may rely on: names, types, and how numbers are written."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str) and DECIMAL.fullmatch(value):
        return "decimal"
    return "integer" if isinstance(value, str) and value.isdecimal() else type(value).__name__


def covers(ours, theirs):
    """Everything the recorded payload has, in the same form."""
    if isinstance(theirs, dict):
        return all(name in ours and covers(ours[name], item) for name, item in theirs.items())
    if isinstance(theirs, list):
        return not theirs or covers(ours[0], theirs[0])
    return ours == theirs


@pytest.mark.parametrize(
    ("recorded", "path"),
    [
        ("v2_spot_markets", f"{V2}/spot/markets"),
        ("v2_spot_full_markets", f"{V2}/spot/full_markets?with_mid_price_and_tob=true"),
        ("v2_spot_mid_price_and_tob", f"{V2}/spot/mid_price_and_tob/{INJ}"),
        ("v2_derivative_markets", f"{V2}/derivative/markets?with_mid_price_and_tob=true"),
        ("v2_derivative_orderbook", f"{V2}/derivative/orderbook/{PERP}"),
        ("txfees_cur_eip_base_fee", "/injective/txfees/v1beta1/cur_eip_base_fee"),
    ],
)
async def test_payloads_have_every_field_of_the_chains_own_in_the_same_form(client, recorded, path):
    theirs = shape(shared_json(f"samples/injective/derived_lcd/{recorded}.json"))
    ours = shape((await client.get(path)).json())
    assert covers(ours, theirs)


async def test_an_unknown_market_is_a_404_in_the_gateways_form(get):
    recorded = shared_json("samples/injective/derived_lcd/error_not_found.json")
    for path in (f"{V2}/spot/orderbook/0x1", f"{V2}/spot/markets/{PERP}", f"{V2}/derivative/markets/{INJ}"):
        answer = await get(path, 404)
        assert (answer["code"], answer["details"]) == (recorded["code"], recorded["details"])
        assert isinstance(answer["message"], str)


async def test_a_bad_parameter_is_a_400_and_an_unknown_path_a_501(get, client):
    assert (await get(f"{V2}/spot/orderbook/{INJ}", 400, limit="-1"))["code"] == 3
    assert (await get("/injective/exchange/v9/spot/markets", 501))["code"] == 12
    sent = await client.post("/injective/exchange/v2/spot/markets", json={})
    assert (sent.status_code, sent.json()["code"]) == (501, 12)
