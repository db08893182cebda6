import json
import re
from decimal import Decimal

import pytest

from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.control import respond
from defi_analytics.sandbox.listings import SPOT
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.server import Request
from defi_analytics.sandbox.world import World
from tests.fakes import FakeClock
from tests.sandbox.chain.fakes import FakeLedger


def ask(clock, method, name, **query):
    chain = Chain(clock, FakeLedger())
    answer = respond(Request(method, f"/sandbox/{name}", tuple(query.items()), (), b""), chain)
    return answer.status, json.loads(answer.body)


@pytest.fixture
def held():
    return BlockClock(World(11), FakeClock(), 61, hold=True)


@pytest.mark.parametrize(
    ("method", "name", "blocks", "status"),
    [
        ("POST", "advance", "x", 400),
        ("POST", "advance", "-1", 400),
        ("POST", "advance", "1" * 10, 400),
        ("GET", "advance", "1", 404),
        ("POST", "status", "1", 404),
    ],
)
def test_what_is_no_order_to_advance_is_refused_and_moves_nothing(held, method, name, blocks, status):
    answer = ask(held, method, name, blocks=blocks)
    assert (answer[0], list(answer[1]), held.moment().block) == (status, ["error"], 61)


def test_blocks_that_follow_the_clock_cannot_be_advanced():
    assert ask(BlockClock(World(1), FakeClock()), "POST", "advance")[0] == 409


def test_an_advance_is_by_one_block_unless_told_and_answers_with_the_new_status(held):
    for told, block in (({}, 62), ({"blocks": "0"}, 62), ({"blocks": "4"}, 66)):
        assert ask(held, "POST", "advance", **told) == (200, ask(held, "GET", "status")[1])
        assert (held.moment().block, ask(held, "GET", "status")[1]["block"]) == (block, block)


async def test_the_truth_is_told_over_http_and_by_the_object_alike(get, sandbox):
    for _ in range(40):
        if sandbox.truth():
            break
        sandbox.advance(20)
    told = (await get("/sandbox/truth"))["planted"]
    known = sandbox.truth()
    assert known
    assert [(row["kind"], row["market_id"], row["side"]) for row in told] == [
        (one.kind, one.market_id, one.side) for one in known
    ]
    for row, one in zip(told, known, strict=True):
        assert Decimal(row["top_edge"]) == pytest.approx(one.top_edge)
        assert Decimal(row["best_quantity"]) == one.best_quantity
        assert Decimal(row["profit_quote"]) == one.profit_quote
    assert (await get("/sandbox/truth", min_edge="0.5"))["planted"] == []
    await get("/sandbox/truth", 400, min_edge="-1")
    await get("/sandbox/nope", 404)


async def test_the_status_tells_seed_fees_and_skill(get):
    status = await get("/sandbox/status")
    assert (status["seed"], status["held"], status["chain_id"]) == (11, True, "injective-777")
    assert status["taker_fees"] == {"binance": "0.001", "hyperliquid": "0.00045"}
    assert status["forecast_skill"] == 0.3


def test_every_figure_of_the_truth_is_an_exact_decimal_without_an_exponent(held):
    rows = ask(held, "GET", "truth", min_edge="0")[1]["planted"]
    assert rows
    for row in rows:
        assert re.fullmatch(r"0\.\d{18}", row["top_edge"])
        assert all(re.fullmatch(r"\d+(\.\d+)?", row[name]) for name in ("best_quantity", "profit_quote"))


def test_the_token_list_has_each_real_denomination_once_with_its_decimals_and_no_impostor(held):
    tokens = ask(held, "GET", "tokens.json")[1]
    decimals = {token["denom"]: token["decimals"] for token in tokens}
    assert len(decimals) == len(tokens)
    real = [listing for listing in SPOT if not listing.impostor]
    assert decimals == {
        **{listing.base_denom: listing.base_decimals for listing in real},
        **{listing.quote_denom: listing.quote_decimals for listing in real},
    }
    symbols = {token["denom"]: token["symbol"] for token in tokens}
    assert all(f"{symbols[one.base_denom]}/{symbols[one.quote_denom]}" == one.ticker for one in real)


V2 = "/injective/exchange/v2"
ADDRESS = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"


