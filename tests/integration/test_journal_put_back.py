"""A journal that is older than what is held, as of a backup: nobody takes it for the whole story."""

import shutil
from pathlib import Path

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.closing import flattened
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.app.stopping import Step
from defi_analytics.errors import Mismatch
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.storage.journal import SqliteJournal
from tests.integration.trading import Stage, quick_folder, staged

pytestmark = pytest.mark.filterwarnings("ignore")
ACCOUNT = Account("sandbox", DEV_ADDRESS)
BOTH = ("convergence", "oracle")


@pytest.fixture
async def stage():
    home = quick_folder()
    async with staged(home) as stage:
        stage.markets = ("INJ/USDT PERP", "SOL/USDT PERP")
        yield stage
    shutil.rmtree(home)


async def holding(stage: Stage, copy: Path, rounds_more: int) -> str:
    """Until something is held; its quantity. The copy is of before."""
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        with SqliteJournal(ACCOUNT.journal(copy.parent), reading=True) as journal:
            journal.backup(copy)
        for _ in range(600):
            await agent.cycle()
            await stage.clock.sleep(8 * stage.sandbox.block_s)
            if agent.ledger.books.net:
                break
        for _ in range(rounds_more):
            await agent.cycle()
        [held] = [str(own.quantity) for own in agent.ledger.books.net.values()]
    return held


def put_back(copy: Path) -> None:
    journal = ACCOUNT.journal(copy.parent)
    for path in journal.parent.glob(f"{journal.name}*"):
        path.unlink()
    shutil.copy(copy, journal)
    journal.chmod(0o600)


async def closed(stage: Stage) -> list[Step]:
    return await flattened(stage.app, ACCOUNT, live_trader(stage.app, Asked(may_ask=False), {}, "", print))


@pytest.mark.parametrize(("rounds_more", "orders"), [(0, ""), (2, ", 1 of our orders")])
async def test_what_is_held_is_not_said_to_be_closed_and_the_next_run_counts_it(
    stage: Stage, rounds_more: int, orders: str
) -> None:
    copy = stage.app.settings.home / "old.sqlite"
    held = await holding(stage, copy, rounds_more)
    put_back(copy)
    assert not ledger_of(copy.parent, ACCOUNT, stage.clock).books.at_risk
    with pytest.raises(Mismatch) as told:
        await closed(stage)
    shown = f"and the venue shows {held} INJ on INJ/USDT PERP{orders}"
    assert told.value.message.endswith(shown)
    assert told.value.hint.endswith(f"defi reconcile {ACCOUNT.options}")
    assert told.value.exit_code == 22
    if orders:
        return
    # Its own gas, of transactions that it does not know of, keeps it from nothing.
    async with stage.agent(*BOTH, blocks=1, live=True):
        pass
    [step] = await closed(stage)
    assert step.message.startswith(f"INJ/USDT PERP: {held} closed; ")
    [step] = await closed(stage)
    assert (step.where, step.message) == ("venue", "nothing is held and nothing is open")
