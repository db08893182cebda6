"""What a run may not do however long it goes on: grow.

A few thousand rounds cannot tell a slope of 50 kB per thousand rounds from one block that the allocator asks
of the system, so what is judged here is what Python itself still holds, and resident memory only roughly.
DEFI_SOAK=1 runs the 17,280 rounds of a day, live ones in a sandbox too, and judges resident memory by the
limit itself.
"""

import asyncio
import gc
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil
import pytest

from defi_analytics.clock import WallClock
from defi_analytics.engine.agent import Agent
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.storage.journal import SqliteJournal
from tests.cli.harness import command, process_environment
from tests.engine.trading import PERP, World, an_agent
from tests.integration.trading import quick_folder, staged

SOAK = os.environ.get("DEFI_SOAK") == "1"
ALONE = os.environ.get("DEFI_ALONE") == "1"
"""Whether this process does nothing else: what measures coverage, and earlier tests, hold memory too."""
DAY = 17_280
SAMPLES = 40
MOST_RSS = 200 * 2**20
KB_PER_1000 = 50.0
BLOCK_BYTES = 100.0
"""About what one of Python's small objects takes."""
ROUGH_HELD_KB_PER_1000 = 200.0
"""Of a few hundred rounds: less is the noise of caches that fill."""
GROWN_KB = 3_000.0
"""A few blocks that the allocator takes at once."""

pytestmark = pytest.mark.timeout(14_400 if SOAK else 300)


@pytest.fixture
def home() -> Iterator:
    folder = quick_folder()
    yield folder
    shutil.rmtree(folder)


@dataclass
class Samples:
    rounds: list[int] = field(default_factory=list)
    rss: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)

    def take(self, number: int) -> None:
        gc.collect()
        self.rounds.append(number)
        self.rss.append(psutil.Process().memory_info().rss / 1_000)
        self.blocks.append(sys.getallocatedblocks() * BLOCK_BYTES / 1_000)

    def note(self, told: dict[str, int]) -> None:
        """As another process tells it in its status file."""
        self.rounds.append(told["cycles"])
        self.rss.append(told["rss_bytes"] / 1_000)

    def check(self) -> None:
        rss, held = slope(self.rounds, self.rss), slope(self.rounds, self.blocks)
        told = (
            f"{rss:.1f} kB resident and {held:.1f} kB of objects more in each thousand of {self.rounds[-1]}"
        )
        assert held <= (KB_PER_1000 if SOAK else ROUGH_HELD_KB_PER_1000), told
        if SOAK:
            assert rss <= KB_PER_1000, told
        grown = self.rss[-1] - self.rss[len(self.rss) // 2]
        assert grown <= GROWN_KB, f"{grown:.0f} kB more resident after the second half"
        assert self.rss[-1] * 1_000 <= MOST_RSS, told


def slope(rounds: list[int], values: list[float]) -> float:
    """Per thousand rounds, by least squares over the second half."""
    half = len(rounds) // 2
    x, y = rounds[half:], values[half:]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covered = sum((a - mean_x) ** 2 for a in x)
    return 1_000 * sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / covered


def test_a_slope_is_what_grows_in_the_second_half():
    rounds = list(range(0, 4_000, 100))
    assert slope(rounds, [r * 0.05 for r in rounds]) == pytest.approx(50.0)
    assert slope(rounds, [min(r, 1_000.0) for r in rounds]) == pytest.approx(0.0)


def alone(name: str) -> None:
    """One test of this file in a process of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("COVERAGE", "PYTEST"))}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n0",
            "--no-cov",
            "-p",
            "no:cacheprovider",
            f"{__file__}::{name}",
        ],
        env={**environment, "DEFI_ALONE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-3_000:]


@pytest.mark.skipif(ALONE, reason="this is that process")
@pytest.mark.parametrize(
    "name",
    [
        "test_trading_round_after_round_keeps_nothing_but_the_last_orders",
        "test_looking_round_after_round_leaves_no_socket_task_or_memory_behind",
    ],
)
def test_memory_is_judged_in_a_process_that_does_nothing_else(name):
    alone(name)


@pytest.mark.skipif(not ALONE, reason="run by the test above in a process of its own")
async def test_trading_round_after_round_keeps_nothing_but_the_last_orders(home):
    """Entries, exits and stops in every second round, with the journal on the disk."""
    rounds = DAY if SOAK else 2_000
    world = World(PERP)
    with SqliteJournal(home / "journal.sqlite") as journal:
        limits = an_agent(world).terms.limits._replace(
            max_daily_trades=10**6, max_orders_per_minute=10**6, max_gas_per_day=10.0**6
        )
        agent = an_agent(world, journal, limits=limits)
        samples = Samples()
        for number in range(rounds):
            world.show(*(25.0, 25.3) if number % 4 < 2 else (25.3, 25.0))
            await agent.cycle()
            if number % (rounds // SAMPLES) == 0:
                samples.take(number)
    books = agent.ledger.books
    chain = agent.execution.chain
    assert chain._signed > rounds / 2, "it has traded all the while"
    assert len(books.orders) <= 1_000 + 10
    assert len(books._counted) <= 1_000
    assert max(map(len, (chain._included, chain._cancelled, chain._took_all, chain._fills))) <= 1_000
    samples.check()


@pytest.mark.skipif(not ALONE, reason="run by a test above in a process of its own")
async def test_looking_round_after_round_leaves_no_socket_task_or_memory_behind(home):
    """Real sockets, and blocks that stand: what the sandbox remembers of each block is not the agent's."""
    rounds = DAY if SOAK else 600
    async with staged(home, calm=True, hold=True) as stage:
        stage.markets = ("INJ/USDT", "INJ/USDT PERP")
        async with stage.agent("convergence", blocks=1, live=False) as agent:
            samples = await watched(agent, rounds)
            samples.check()


async def watched(agent: Agent, rounds: int) -> Samples:
    samples, process = Samples(), psutil.Process()
    first: tuple[int, int] | None = None
    for number in range(rounds):
        await agent.cycle()
        if number % (rounds // SAMPLES) == 0:
            samples.take(number)
        if number == rounds // 2:
            first = process.num_fds(), len(asyncio.all_tasks())
    assert (process.num_fds(), len(asyncio.all_tasks())) == first
    return samples


@pytest.mark.skipif(
    importlib.util.find_spec("pyinjective") is None or sys.version_info >= (3, 13),
    reason="the official SDK is not installed: pip install defi-analytics[injective]",
)
async def test_a_live_run_with_everything_loaded_stays_below_its_limit(home):
    """In a process of its own, so that what the sandbox remembers is not the agent's."""
    rounds = DAY if SOAK else 5
    samples = Samples()
    async with Sandbox(3, WallClock(), block_s=0.1) as sandbox:
        port = sandbox.url.rpartition(":")[2]
        environment = process_environment(DEFI_SANDBOX__PORT=port, DEFI_HOME=str(home), HOME=str(home))
        status = home / "status.json"
        args = ["run", "--network", "sandbox", "--live", "--cycles", str(rounds), "--interval", "50ms"]
        child = await asyncio.create_subprocess_exec(
            *command(*args, "--status-file", str(status)),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        ended = asyncio.create_task(child.communicate())
        while not (await asyncio.wait({ended}, timeout=1))[0]:
            if status.exists():
                samples.note(json.loads(status.read_text())["process"])
        _, err = await ended
        assert child.returncode == 0, err
    process = json.loads(status.read_text())["process"]
    assert process["rss_bytes"] <= MOST_RSS
    if SOAK:
        assert process["cycles"] == rounds
        assert slope(samples.rounds, samples.rss) <= KB_PER_1000
