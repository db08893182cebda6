import pytest

from defi_analytics.sandbox.chain.protojson import from_json
from defi_analytics.sandbox.ledger.order_counts import ROUTES
from defi_analytics.sandbox.listings import PERPETUALS
from tests.sandbox.chain.signing import needs_sdk
from tests.sandbox.ledger.asking import asked, moment
from tests.sandbox.ledger.still import Still, funded_ledger
from tests.sandbox.ledger.wire import ALICE, BOB, INJ_PERP, INJ_USDT, create, order, sub

BLOCK = 50
PATH = "/injective/exchange/v2/order_metadata/"


def place(ledger, *terms, market=False, block=BLOCK, derivative=True, **more):
    told = ledger.execute(create(order(*terms, **more), market=market, derivative=derivative), ALICE, block)
    assert told is not None


@pytest.fixture
def ledger():
    ledger = funded_ledger(Still(asks=(("10", 5), ("10.1", 5))))
    place(ledger, INJ_PERP, "BUY", 11, 2, margin=8, market=True, block=BLOCK - 1)
    ledger.end_block(BLOCK - 1)
    place(ledger, INJ_USDT, "SELL_PO", "9.95", 2, cid="spot", derivative=False)
    place(ledger, INJ_PERP, "BUY_PO", "9.95", 3, margin=6, cid="a")
    place(ledger, INJ_PERP, "BUY_PO", "9.94", 1, margin=6, cid="b")
    place(ledger, INJ_PERP, "SELL_PO", "10.5", "0.5", cid="reduces")
    place(ledger, INJ_PERP, "STOP_SELL", 9, 1, margin=4, trigger="9.5", cid="stop")
    place(ledger, INJ_PERP, "STOP_SELL", 9, 1, trigger="9.4", cid="protects")
    ledger.end_block(BLOCK)
    return ledger


def rows(ledger, address):
    return asked(ROUTES, moment(ledger, BLOCK), PATH + sub(address).upper().replace("0X", "0x"))["metadata"]


def test_each_side_of_every_derivative_market_is_counted_and_spot_is_not(ledger):
    found = rows(ledger, ALICE)
    assert [row["market_id"] for row in found[::2]] == [one.market_id for one in PERPETUALS]
    counted = {row["isBuy"]: row["metadata"] for row in found if row["market_id"] == INJ_PERP}
    assert counted[True] == {
        "vanilla_limit_order_count": 2,
        "reduce_only_limit_order_count": 0,
        "aggregate_reduce_only_quantity": "0.000000000000000000",
        "aggregate_vanilla_quantity": "4.000000000000000000",
        "vanilla_conditional_order_count": 0,
        "reduce_only_conditional_order_count": 0,
    }
    assert counted[False] == {
        "vanilla_limit_order_count": 0,
        "reduce_only_limit_order_count": 1,
        "aggregate_reduce_only_quantity": "0.500000000000000000",
        "aggregate_vanilla_quantity": "0.000000000000000000",
        "vanilla_conditional_order_count": 1,
        "reduce_only_conditional_order_count": 1,
    }


def test_nothing_waits_for_anyone_else_or_elsewhere(ledger):
    elsewhere = [row for row in rows(ledger, ALICE) if row["market_id"] != INJ_PERP]
    for row in (*rows(ledger, BOB), *elsewhere):
        assert {value for name, value in row["metadata"].items() if name.endswith("count")} == {0}


@needs_sdk
def test_the_official_stubs_read_it(ledger):
    answer = {"metadata": rows(ledger, ALICE)}
    read = from_json("injective.exchange.v2.QuerySubaccountOrderMetadataResponse", answer)
    assert len(read.metadata) == 2 * len(PERPETUALS)
