"""Whatever breaks on the way, reads raise only DataError or AuthError, and signing ExecutionError besides."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from defi_analytics.clock import WallClock
from defi_analytics.errors import AuthError, DataError, ExecutionError
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from defi_analytics.venues.injective.networks import custom
from tests.faults import KINDS, FaultServer
from tests.venues.injective.chain.kit import (
    ASSETS,
    PERP_ID,
    USDT,
    KeySigner,
    account,
    an_order,
    base_fee,
    block,
    perp,
    simulation,
    spot,
)
from tests.venues.injective.chain.kit_grants import answer, trading
from tests.venues.injective.chain.kit_history import STATUS, event, header, results, trade
from tests.venues.injective.chain.kit_holdings import (
    CONDITIONAL,
    RESTING,
    bank,
    counts,
    deposits,
    full_markets,
    orders,
    positions,
)
from tests.venues.injective.chain.kit_outcome import HASH, outcome

MARKETS = (spot(), perp())
CALLS: dict[str, Callable[[InjectiveChain], Awaitable[Any]]] = {
    "block": lambda chain: chain.block(),
    "sign": lambda chain: chain.sign([an_order()]),
    "find": lambda chain: chain.find(HASH),
    "portfolio": lambda chain: chain.portfolio(MARKETS),
    "fills": lambda chain: chain.fills(MARKETS, 1000, 1000),
    "grants": lambda chain: chain.grants(),
}


def good(path: str, body: bytes) -> bytes:
    answers = {
        "blocks/latest": block(),
        "blocks/1000": header(1000),
        "/accounts/": account(),
        "base_fee": base_fee(),
        "simulate": simulation(),
        "/txs/": outcome(),
        "/balances/": bank({"inj": "1"}),
        "subaccountDeposits": deposits(**{USDT: ("0", "1")}),
        "subaccount_positions": positions(),
        "order_metadata": counts(),
        "derivative/markets": full_markets(PERP_ID),
        "conditional": orders(CONDITIONAL),
        "orders/": orders({**RESTING, "margin": "1.000000000000000000"}),
        "status": STATUS,
        "block_results": results(1000, event(trade())),
        "grants": answer(trading()),
    }
    return next(value for key, value in answers.items() if key in path)


async def opened(server: FaultServer, http: Http) -> InjectiveChain:
    return InjectiveChain(
        http, WallClock(), custom("local", "injective-888", server.url), ASSETS, KeySigner()
    )


@pytest.mark.parametrize("name", CALLS)
async def test_the_good_answers_are_good(name: str):
    async with FaultServer(good, "ok") as server, Http(WallClock(), Policy(rate_per_s=1000)) as http:
        await CALLS[name](await opened(server, http))


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_but_the_errors_of_the_port_comes_out(kind: str):
    policy = Policy(deadline_s=0.6, attempts=1, rate_per_s=1000, breaker_failures=10_000)
    async with FaultServer(good, kind) as server, Http(WallClock(), policy) as http:
        chain = await opened(server, http)
        told = await asyncio.gather(*(call(chain) for call in CALLS.values()), return_exceptions=True)
    for name, one in zip(CALLS, told, strict=True):
        allowed = (DataError, AuthError, ExecutionError) if name == "sign" else (DataError, AuthError)
        assert not isinstance(one, BaseException) or isinstance(one, allowed), (name, one)


@pytest.mark.parametrize("seed", range(20))
async def test_nor_when_only_some_answers_break(seed: int):
    policy = Policy(deadline_s=0.6, attempts=1, rate_per_s=1000, breaker_failures=10_000)
    async with FaultServer(good, "mixed", seed) as server, Http(WallClock(), policy) as http:
        chain = await opened(server, http)
        told = await asyncio.gather(*(call(chain) for call in CALLS.values()), return_exceptions=True)
    for one in told:
        assert not isinstance(one, BaseException) or isinstance(
            one, DataError | AuthError | ExecutionError
        ), one
