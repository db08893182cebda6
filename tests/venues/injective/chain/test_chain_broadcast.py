"""Every way in which sending a transaction can end, over real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.domain.transaction import Sent, SignedTransaction
from defi_analytics.errors import ExecutionError
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.networks import custom
from tests.faults import FaultServer
from tests.venues.injective.chain.kit import ASSETS, FakeNode, KeySigner, a_chain, an_order, posted_tx

QUICK = Policy(deadline_s=1.0, rate_per_s=1000, breaker_failures=100)
SENT_AND_LOST = (
    "s400",
    "s401",
    "s404",
    "s429",
    "s500",
    "s503",
    "s204",
    "s206",
    "s301_away",
    "closed_at_once",
    "rst_at_once",
    "rst_before_head",
    "rst_in_body",
    "silent",
    "stall",
    "drip_head",
    "cut_length",
    "cut_eof",
    "garbage",
    "gzip_false",
)


@asynccontextmanager
async def opened(
    good: Callable[[str, bytes], bytes], kind: str = "ok", policy: Policy = QUICK
) -> AsyncIterator[tuple[FaultServer, InjectiveChain]]:
    async with FaultServer(good, kind) as server, Http(WallClock(), policy) as http:
        network = custom("local", "injective-888", server.url)
        yield server, InjectiveChain(http, WallClock(), network, ASSETS, KeySigner())


@pytest.fixture(scope="module")
def made() -> SignedTransaction:
    return asyncio.run(a_chain(FakeNode()).sign([an_order()]))


def answering(code: int, codespace: str = "", **more: Any) -> Callable[[str, bytes], bytes]:
    def answer(path: str, body: bytes) -> bytes:
        import hashlib

        name = hashlib.sha256(posted_tx(body)).hexdigest().upper()
        response = {
            "txhash": name,
            "code": code,
            "codespace": codespace,
            "raw_log": "why",
            "height": "0",
            **more,
        }
        return json.dumps({"tx_response": response}).encode()

    return answer


@pytest.mark.parametrize(
    ("code", "codespace", "outcome"),
    [
        (0, "", Sent.ACCEPTED),
        (19, "sdk", Sent.ACCEPTED),
        (19, "exchange", Sent.REJECTED),
        (32, "sdk", Sent.REJECTED),
        (13, "sdk", Sent.REJECTED),
        (20, "sdk", Sent.REJECTED),
        (30, "sdk", Sent.REJECTED),
    ],
)
async def test_the_nodes_own_answer_decides(made, code, codespace, outcome):
    async with opened(answering(code, codespace)) as (server, chain):
        told = await chain.broadcast(made)
    assert (told.outcome, told.code, told.codespace, told.log) == (outcome, code, codespace, "why")
    assert server.requests == ["POST /cosmos/tx/v1beta1/txs"]


async def test_the_very_bytes_that_were_signed_are_sent_in_sync_mode(made):
    seen = []
    good = answering(0)
    async with opened(lambda path, body: seen.append(body) or good(path, body)) as (_, chain):
        await chain.broadcast(made)
    assert posted_tx(seen[0]) == made.tx_bytes
    assert json.loads(seen[0])["mode"] == "BROADCAST_MODE_SYNC"


@pytest.mark.parametrize("kind", SENT_AND_LOST)
async def test_whatever_goes_wrong_once_it_left_is_unknown_and_it_left_once(made, kind):
    async with opened(answering(0), kind) as (server, chain):
        told = await chain.broadcast(made)
        assert told.outcome is Sent.UNKNOWN
        assert server.connections == 1
        assert server.count <= 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"tx_response":null}',
        b'{"tx_response":{"code":"0"}}',
        b"[" * 100_000,
        b'{"tx_response":{"txhash":"AB","code":0}}',
    ],
)
async def test_an_answer_that_is_not_about_this_transaction_proves_nothing(made, body):
    async with opened(lambda path, sent: body) as (_, chain):
        assert (await chain.broadcast(made)).outcome is Sent.UNKNOWN


async def test_what_never_left_is_a_refusal_of_our_own(made):
    async with opened(answering(0)) as (server, chain):
        pass
    async with Http(WallClock(), QUICK) as http:
        told = await replace(chain, http=http).broadcast(made)
    assert (told.outcome, told.codespace, told.code) == (Sent.REJECTED, "local", 0)
    assert server.count == 0


async def test_a_host_that_is_left_alone_is_not_asked_and_that_is_not_unknown(made):
    policy = replace(QUICK, breaker_failures=2)
    async with opened(answering(0), "s500", policy) as (server, chain):
        outcomes = [await chain.broadcast(made) for _ in range(3)]
        assert [one.outcome for one in outcomes] == [Sent.UNKNOWN, Sent.UNKNOWN, Sent.REJECTED]
        assert outcomes[2].codespace == "local"
        assert server.count == 2


async def test_a_host_that_asked_us_to_wait_is_not_asked_and_that_is_not_unknown(made):
    async with opened(answering(0), "s429_ra3600") as (server, chain):
        outcomes = [await chain.broadcast(made) for _ in range(2)]
        assert [one.outcome for one in outcomes] == [Sent.UNKNOWN, Sent.REJECTED]
        assert server.count == 1


@pytest.mark.parametrize("change", [{"tx_bytes": b"other"}, {"timeout_height": 0}])
async def test_bytes_that_are_not_their_own_hash_or_never_time_out_are_not_sent(made, change):
    async with opened(answering(0)) as (server, chain):
        with pytest.raises(ExecutionError, match="nothing was sent"):
            await chain.broadcast(replace(made, **change))
        assert server.count == 0
