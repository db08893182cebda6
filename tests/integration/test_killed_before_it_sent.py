"""An agent dies between writing an entry down and sending it: nobody who comes after it enters for it."""

import shutil
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.cancelling import cancel
from defi_analytics.app.closing import flattened
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.live import live_trader
from defi_analytics.app.signing import Asked
from defi_analytics.domain.order import OrderState
from defi_analytics.errors import UsageError
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.venues.injective.chain.chain import InjectiveChain
from tests.integration.trading import Stage, quick_folder, staged

ACCOUNT = Account("sandbox", DEV_ADDRESS)
BOTH = ("convergence", "oracle")


class Killed(BaseException):
    """No byte of it has left."""


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch):
    home = quick_folder()
    async with staged(home) as stage:
        stage.markets = ("INJ/USDT PERP", "SOL/USDT PERP")
        with monkeypatch.context() as dying:
            dying.setattr(InjectiveChain, "broadcast", killed)
            with pytest.raises(Killed):
                await traded(stage)
        yield stage
    shutil.rmtree(home)


async def traded(stage: Stage) -> None:
    async with stage.agent(*BOTH, blocks=9_000, live=True) as agent:
        for _ in range(600):
            await agent.cycle()
            await stage.clock.sleep(8 * stage.sandbox.block_s)


async def killed(chain: Any, transaction: Any) -> Any:
    raise Killed


async def test_who_closes_or_cancels_does_not_send_it(stage: Stage) -> None:
    for _ in range(2):
        trader = live_trader(stage.app, Asked(may_ask=False), {}, "", print)
        assert await cancel(stage.app, ACCOUNT, trader, [], 60.0) == []
        trader = live_trader(stage.app, Asked(may_ask=False), {}, "", print)
        await flattened(stage.app, ACCOUNT, trader)
        await over(stage)


async def test_the_next_run_decides_anew(stage: Stage) -> None:
    async with stage.agent("convergence", blocks=100, live=True) as agent:
        await agent.run()
    await over(stage)


async def test_a_run_that_would_leave_it_to_itself_does_not_start(stage: Stage) -> None:
    """Nobody can say yet whether it holds something there."""
    stage.markets = ("WETH/USDT",)
    with pytest.raises(UsageError, match="PERP: held or ordered by an earlier run"):
        async with stage.agent("convergence", blocks=1, live=True):
            raise AssertionError("it began")


async def over(stage: Stage) -> None:
    """It is proven that it never came about, by its timeout."""
    ledger = ledger_of(stage.app.settings.home, ACCOUNT, stage.clock)
    first = next(iter(ledger.books.orders.values()))
    assert (first.state, first.filled) == (OrderState.ABSENT, 0)
