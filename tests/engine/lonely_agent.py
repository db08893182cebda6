"""An agent in a process of its own: `python -m tests.engine.lonely_agent JOURNAL SENDS LIVED [step ...]`.

Each step is one round in a forked child, which then kills itself as abruptly as a power cut would. A step is
`price/away` with faults behind it, separated by commas; LIVED is how many there were before. SENDS gets a
line for each broadcast: what it does.
"""

import asyncio
import math
import os
import resource
import signal
import sys
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from defi_analytics.domain.transaction import Block, SignedTransaction, Submission
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.engine.terms import Terms
from defi_analytics.errors import WrongState
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.strategies.registry import STRATEGIES
from tests.engine.trading import CALM, World
from tests.fakes import FakeClock

LIMITS = CALM._replace(portfolio_stop_loss=0.5, max_soft_drawdown=0.5, max_daily_trades=10_000)
"""So that only a lost day can refuse."""
HALTS = CALM._replace(max_daily_trades=10_000)


@dataclass(slots=True)
class Recorded(PaperChain):
    """Paper that also tells each broadcast to a file."""

    sends: Path = Path()

    async def broadcast(self, transaction: SignedTransaction) -> Submission:
        requests = [self.books.orders[name].request for name in transaction.client_order_ids]
        with self.sends.open("a") as file:
            file.writelines("reduces\n" if r.reduce_only else "enters\n" for r in requests)
        # Named, because a dataclass with slots is made anew and `super()` would look for the old one.
        return await PaperChain.broadcast(self, transaction)


def world_of(step: str, number: int) -> tuple[World, list[str]]:
    prices, *faults = step.split(",")
    price, _, away = prices.partition("/")
    world = World()
    world.clock = FakeClock(world.clock.now() + timedelta(seconds=20 * number))
    world.height += 200 * number
    world.oracle = float(price)
    world.show(float(price), float(away or price))
    if "nan" in faults:
        world.oracle = math.nan
    if "missing" in faults:
        world.oracle = math.nan
        world.books = {key: ([], []) for key in world.books}
    return world, faults


def agent_of(journal: SqliteJournal, sends: Path, world: World, faults: list[str]) -> Agent:
    ledger = Ledger.opened(journal, world.clock)

    async def latest() -> Block:
        block = await world.latest()
        return replace(block, at=block.at + timedelta(hours=1)) if "clock" in faults else block

    venue: Any = world
    chain = Recorded(venue, latest, world.clock, ledger.books, {"USDT": Decimal(1000)}, sends=sends)
    strategy = STRATEGIES["convergence"]
    terms = Terms(
        ((strategy, strategy.params._replace(max_notional=500.0)),), HALTS if "halts" in faults else LIMITS
    )
    policy = Policy(10.0, cycles=1, on_exit=OnExit.KEEP)
    return Agent(Execution(chain, ledger), world.look, terms, policy, world.clock)


def live(path: Path, sends: Path, step: str, number: int) -> None:
    """One round, and no more than that."""
    world, faults = world_of(step, number)
    if "full" in faults:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    try:
        journal = SqliteJournal(path, busy_s=0.2)
        asyncio.run(agent_of(journal, sends, world, faults).run())
    except WrongState as error:
        sys.stderr.write(f"{error}\n")
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def main(path: str, sends: str, lived: str, *steps: str) -> None:
    for number, step in enumerate(steps, int(lived)):
        child = os.fork()
        if child == 0:
            live(Path(path), Path(sends), step, number)
        _, status = os.waitpid(child, 0)
        if os.WTERMSIG(status) != signal.SIGKILL:
            raise SystemExit(f"step {number} {step} ended by itself")


if __name__ == "__main__":
    main(*sys.argv[1:])
