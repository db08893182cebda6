from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.cancelling import cancel as cancel_orders
from defi_analytics.app.ledgers import opened_ledger
from defi_analytics.app.trading import Trader
from defi_analytics.app.valuing import TRADED
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder, OrderRequest, OrderState
from defi_analytics.domain.snapshot import Listing
from defi_analytics.domain.transaction import Sent, Submission, TransactionResult
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.decisions import STARTED
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import NotFound, OrderRejected, OutcomeUnknown, Unavailable, WrongState
from defi_analytics.storage.lock import AccountLock
from tests.builders import a_market
from tests.engine.trading import HOME, PERP, Failing, World
from tests.fakes import NOON

PAPER = Account("sandbox")


async def staged(home: Any, world: World, *requests: OrderRequest) -> Any:
    """An account on paper that has sent these."""
    venue: Any = world

    def chain(ledger: Ledger) -> PaperChain:
        return PaperChain(venue, world.latest, world.clock, ledger.books, {})

    app: Any = SimpleNamespace(
        settings=SimpleNamespace(home=home),
        network="testnet",
        clock=world.clock,
        chain=chain,
        told=(told := []),
        warn=told.append,
    )
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        execution = Execution(chain(ledger), ledger)
        for request in requests:
            await execution.submit([ApprovedOrder(request, 10_000, NOON)])
            await execution.settle()
        await execution.settle()
    return app


@pytest.fixture
async def app(tmp_path: Any) -> Any:
    """With two orders far below the market, resting on paper."""
    requests = [
        OrderRequest(name, HOME, Side.BUY, OrderKind.LIMIT, 20_000, 1_000, "oracle") for name in ("a", "b")
    ]
    return await staged(tmp_path, World(), *requests)


@pytest.fixture
async def guarded(tmp_path: Any) -> Any:
    """Which holds something, with its stop and another order on the book."""
    bought = OrderRequest("in", PERP, Side.BUY, OrderKind.MARKET, 26_000, 1_000, "oracle")
    rests = replace(bought, client_order_id="rests", kind=OrderKind.LIMIT, ticks=20_000)
    stop = replace(
        bought, client_order_id="out", kind=OrderKind.STOP, side=Side.SELL, ticks=20_000, trigger_ticks=21_000
    )
    return await staged(tmp_path, World(PERP), bought, rests, replace(stop, reduce_only=True))


async def cancel(app: Any, account: Account, order_ids: list[str], patience_s: float) -> list[TrackedOrder]:
    trader = nullcontext(Trader(account, app.chain))
    return await cancel_orders(app, account, trader, order_ids, patience_s)


async def test_a_key_is_asked_for_only_where_something_may_rest(app: Any) -> None:
    nobody: Any = None
    with pytest.raises(NotFound):
        await cancel_orders(app, PAPER, nobody, ["c"], 60.0)
    await cancel(app, PAPER, [], 60.0)
    assert await cancel_orders(app, PAPER, nobody, [], 60.0) == []


async def test_an_entry_that_a_dead_agent_did_not_send_is_waited_for_and_sent_by_nobody(app: Any) -> None:
    """Nothing else can be signed until it has expired."""
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        chain: Any = Failing(app.chain(ledger), "broadcast", Killed())
        request = OrderRequest("never", HOME, Side.BUY, OrderKind.MARKET, 26_000, 1_000, "oracle")
        with pytest.raises(Killed):
            await Execution(chain, ledger).submit([ApprovedOrder(request, 40, NOON)])
    orders = await cancel(app, PAPER, [], 60.0)
    assert [(one.request.client_order_id, one.state) for one in orders] == [
        ("a", OrderState.DONE),
        ("b", OrderState.DONE),
    ]
    async with opened_ledger(app, PAPER, locked=False) as ledger:
        assert ledger.books.orders["never"].state is OrderState.ABSENT


class Killed(Exception):
    """Right before any byte left."""


async def test_an_order_is_cancelled_with_proof_and_the_others_stay(app: Any) -> None:
    (done,) = await cancel(app, PAPER, ["a"], 60.0)
    assert (done.request.client_order_id, done.state) == ("a", OrderState.DONE)
    (rest,) = await cancel(app, PAPER, [], 60.0)
    assert rest.request.client_order_id == "b"
    assert await cancel(app, PAPER, [], 60.0) == []


