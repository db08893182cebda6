"""Another client trades the same account while the agent runs."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Balance, Portfolio
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import Code
from defi_analytics.engine.foreign import Known, moved
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.records import Kind
from defi_analytics.errors import OutcomeUnknown, Stale, Unavailable
from defi_analytics.risk.codes import Denial, TradingState
from tests.builders import a_market
from tests.engine.memory_journal import MemoryJournal
from tests.engine.shared_account import ONE, Shared, pruned, shared
from tests.engine.trading import HOME, PERP, World, quantity
from tests.fakes import NOON


@pytest.mark.parametrize("market", [PERP, HOME])
async def test_a_foreign_trade_while_idle_is_counted_in_the_next_round(market: Market) -> None:
    world, journal = World(market), MemoryJournal()
    agent, chain = shared(world, journal)
    await agent.cycle()
    chain.trade(market.key, ONE, world.height + 1)
    await agent.cycle()
    assert quantity(agent, market.key) == ONE
    assert list(agent.ledger.books.held) == [("", market.key)], "it is no strategy's to sell"
    assert agent.ledger.risk.trading is TradingState.ACTIVE
    await agent.cycle()
    counted = [body for _, _, body in journal.replay(Kind.FILLS)]
    assert counted[0]["first_height"] == 1_001, "nothing of before the baseline is asked for"
    assert [fill["fill_id"] for body in counted for fill in body["fills"]] == ["web-0"]


@pytest.mark.parametrize("market", [PERP, HOME])
async def test_a_quantity_that_no_fill_explains_halts_at_the_second_look_and_is_named(market: Market) -> None:
    world, journal = World(market), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.told = False
    chain.trade(market.key, ONE, world.height + 1)
    world.show(25.0, away=25.3)
    with pytest.raises(Stale, match="the account is not what its fills come to"):
        await agent.cycle()
    await agent.cycle()
    risk = agent.ledger.risk
    assert (risk.trading, risk.code, risk.by) == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN, "reconcile")
    assert risk.reason in {"POSITION INJ/USDT: 0 here, 1 INJ there", "BALANCE INJ: 1 here, 2 INJ there"}
    assert Kind.SIGNED not in journal.kinds
    await agent.cycle()
    assert journal.kinds.count("risk.halt") == 1


async def test_what_was_only_read_in_between_halts_nobody() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.told = False
    chain.trade(PERP.key, ONE, world.height + 30)
    with pytest.raises(Stale):
        await agent.cycle()
    chain.told = True
    world.height += 30
    await agent.cycle()
    assert (quantity(agent, PERP.key), agent.ledger.risk.trading) == (ONE, TradingState.ACTIVE)


async def test_a_foreign_trade_beside_a_resting_stop_of_ours_is_counted_too() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    own = quantity(agent, PERP.key)
    assert own > 0
    chain.trade(PERP.key, -ONE, world.height + 1)
    await agent.cycle()
    assert quantity(agent, PERP.key) == own - ONE


async def test_a_liquidation_is_told_as_one_and_taken_from_the_strategy_that_had_the_position(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    own = quantity(agent, PERP.key)
    chain.trade(PERP.key, -own, world.height + 1)
    chain.foreign[-1] = replace(chain.foreign[-1], liquidation=True)
    world.show(25.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) == 0
    said = f"the chain liquidated {PERP.ticker}: -{own} INJ at 25; what that left of the margin is lost"
    assert said in caplog.messages
    assert "another client" not in caplog.text
    assert agent.ledger.books.foreign_fills == 0
    assert list(agent.ledger.books.held) == [("convergence", PERP.key)]


async def test_a_foreign_trade_between_a_look_and_the_order_that_follows_it_is_counted() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)

    async def sign(self: Shared, *given: Any) -> Any:
        self.trade(PERP.key, ONE, world.height + 1)
        return await PaperChain.sign(self, *given)

    agent.execution.chain = type("Raced", (Shared,), {"__slots__": (), "sign": sign})(
        **{name: getattr(chain, name) for name in ("venue", "latest", "clock", "books", "start", "foreign")}
    )
    await agent.cycle()
    own = sum(order.filled for order in agent.ledger.books.orders.values())
    assert own > 0
    assert quantity(agent, PERP.key) == own + ONE
    assert agent.ledger.risk.trading is TradingState.ACTIVE


@pytest.mark.parametrize(("market", "said"), [(PERP, "held by another client"), (HOME, "entry")])
async def test_no_strategy_enters_against_a_position_that_others_have(market: Market, said: str) -> None:
    world, journal = World(market), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(market.key, -ONE, world.height + 1)
    await agent.cycle()
    world.show(25.0, away=25.3)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == [said]


async def test_what_a_person_closed_while_no_agent_ran_is_not_closed_again() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    await agent.cycle()
    chain.trade(PERP.key, -quantity(agent, PERP.key), world.height + 1)
    signed = journal.kinds.count(Kind.SIGNED)
    await agent.flatten()
    assert quantity(agent, PERP.key) == 0
    assert journal.kinds.count(Kind.SIGNED) == signed


@pytest.mark.parametrize(("market", "left"), [(PERP, 0), (HOME, 1)])
async def test_flattening_closes_a_position_whoever_opened_it_and_sells_nothing_that_others_bought(
    market: Market, left: int
) -> None:
    world, journal = World(market), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(market.key, ONE, world.height + 1)
    await agent.cycle()
    assert quantity(agent, market.key) == ONE
    await agent.flatten()
    assert quantity(agent, market.key) == left


async def test_coins_of_a_strategy_that_their_owner_sold_keep_the_others_from_being_sold_no_more() -> None:
    world, journal = World(HOME), MemoryJournal()
    agent, chain = shared(world, journal)
    agent.terms = replace(agent.terms, reserved={"INJ": ONE})
    world.show(25.0, away=25.3)
    await agent.cycle()
    assert quantity(agent, HOME.key) > 1
    chain.trade(HOME.key, -ONE, world.height + 1)
    await agent.cycle()
    await agent.flatten()
    assert quantity(agent, HOME.key) == 0
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["entry"]


async def test_a_position_that_others_closed_is_no_strategys_any_more_and_may_be_entered_again() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    own = quantity(agent, PERP.key)
    chain.trade(PERP.key, -own - ONE, world.height + 1)
    world.show(25.0)
    await agent.cycle()
    held = {strategy: kept.quantity for (strategy, _), kept in agent.ledger.books.held.items()}
    assert held == {"convergence": 0, "": -ONE}
    fees = sum(kept.fees for kept in agent.ledger.books.held.values())
    assert fees == agent.ledger.books.net[PERP.key].fees
    chain.trade(PERP.key, ONE, world.height + 1)
    await agent.cycle()
    world.show(25.0, away=25.3)
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["entry"]


async def test_what_nothing_explains_keeps_nobody_from_closing_what_is_held() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    chain.told = False
    chain.trade(PERP.key, ONE, world.height + 1)
    with pytest.raises(OutcomeUnknown, match="1 positions could not be closed"):
        await agent.flatten()
    assert quantity(agent, PERP.key) == 0, "what is left is none of ours"


@pytest.mark.parametrize(("market", "readable"), [(PERP, True), (HOME, True), (HOME, False)])
async def test_a_stop_waits_two_rounds_at_most_for_an_account_that_nothing_explains(
    market: Market, readable: bool
) -> None:
    """Though it differs otherwise in every round, or nobody can tell why it does."""
    world, journal = World(market), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(2):
        await agent.cycle()
    own, sent = quantity(agent, market.key), journal.kinds.count(Kind.SIGNED)
    assert own > 0
    if not readable:
        agent.execution.chain = pruned(chain)
    chain.told, world.oracle = False, 22.0
    world.show(22.0)
    for _ in range(2):
        chain.trade(market.key, ONE, world.height + 1)
        with pytest.raises((Stale, Unavailable)):
            await agent.cycle()
        assert journal.kinds.count(Kind.SIGNED) == sent
    chain.trade(market.key, ONE, world.height + 1)
    await agent.cycle()
    assert agent.ledger.risk.trading is TradingState.HALTED
    last = list(agent.ledger.books.orders.values())[-1].request
    assert (last.reduce_only, last.lots) == (True, market.lots(own))


async def test_a_foreign_trade_between_the_count_and_the_second_look_is_counted_at_once() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(PERP.key, ONE, world.height + 1)
    fills = chain.fills

    async def late(*span: Any) -> Sequence[Fill]:
        found = await fills(*span)
        if len(chain.foreign) == 1:
            chain.trade(PERP.key, ONE, world.height + 1)
        return found

    agent.execution.chain = type("Late", (Shared,), {"__slots__": (), "fills": staticmethod(late)})(
        **{name: getattr(chain, name) for name in ("venue", "latest", "clock", "books", "start", "foreign")}
    )
    await agent.cycle()
    assert quantity(agent, PERP.key) == 2


async def test_blocks_that_cannot_be_read_let_nobody_trade() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    chain.trade(PERP.key, ONE, world.height + 1)

    agent.execution.chain = pruned(chain)
    world.show(25.0, away=25.3)
    with pytest.raises(Unavailable):
        await agent.cycle()
    assert Kind.SIGNED not in journal.kinds


async def test_a_foreign_round_trip_beside_a_stop_of_ours_is_seen_by_what_the_position_cost() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    own, spent = quantity(agent, PERP.key), agent.ledger.books.net[PERP.key].fees
    chain.trade(PERP.key, ONE, world.height + 1)
    chain.trade(PERP.key, -ONE, world.height + 1)
    chain.moved_entry = Decimal("24.999")
    await agent.cycle()
    assert quantity(agent, PERP.key) == own
    assert agent.ledger.books.net[PERP.key].fees == spent + 2


async def test_while_a_stop_stands_no_block_is_read_until_something_is_traded() -> None:
    world, journal = World(PERP), MemoryJournal()
    agent, chain = shared(world, journal)
    world.show(25.0, away=25.3)
    for _ in range(3):
        await agent.cycle()
    assert [order.request.kind for order in agent.ledger.books.live] == [OrderKind.STOP]
    agent.execution.chain = pruned(chain)
    world.height += 100_000
    await agent.cycle()
    assert agent.ledger.books.scanned_height > 100_000
    assert agent.ledger.risk.trading is TradingState.ACTIVE


def told(
    total: str, gas: str = "0.001", asset: str = "INJ", foreign: int = 0, *, pays_gas: bool = True
) -> list[tuple[Code, Decimal]]:
    market, baseline = a_market(base=asset), "100"
    books = Bookkeeping(gas_paid=Decimal(gas), foreign_fills=foreign)
    amount = Decimal(total)
    portfolio = Portfolio("inj1", NOON, 5, {"x": Balance("x", asset, amount, amount)})
    return [(d.code, d.gap) for d in moved(Known(books, {asset: baseline}, pays_gas), portfolio, [market])]


def test_gas_is_no_trade_and_hides_none_however_much_of_it_was_paid() -> None:
    assert told("99.999") == told("100") == told("99.998") == []
    assert told("95", gas="5") == told("100", gas="5", pays_gas=False) == []
    assert told("100", gas="5") == [(Code.BALANCE, Decimal(5))]
    assert told("95", gas="5", pays_gas=False) == [(Code.BALANCE, Decimal(-5))]


def test_the_gas_of_foreign_trades_is_nobodys_to_know() -> None:
    assert told("99.979", foreign=9) == []
    assert told("99.978", foreign=9) == [(Code.BALANCE, Decimal("-0.021"))]
    assert told("100.008", foreign=9) == [(Code.BALANCE, Decimal("0.009"))]


def test_a_trade_is_told_beside_gas() -> None:
    assert told("100.002") == [(Code.BALANCE, Decimal("0.003"))]
    assert told("99.99", asset="ETH") == [(Code.BALANCE, Decimal("-0.01"))]


def test_what_is_cash_or_was_never_counted_is_not_compared() -> None:
    portfolio = Portfolio("inj1", NOON, 5)
    dollars = a_market(base="USDC")
    beside = a_market(base="INJ", quote="USDC")
    assert moved(Known(Bookkeeping(), {"USDC": "5"}), portfolio, [dollars, beside]) == ()
    assert moved(Known(Bookkeeping(), {}), portfolio, [beside]) == ()


@pytest.mark.parametrize(
    ("kind", "there", "gap"), [("spot", "88", []), ("spot", "90", [2]), ("perpetual", "1", [])]
)
def test_what_pays_on_one_market_and_is_traded_on_another_is_compared_by_both(
    kind: str, there: str, gap: list[int]
) -> None:
    inj = a_market(base="INJ")
    puggo = replace(a_market(base="PUGGO", quote="INJ"), market_id="puggo", kind=MarketKind(kind))
    bought = Fill("f", puggo.key, "defi-1", "0x", Side.BUY, Decimal(3), Decimal(4), Decimal(0), NOON, 5)
    books = Bookkeeping(net={puggo.key: Inventory().after(bought)})
    portfolio = Portfolio("inj1", NOON, 5, {"inj": Balance("inj", "INJ", Decimal(there), Decimal(there))})
    told = moved(Known(books, {"INJ": "100"}), portfolio, [inj, puggo])
    assert [d.gap for d in told if d.about == "INJ"] == gap
