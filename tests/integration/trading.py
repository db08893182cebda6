"""A live or paper agent in the sandbox, in one process: real sockets, and a time that only sleeping moves."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from defi_analytics.app.live import live_trader
from defi_analytics.app.opening import injective_network, pointed_at, policy_of
from defi_analytics.app.parts import App
from defi_analytics.app.signing import Asked
from defi_analytics.app.trading import RunRequest, opened_agent, paper_trader
from defi_analytics.clock import WallClock
from defi_analytics.config.settings import InjectiveSettings, KeySettings, SandboxSettings, Settings
from defi_analytics.engine.agent import Agent, Cycle
from defi_analytics.engine.policy import Policy
from defi_analytics.http.client import Http
from defi_analytics.keys.passphrase import VARIABLE
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.sandbox import Sandbox
from tests.integration import entrusted
from tests.keys import sealed

MARKETS = ("INJ/USDT", "WETH/USDT", "INJ/USDT PERP", "SOL/USDT PERP")
SOAK = os.environ.get("DEFI_SOAK") == "1"
EVERY_BLOCKS = 1 if SOAK else 8
"""Between two rounds."""
PATIENCE_S = 60.0
START = datetime(2026, 1, 2, 12, 10, tzinfo=UTC)


class SleptClock:
    """Moves by what is slept, at once: blocks are made while the agent waits, and never while it works."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        return 1_000.0 + self.elapsed_s

    async def sleep(self, seconds: float) -> None:
        self.elapsed_s += seconds
        await asyncio.sleep(0)


@dataclass
class Stage:
    """Where an agent trades, and for how long."""

    sandbox: Sandbox
    app: App
    clock: SleptClock | WallClock
    markets: tuple[str, ...] = MARKETS
    cycles: list[Cycle] = field(default_factory=list)

    @asynccontextmanager
    async def agent(self, *strategies: str, blocks: int, live: bool, **policy: Any) -> AsyncIterator[Agent]:
        block_s = self.sandbox.block_s
        how = Policy(EVERY_BLOCKS * block_s, None, blocks * block_s, settle_s=block_s, **policy)
        request = RunRequest(strategies, self.markets)
        environ = {VARIABLE: sealed.PHRASE}
        opening = (
            live_trader(self.app, Asked(may_ask=False), environ, "", print)
            if live
            else nullcontext(paper_trader(self.app))
        )
        async with opening as trader, opened_agent(self.app, trader, request, how) as agent:
            agent.watch = self.cycles.append
            yield agent


def quick_folder() -> Path:
    """In memory where the system has such a place: it is not the disk that is tested here."""
    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))


@asynccontextmanager
async def staged(
    home: Path, seed: int = 3, *, hot: bool = False, slept: bool = True, **world: Any
) -> AsyncIterator[Stage]:
    """`hot` lets a key trade that may do nothing else, on a subaccount of whoever owns the funds.

    Where time is not `slept`, blocks go on while the agent works.
    """
    clock: SleptClock | WallClock = SleptClock() if slept else WallClock()
    async with Sandbox(seed, clock, **world) as sandbox:
        port = int(sandbox.url.rpartition(":")[2])
        own = pointed_at(settings(home, seed, port), sandbox.endpoints)
        if hot:
            own = replace(own, keys=KeySettings("agent", DEV_ADDRESS, entrusted.INDEX))
            sealed.store(home)
            trust(sandbox)
            await clock.sleep(sandbox.block_s)
            sandbox.moment()  # the block in which it happens
        # HTTP keeps to real time, and a busy machine is no failure; without a folder it keeps no file per host.
        async with Http(WallClock(), replace(policy_of(own), deadline_s=PATIENCE_S)) as http:
            yield Stage(sandbox, App(own, http, clock, injective_network(own)), clock)


def trust(sandbox: Sandbox) -> None:
    chain, until = sandbox.chain, sandbox.clock.now() + timedelta(days=30)
    chain.fund(sealed.ADDRESS, "inj", entrusted.GAS_WEI)
    owner = chain.accounts.ensure(DEV_ADDRESS)
    owned = chain.ledger.balances(DEV_ADDRESS).items()
    told = chain.broadcast(entrusted.trust(owner.number, owner.sequence, owned, until))
    assert told.code == 0, told.log


def settings(home: Path, seed: int, port: int) -> Settings:
    return Settings(
        home=home,
        injective=InjectiveSettings(network="sandbox"),
        sandbox=SandboxSettings(seed=seed, port=port),
    )