async def test_the_stop_of_what_stays_open_goes_only_by_its_id_and_both_are_told(guarded: Any) -> None:
    (rests,) = await cancel(guarded, PAPER, [], 60.0)
    assert rests.request.client_order_id == "rests"
    closes = "`defi risk flatten --network sandbox --account paper` closes it"
    stays = f"INJ/USDT stays open, and its stop out on the book; {closes}"
    assert guarded.told == [stays]
    assert await cancel(guarded, PAPER, [], 60.0) == []
    assert guarded.told == [stays] * 2
    (stop,) = await cancel(guarded, PAPER, ["out"], 60.0)
    assert (stop.request.client_order_id, stop.state) == ("out", OrderState.DONE)
    assert guarded.told[2:] == [f"INJ/USDT stays open, without a stop; {closes}"]


async def test_a_stop_that_guards_nothing_any_more_is_taken_along(guarded: Any) -> None:
    async with opened_ledger(guarded, PAPER, locked=True) as ledger:
        execution = Execution(guarded.chain(ledger), ledger)
        sold = OrderRequest("x", PERP, Side.SELL, OrderKind.MARKET, 24_000, 1_000, "oracle", reduce_only=True)
        await execution.submit([ApprovedOrder(sold, 10_000, NOON)])
        await execution.settle()
    assert len(await cancel(guarded, PAPER, [], 60.0)) == 2
    assert guarded.told == []


async def test_blocks_are_counted_of_all_that_the_last_run_traded(
    guarded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = a_market(market_id="0xother")
    async with opened_ledger(guarded, PAPER, locked=True) as ledger:
        ledger.write(STARTED, {TRADED: [PERP.market_id, "0xother"]})
    listing = Listing("injective", {"0xother": other}, {})
    guarded.injective = lambda known: SimpleNamespace(listing=AsyncMock(return_value=listing))
    counted = set()
    monkeypatch.setattr(Execution, "settle", AsyncMock(side_effect=Unavailable("injective", "silent")))
    executed = Execution.__init__

    def made(self: Execution, *given: Any, **named: Any) -> None:
        executed(self, *given, **named)
        counted.update(market.market_id for market in self.counting.every())

    monkeypatch.setattr(Execution, "__init__", made)
    with pytest.raises(Unavailable):
        await cancel(guarded, PAPER, [], 60.0)
    assert counted == {PERP.market_id, "0xother"}


async def test_orders_go_though_nobody_lists_what_else_was_traded(guarded: Any) -> None:
    async with opened_ledger(guarded, PAPER, locked=True) as ledger:
        ledger.write(STARTED, {TRADED: ["0xother"]})
    silent = AsyncMock(side_effect=Unavailable("injective", "no answer"))
    guarded.injective = lambda known: SimpleNamespace(listing=silent)
    assert len(await cancel(guarded, PAPER, [], 60.0)) == 1
    assert "not all markets could be listed" in guarded.told[0]


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


async def test_a_cancel_that_its_node_refuses_is_a_refusal_with_its_reason(
    app: Any, monkeypatch: Any
) -> None:
    async def refused(self: Any, transaction: Any) -> Submission:
        return Submission(Sent.REJECTED, 5, "sdk", "insufficient funds\x1b[2J for fees")

    monkeypatch.setattr(PaperChain, "broadcast", refused)
    with pytest.raises(OrderRejected, match=r"insufficient funds.* for fees \(sdk 5\)") as caught:
        await cancel(app, PAPER, [], 60.0)
    assert (caught.value.order_code, caught.value.codespace) == (5, "sdk")
    assert "\x1b" not in caught.value.message


async def test_a_cancel_that_fails_in_its_block_is_a_refusal_with_its_reason(
    app: Any, monkeypatch: Any
) -> None:
    async def failed(self: Any, tx_hash: str) -> TransactionResult:
        return TransactionResult(tx_hash, 1_100, NOON, 11, "sdk", "out of gas in location", 1)

    monkeypatch.setattr(PaperChain, "find", failed)
    with pytest.raises(OrderRejected, match=r"out of gas in location \(sdk 11\)"):
        await cancel(app, PAPER, [], 60.0)


async def test_a_node_that_is_silent_after_a_cancel_is_asked_again(app: Any, monkeypatch: Any) -> None:
    find, answers = PaperChain.find, [Unavailable("injective", "down")] * 2

    async def silent(self: Any, tx_hash: str) -> TransactionResult | None:
        if answers:
            raise answers.pop()
        return await find(self, tx_hash)

    monkeypatch.setattr(PaperChain, "find", silent)
    assert len(await cancel(app, PAPER, [], 60.0)) == 2
