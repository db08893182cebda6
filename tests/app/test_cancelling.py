from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app import cancelling
from defi_analytics.app.cancelling import cancel
from defi_analytics.app.trading import Account, opened_ledger
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder, OrderRequest, OrderState
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import NotFound, OutcomeUnknown, WrongState
from defi_analytics.storage.lock import AccountLock
from tests.engine.trading import HOME, World
from tests.fakes import NOON

PAPER = Account("sandbox")


@pytest.fixture
async def app(tmp_path: Any, monkeypatch: Any) -> Any:
    """With two orders far below the market, resting on paper."""
    world = World()
    app: Any = SimpleNamespace(settings=SimpleNamespace(home=tmp_path), network="testnet", clock=world.clock)
    venue: Any = world

    def chain(app: Any, account: Account, ledger: Ledger) -> PaperChain:
        return PaperChain(venue, world.latest, world.clock, ledger.books, {})

    monkeypatch.setattr(cancelling, "chain_of", chain)
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        execution = Execution(chain(app, PAPER, ledger), ledger)
        requests = [
            OrderRequest(name, HOME, Side.BUY, OrderKind.LIMIT, 20_000, 1_000, "oracle")
            for name in ("a", "b")
        ]
        await execution.submit([ApprovedOrder(request, 10_000, NOON) for request in requests])
        await execution.settle()
        await execution.settle()
    return app


async def test_an_order_is_cancelled_with_proof_and_the_others_stay(app: Any) -> None:
    (done,) = await cancel(app, PAPER, ["a"], 60.0)
    assert (done.request.client_order_id, done.state) == ("a", OrderState.DONE)
    (rest,) = await cancel(app, PAPER, [], 60.0)
    assert rest.request.client_order_id == "b"
    assert await cancel(app, PAPER, [], 60.0) == []


async def test_an_account_that_is_traded_is_left_alone(app: Any, tmp_path: Any) -> None:
    with AccountLock(tmp_path / "accounts", "sandbox", "paper"), pytest.raises(WrongState) as error:
        await cancel(app, PAPER, ["a"], 60.0)
    assert "defi agent stop" in error.value.hint


async def test_an_order_that_does_not_rest_cannot_be_cancelled(app: Any) -> None:
    with pytest.raises(NotFound):
        await cancel(app, PAPER, ["c"], 60.0)


async def test_without_proof_in_time_nobody_claims_it_is_gone(app: Any, monkeypatch: Any) -> None:
    async def never(self: Any, tx_hash: str) -> None:
        return None

    monkeypatch.setattr(PaperChain, "find", never)
    with pytest.raises(OutcomeUnknown):
        await cancel(app, PAPER, [], 1.0)