async def test_the_faucet_gives_chain_units_and_makes_an_account(client, get, sandbox):
    path = f"/sandbox/faucet?address={ADDRESS}&denom=inj&amount=12345"
    told = (await client.post(path)).json()
    assert told == {"address": ADDRESS, "denom": "inj", "balance": "12345"}
    account = (await get(f"/cosmos/auth/v1beta1/accounts/{ADDRESS}"))["account"]["base_account"]
    assert (account["account_number"], account["sequence"]) == ("8", "0")
    ledger = await get("/sandbox/ledger")
    assert ledger["bank"][f"{ADDRESS} inj"] == "12345"
    assert ledger["height"] == sandbox.moment().height


@pytest.mark.parametrize(
    ("address", "denom", "amount"),
    [
        (ADDRESS[:-1] + "q", "inj", "1"),
        ("", "inj", "1"),
        (ADDRESS, "", "1"),
        (ADDRESS, "in j", "1"),
        (ADDRESS, "inj", "0"),
        (ADDRESS, "inj", "1.5"),
        (ADDRESS, "inj", "9" * 31),
    ],
)
def test_the_faucet_refuses_what_it_cannot_give(held, address, denom, amount):
    status, told = ask(held, "POST", "faucet", address=address, denom=denom, amount=amount)
    assert (status, list(told)) == (400, ["error"])


async def test_faults_are_set_told_and_ended_over_http(client, get):
    body = {"seed": 4, "faults": ["latency=0.1@0.5", "halt=3"]}
    told = (await client.post("/sandbox/faults", json=body)).json()
    assert told == {"seed": 4, "on": {"latency": "0.1@0.5", "halt": "3"}, "happened": {"halt": 1}}
    assert (await get("/sandbox/faults")) == (await get("/sandbox/status"))["faults"] == told
    assert (await client.post("/sandbox/advance")).status_code == 409
    assert (await client.post("/sandbox/faults")).json()["on"] == {}


@pytest.mark.parametrize(
    "body", [b"{", b'{"faults": ["typhoon"]}', b'{"faults": 1}', b'{"fault": []}', b"\xff"]
)
async def test_what_are_no_faults_change_nothing(client, get, body):
    before = await get("/sandbox/faults")
    answer = await client.post("/sandbox/faults", content=body)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert await get("/sandbox/faults") == before


async def test_a_market_is_paused_and_opened_again_over_http(client, get):
    told = (await client.post("/sandbox/market?market=INJ/USDT")).json()
    assert told == {"market": SPOT[0].market_id, "status": "Paused"}
    query = {"status": "Paused", "market_ids": SPOT[0].market_id}
    [row] = (await get(f"{V2}/spot/markets", **query))["markets"]
    assert row["ticker"] == "INJ/USDT"
    told = (await client.post(f"/sandbox/market?market={SPOT[0].market_id}&status=Active")).json()
    assert told["status"] == "Active"
    assert SPOT[0].market_id in {row["market_id"] for row in (await get(f"{V2}/spot/markets"))["markets"]}


@pytest.mark.parametrize("query", ["market=", "market=INJ", "market=INJ/USDT&status=Asleep", ""])
async def test_what_is_no_market_and_no_status_changes_nothing(client, query):
    answer = await client.post(f"/sandbox/market?{query}")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


async def test_post_only_mode_is_told_with_its_height(client, get, sandbox):
    until = sandbox.moment().height + 8
    assert (await client.post("/sandbox/post_only?blocks=7")).json() == {"until_height": until}
    params = (await get(f"{V2}/exchange/exchangeParams"))["params"]
    assert params["post_only_mode_height_threshold"] == str(until)
    assert (await client.post("/sandbox/post_only?blocks=x")).status_code == 400


async def test_after_a_standstill_of_ten_minutes_post_only_orders_alone_are_taken(client, get, sandbox):
    height, params = sandbox.moment().height, f"{V2}/exchange/exchangeParams"
    await client.post("/sandbox/faults", json={"faults": ["halt=599"]})
    assert (await get(params))["params"]["post_only_mode_height_threshold"] == "0"
    await client.post("/sandbox/faults", json={"faults": ["halt=600"]})
    assert (await get(params))["params"]["post_only_mode_height_threshold"] == str(height + 1001)
