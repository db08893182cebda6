"""What a person does to orders while no agent runs, on a chain that answers over real sockets: takes them off
the book, and holds the journal against the venue.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from defi_analytics.app import cancelling
from defi_analytics.app.accounts import Account
from defi_analytics.app.chains import trader_of
from defi_analytics.app.ledgers import opened_ledger
from defi_analytics.app.reconciling import compared
from defi_analytics.app.signing import Asked
from defi_analytics.app.starting import reserved_of
from defi_analytics.app.trading import RunRequest, Trader, traded_markets
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderState
from defi_analytics.engine.differences import Code
from defi_analytics.engine.execution import Execution
from defi_analytics.errors import NotFound, OrderRejected
from defi_analytics.sandbox.chain.faults import parse
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.world import BLOCK_S
from tests.integration.trading import Stage, staged
from tests.venues.injective.chain.kit import an_order

ACCOUNT = Account("sandbox", DEV_ADDRESS)
PATIENCE_S = 60.0


def by_key(app):
    return trader_of(app, ACCOUNT, Asked(), {}, print)


async def cancel(app, account, names, patience_s):
    return await cancelling.cancel(app, account, by_key(app), names, patience_s)


@dataclass
class Desk:
    stage: Stage
    spot: Market
    perp: Market
    trader: Trader

    @property
    def app(self):
        return self.stage.app

    async def blocks(self, count: int = 1) -> None:
        await self.stage.clock.sleep(count * BLOCK_S)

    async def bid(self, market: Market, name: str, *, away: str = "0.05", **more) -> ApprovedOrder:
        book = await self.app.injective().order_book(market)
        ticks = int(Decimal(repr(book.bids.prices[0])) * (1 - Decimal(away)) / market.price_tick)
        told = {"kind": OrderKind.POST_ONLY, "lots": 1000, "client_order_id": name} | more
        return an_order(market, told.pop("kind"), ticks=ticks, **told)

    async def placed(self, *orders: ApprovedOrder) -> None:
        """By the account's own agent, which is gone now."""
        async with opened_ledger(self.app, ACCOUNT, locked=True) as ledger:
            chain = self.trader.chain_of(ledger)
            await reserved_of(ledger, chain, [self.spot, self.perp], "USDT")
            execution = Execution(chain, ledger)
            for order in orders:
                await execution.submit([order])
                await self.blocks()
                await execution.settle()

    async def placed_elsewhere(self, order: ApprovedOrder) -> str:
        """With the same key, but not by this journal; its hash."""
        chain = await self.chain()
        made = await chain.sign([order])
        await chain.broadcast(made)
        await self.blocks()
        found = await chain.find(made.tx_hash)
        return found.orders[0].order_hash

    async def chain(self):
        async with opened_ledger(self.app, ACCOUNT, locked=False) as ledger:
            return self.trader.chain_of(ledger)

    async def states(self) -> dict[str, OrderState]:
        async with opened_ledger(self.app, ACCOUNT, locked=False) as ledger:
            return {name: order.state for name, order in ledger.books.orders.items()}

    @property
    def history(self) -> dict[str, str]:
        """As the chain has it, which makes its blocks when somebody asks."""
        self.stage.sandbox._chain.moment()
        return {row.order.cid: row.state.value for row in self.stage.sandbox.chain.ledger.history()}

    async def codes(self) -> list[Code]:
        return [found.code for found in (await compared(self.app, ACCOUNT)).differences]

    async def sequence(self) -> int:
        chain = await self.chain()
        await chain.block()
        return await chain.next_sequence()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with staged(tmp_path) as stage:
        request = RunRequest(markets=("INJ/USDT", "INJ/USDT PERP"))
        markets = {market.kind: market for market in await traded_markets(stage.app, request)}
        async with by_key(stage.app) as trader:
            yield Desk(stage, markets[MarketKind.SPOT], markets[MarketKind.PERPETUAL], trader)


