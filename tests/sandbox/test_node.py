import base64
from datetime import UTC, datetime

import pytest

from defi_analytics.sandbox.moment import FIRST_HEIGHT, Moment
from defi_analytics.sandbox.node import CHAIN_ID, block_hash, latest_block
from defi_analytics.sandbox.world import World
from tests.fakes import NOON


async def test_the_node_tells_its_chain_and_its_blocks(get, sandbox):
    latest = await get("/cosmos/base/tendermint/v1beta1/blocks/latest")
    header = latest["sdk_block"]["header"]
    assert datetime.fromisoformat(header["time"]).astimezone(UTC) == NOON
    assert header["height"] == str(sandbox.moment().height)
    info = await get("/cosmos/base/tendermint/v1beta1/node_info")
    assert info["default_node_info"]["network"] == header["chain_id"] == "injective-777"
    before = await get(f"/cosmos/base/tendermint/v1beta1/blocks/{int(header['height']) - 100}")
    age = NOON - datetime.fromisoformat(before["block"]["header"]["time"])
    assert age.total_seconds() == pytest.approx(65)


@pytest.mark.parametrize("height", ["x", "1", "999999999999"])
async def test_blocks_that_are_not_kept_are_refused(get, height):
    assert (await get(f"/cosmos/base/tendermint/v1beta1/blocks/{height}", 400))["code"] == 3


async def test_a_block_of_the_past_is_the_same_whenever_it_is_asked_for(get, sandbox):
    height = sandbox.moment().height
    path = f"/cosmos/base/tendermint/v1beta1/blocks/{height}"
    latest = await get("/cosmos/base/tendermint/v1beta1/blocks/latest")
    assert await get(path) == latest
    await get(path.replace(str(height), str(height + 1)), 400)
    sandbox.advance(1)
    assert (await get(path))["block_id"] == latest["block_id"]


def test_hashes_are_32_bytes_that_belong_to_one_height():
    hashes = [base64.b64decode(block_hash(height)) for height in range(FIRST_HEIGHT, FIRST_HEIGHT + 1_000)]
    assert {len(one) for one in hashes} == {32}
    assert len(set(hashes)) == 1_000


def test_a_block_names_a_chain_where_what_is_signed_here_is_worthless():
    found = latest_block(Moment(World(1), 4, NOON))
    assert found["block"] == found["sdk_block"]
    assert found["block"]["header"]["chain_id"] == CHAIN_ID
    assert CHAIN_ID not in {"injective-1", "injective-888"}
    assert found["block"]["header"]["height"] == str(FIRST_HEIGHT + 4)