async def test_orders_of_every_kind_are_taken_off_the_book_with_proof(desk: Desk):
    entry = await desk.bid(desk.perp, "in", away="-0.01", kind=OrderKind.MARKET)
    stop = await desk.bid(
        desk.perp, "stop", away="0.2", kind=OrderKind.STOP, side=Side.SELL, reduce_only=True
    )
    stop = replace(stop, request=replace(stop.request, trigger_ticks=stop.request.ticks + 1))
    await desk.placed(entry, stop, await desk.bid(desk.spot, "spot"), await desk.bid(desk.perp, "perp"))
    assert await desk.codes() in ([], [Code.PERPETUAL_CASH])
    (one,) = await cancel(desk.app, ACCOUNT, ["spot"], PATIENCE_S)
    assert (one.request.client_order_id, one.state) == ("spot", OrderState.DONE)
    assert desk.history["spot"] == "canceled"
    assert desk.history["perp"] == "booked"
    told = []
    app = replace(desk.app, warn=told.append)
    (perp,) = await cancel(app, ACCOUNT, [], PATIENCE_S)
    assert (perp.request.client_order_id, desk.history["stop"]) == ("perp", "booked")
    assert told.pop().startswith("INJ/USDT PERP stays open, and its stop stop on the book")
    assert await cancel(app, ACCOUNT, [], PATIENCE_S) == []
    assert told.pop().startswith("INJ/USDT PERP stays open, and its stop stop on the book")
    await cancel(app, ACCOUNT, ["stop"], PATIENCE_S)
    closes = f"`defi risk flatten --network sandbox --account {ACCOUNT.address}` closes it"
    assert told == [f"INJ/USDT PERP stays open, without a stop; {closes}"]
    assert {desk.history[name] for name in ("spot", "perp", "stop")} == {"canceled"}
    assert set((await desk.states()).values()) == {OrderState.DONE}
    assert await desk.codes() in ([], [Code.PERPETUAL_CASH])


async def test_an_order_that_has_expired_is_no_order_and_costs_no_transaction(desk: Desk):
    await desk.placed(await desk.bid(desk.spot, "short", expires_after_blocks=3))
    await desk.blocks(5)
    before = await desk.sequence()
    with pytest.raises(NotFound):
        await cancel(desk.app, ACCOUNT, ["short"], PATIENCE_S)
    assert (await desk.states(), await desk.sequence()) == ({"short": OrderState.DONE}, before)
    assert await cancel(desk.app, ACCOUNT, [], PATIENCE_S) == []


async def test_an_order_that_was_filled_is_counted_and_not_cancelled(desk: Desk):
    await desk.placed(await desk.bid(desk.spot, "taker", away="-0.01", kind=OrderKind.LIMIT))
    with pytest.raises(NotFound):
        await cancel(desk.app, ACCOUNT, ["taker"], PATIENCE_S)
    assert desk.history["taker"] == "filled"
    assert await desk.codes() == []


class TooLate(Execution):
    """Whose cancels reach the chain when the order's last block has passed."""

    desk: Desk

    async def submit(self, orders, cancels=(), decision=""):
        await self.desk.blocks(6)
        return await super().submit(orders, cancels, decision)


@pytest.mark.parametrize("names", [["short"], ["short", "long"]])
async def test_one_that_ends_in_the_moment_of_its_cancel_is_over_all_the_same(desk: Desk, names, monkeypatch):
    orders = [await desk.bid(desk.spot, "short", expires_after_blocks=4), await desk.bid(desk.perp, "long")]
    await desk.placed(*[order for order in orders if order.request.client_order_id in names])
    TooLate.desk = desk
    monkeypatch.setattr(cancelling, "Execution", TooLate)
    done = await cancel(desk.app, ACCOUNT, names, PATIENCE_S)
    assert {order.request.client_order_id: order.state for order in done} == dict.fromkeys(
        names, OrderState.DONE
    )
    assert {desk.history[name] for name in names} == {"canceled"}


async def test_a_cancel_that_the_chain_refuses_while_its_order_rests_is_told(desk: Desk, monkeypatch):
    await desk.placed(await desk.bid(desk.spot, "rests"))
    chain = await desk.chain()

    async def refusing(orders, cancels=()):
        raise OrderRejected("out of gas")

    monkeypatch.setattr(type(chain), "sign", lambda self, orders, cancels=(): refusing(orders, cancels))
    with pytest.raises(OrderRejected, match="out of gas"):
        await cancel(desk.app, ACCOUNT, ["rests"], PATIENCE_S)


async def test_an_order_of_somebody_else_with_this_key_is_told_and_left_alone(desk: Desk):
    await desk.placed(await desk.bid(desk.spot, "ours"))
    await desk.placed_elsewhere(await desk.bid(desk.spot, "theirs", away="0.06"))
    assert Code.ORDER_FOREIGN in await desk.codes()
    with pytest.raises(NotFound):
        await cancel(desk.app, ACCOUNT, ["theirs"], PATIENCE_S)
    await cancel(desk.app, ACCOUNT, [], PATIENCE_S)
    assert (desk.history["ours"], desk.history["theirs"]) == ("canceled", "booked")


async def test_an_order_can_be_cancelled_by_its_hash_alone_once(desk: Desk):
    chain = await desk.chain()
    for market in (desk.spot, desk.perp):
        name = market.kind.value
        order_hash = await desk.placed_elsewhere(await desk.bid(market, name))
        cancel_it = Cancel(market.key, market, order_hash=order_hash)
        await chain.broadcast(await chain.sign([], [cancel_it]))
        await desk.blocks()
        assert desk.history[name] == "canceled"
        with pytest.raises(OrderRejected) as caught:
            await chain.sign([], [cancel_it])
        assert (caught.value.codespace, caught.value.order_code) == ("exchange", 19)


@pytest.mark.parametrize("fault", ["drop_after", "error_before", "drop_before", "late_inclusion=2"])
async def test_a_cancel_whose_answer_is_lost_is_proven_before_anyone_says_so(desk: Desk, fault):
    await desk.placed(await desk.bid(desk.spot, "rests"))
    desk.stage.sandbox._chain.set_faults([parse(f"{fault}@1")], 1)

    class Mended(Execution):
        async def submit(self, orders, cancels=(), decision=""):
            made = await super().submit(orders, cancels, decision)
            desk.stage.sandbox._chain.set_faults([], 1)
            return made

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(cancelling, "Execution", Mended)
        (one,) = await cancel(desk.app, ACCOUNT, ["rests"], PATIENCE_S)
    assert (one.state, desk.history["rests"]) == (OrderState.DONE, "canceled")


async def test_gas_that_the_hot_key_pays_is_not_missed_from_the_account(desk: Desk):
    await desk.placed(await desk.bid(desk.spot, "ours"))
    app = desk.app
    keys = replace(app.settings.keys, granter=DEV_ADDRESS)
    delegated = replace(app, settings=replace(app.settings, keys=keys))
    # The very same journal: here the account did pay, so a delegated one would have more than it has.
    (found,) = (await compared(delegated, ACCOUNT)).differences
    async with opened_ledger(app, ACCOUNT, locked=False) as ledger:
        assert (found.code, found.about, found.gap) == (Code.GAS_FOREIGN, "INJ", -ledger.books.gas_paid)
    assert await desk.codes() == []


async def test_a_market_that_pauses_after_its_order_was_signed_stops_no_other_order(desk: Desk):
    """The chain passes such an order of a batch over: it names it nowhere, and the transaction succeeds."""
    standstill = desk.stage.sandbox.chain.ledger.standstill
    async with opened_ledger(desk.app, ACCOUNT, locked=True) as ledger:
        chain = desk.trader.chain_of(ledger)
        await reserved_of(ledger, chain, [desk.spot, desk.perp], "USDT")
        execution, sign = Execution(chain, ledger), chain.sign

        async def then_paused(*given):
            signed = await sign(*given)
            standstill.put(desk.perp.market_id, "Paused", desk.stage.sandbox.moment().block)
            return signed

        execution.chain = type(
            "Pausing",
            (),
            {"sign": staticmethod(then_paused), "__getattr__": lambda _, name: getattr(chain, name)},
        )()
        await execution.submit([await desk.bid(desk.spot, "spot"), await desk.bid(desk.perp, "perp")])
        execution.chain = chain
        await desk.blocks(2)
        await execution.settle()
        told = {name: (order.state, order.error_code) for name, order in ledger.books.orders.items()}
        assert told == {"spot": (OrderState.OPEN, 0), "perp": (OrderState.REJECTED, 41)}
        with pytest.raises(OrderRejected, match="paused or closed"):
            await execution.submit([await desk.bid(desk.perp, "perp-2"), await desk.bid(desk.spot, "spot-2")])
        await execution.submit([await desk.bid(desk.spot, "spot-3")])
        await desk.blocks(2)
        await execution.settle()
        assert ledger.books.orders["spot-3"].state is OrderState.OPEN
