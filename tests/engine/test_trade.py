import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.domain.decision import IDLE, Intent, View, Why
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market
from defi_analytics.domain.portfolio import Balance, Portfolio
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.context import account_of
from defi_analytics.engine.trade import decide_trades
from defi_analytics.errors import Unavailable
from defi_analytics.risk.exposure import MarketLots, exposures
from defi_analytics.risk.losses import RiskState
from defi_analytics.strategies.registry import STRATEGIES, PureStrategy
from tests.builders import a_snapshot
from tests.engine.trading import CALM, HOME, PERP, Failing, World, an_agent, quantity
from tests.fakes import NOON


async def test_a_gap_that_the_scan_rejects_is_not_traded() -> None:
    world = World()
    world.show(25.0, away=60.0)
    decision = await an_agent(world).cycle()
    assert not decision.answers


async def test_a_market_belongs_to_one_strategy_until_it_is_left() -> None:
    world = World(PERP, kinds=[EdgeKind.CROSS_VENUE, EdgeKind.ORACLE])
    agent = an_agent(world, names=("convergence", "oracle"))
    said = []
    for price, away in ((24.6, 25.0), (25.4, 25.0), (24.6, 25.3)):
        world.show(price, away)
        decision = await agent.cycle()
        said.append([one.said for one in decision.considered])
    assert said == [
        ["entry", "held by convergence"],
        ["exit-converged", "held by convergence"],
        ["entry", "held by convergence"],
    ]


async def decided_by(intend: Any, kind: EdgeKind = EdgeKind.CROSS_VENUE, away: float = 25.3) -> Any:
    world = World()
    agent = an_agent(world)
    params = STRATEGIES["convergence"].params
    agent.terms = replace(agent.terms, strategies=((PureStrategy("mine", kind, params, intend), params),))
    world.show(25.0, away)
    known, seen = await agent._known()
    return decide_trades(known, seen.markets, agent.terms)


async def test_a_strategy_that_fails_wants_nothing_and_says_why() -> None:
    def failing(view: View, holding: Any, params: Any) -> Intent:
        raise ZeroDivisionError("division by zero")

    decision = await decided_by(failing)
    assert [one.said for one in decision.considered] == ["failed: division by zero"]
    assert not decision.answers


async def test_an_entry_without_a_candidate_of_its_kind_is_not_asked_for() -> None:
    def eager(view: View, holding: Any, params: Any) -> Intent:
        return Intent(1, 1, view.asks.ticks[0], 1_000, 0, False, Why.ENTRY)

    decision = await decided_by(eager, EdgeKind.PREDICTION)
    assert [one.said for one in decision.considered] == ["no candidate"]


@pytest.mark.parametrize(
    ("away", "said"), [(25.3, "entry"), (24.7, "the other side stands"), (25.001, "NOT_CROSSED")]
)
async def test_an_entry_is_asked_for_only_where_the_scan_shows_the_same_side(away: float, said: str) -> None:
    def eager(view: View, holding: Any, params: Any) -> Intent:
        return Intent(1, 1, view.asks.ticks[0], 1_000, 0, False, Why.ENTRY)

    decision = await decided_by(eager, away=away)
    assert [one.said for one in decision.considered] == [said]


async def test_a_silent_oracle_lets_nothing_in_and_what_is_held_out() -> None:
    """Else a read that fails would lift the band that would have refused the order."""
    world = World()
    agent = an_agent(world)
    world.show(24.6, away=25.0)
    world.oracle = 20.0
    decision = await agent.cycle()
    assert [refused.code.name for refused in decision.refused] == ["PRICE_BAND_ORACLE"]
    world.oracle = None
    decision = await agent.cycle()
    assert [refused.code.name for refused in decision.refused] == ["STALE_ORACLE"]
    world.oracle = 25.0
    assert (await agent.cycle()).approved
    world.oracle = None
    world.show(25.4, away=25.0)
    assert (await agent.cycle()).approved
    assert not quantity(agent)


async def test_a_price_nobody_offers_has_no_expected_edge_and_is_refused() -> None:
    def hopeful(view: View, holding: Any, params: Any) -> Intent:
        return Intent(1, 1, view.asks.ticks[0] - 1, 1_000, 0, False, Why.ENTRY)

    decision = await decided_by(hopeful)
    assert [refused.code.name for refused in decision.refused] == ["RISK_STATE_UNKNOWN"]


async def test_parameters_are_never_looser_than_the_limits() -> None:
    seen: list[Any] = []

    def watching(view: View, holding: Any, params: Any) -> Intent:
        seen.append(params)
        return IDLE

    await decided_by(watching)
    world = World()
    limits = an_agent(world).terms.limits
    [params] = seen
    assert params.max_notional <= limits.max_trade_size
    assert params.stop_loss <= limits.stop_loss
    assert params.min_edge >= limits.min_profit_threshold
    assert math.isfinite(params.max_notional)


async def test_an_entry_far_from_what_the_account_just_paid_waits_until_that_is_past() -> None:
    """Both venues jumped by 8 %: real perhaps, perhaps a feed gone wrong."""
    world = World()
    agent = an_agent(world)
    world.show(24.6, away=25.0)
    await agent.cycle()
    world.show(25.1, away=25.0)
    await agent.cycle()
    assert quantity(agent) == 0
    world.show(27.0, away=27.4)
    world.oracle = 27.0
    refused = (await agent.cycle()).refused
    assert [one.code.name for one in refused] == ["PRICE_BAND_FILL"]
    world.clock.advance(60)
    assert [len(group.orders) for group in (await agent.cycle()).approved] == [1]


async def test_a_perpetual_whose_oracle_is_gone_for_good_lets_everybody_out_and_nobody_in() -> None:
    world = World(PERP)
    agent = an_agent(world)
    world.show(24.6, away=25.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) > 0
    look = agent.look

    async def unpublished(backoff: Any) -> Any:
        seen = await look(backoff)
        return seen._replace(snapshot=replace(seen.snapshot, quotes=(), published=frozenset()))

    agent.look = unpublished
    world.show(25.4, away=25.0)
    await agent.cycle()
    assert quantity(agent, PERP.key) == 0
    world.show(24.6, away=25.0)
    refused = (await agent.cycle()).refused
    assert [one.code.name for one in refused] == ["RISK_STATE_UNKNOWN"]


@pytest.mark.parametrize(("pays_gas", "held"), [(True, 50), (False, 0)])
def test_gas_that_another_key_paid_makes_no_inventory_of_what_its_owner_had(
    pays_gas: bool, held: int
) -> None:
    agent, books = an_agent(World()), Bookkeeping(gas_paid=Decimal("0.05"))
    terms = replace(agent.terms, reserved={"INJ": Decimal(10)}, pays_gas=pays_gas)
    coins = {"inj": Balance("inj", "INJ", Decimal(10), Decimal(10))}
    account = account_of(terms, Portfolio("inj1", NOON, 5, coins), a_snapshot(), [HOME], books, RiskState())
    assert exposures(account).lots.get(HOME.key, MarketLots()).position == held


@pytest.mark.parametrize("price", [24.6, 25.4])
async def test_an_entry_is_cut_to_what_risk_lets_through_also_below_its_mark(price: float) -> None:
    world = World(PERP)
    limits = CALM._replace(max_trade_size=50.0, max_exposure_total=50.0)
    world.show(price, away=25.0)
    decision = await an_agent(world, limits=limits).cycle()
    [order] = [one.request for group in decision.approved for one in group.orders]
    assert 47 < float(order.notional) <= 50


async def entered_unseen(home: Market) -> Agent:
    """An entry was sent and nobody could tell what became of it; the gap is still there."""
    world = World(home)
    agent = an_agent(world)
    world.show(25.0, away=25.3)
    chain: Any = agent.execution.chain
    agent.execution.chain = Failing(chain, "find", Unavailable("chain", "no answer"))
    with pytest.raises(Unavailable):
        await agent.cycle()
    assert quantity(agent, home.key) == 0
    return agent


@pytest.mark.parametrize("home", [HOME, PERP], ids=["spot", "perpetual"])
async def test_an_entry_that_is_proven_a_round_later_is_counted_before_anything_is_decided(
    home: Market,
) -> None:
    agent = await entered_unseen(home)
    decision = await agent.cycle()
    [entry] = [order for order in agent.ledger.books.orders.values() if order.request.strategy != "stop"]
    assert [one.said for one in decision.considered] == ["idle"]
    assert quantity(agent, home.key) == entry.request.quantity


@pytest.mark.parametrize("home", [HOME, PERP], ids=["spot", "perpetual"])
async def test_while_an_order_in_a_block_is_not_counted_nothing_is_entered(home: Market) -> None:
    agent = await entered_unseen(home)
    chain: Any = agent.execution.chain
    behind = await chain.block()

    async def block() -> Any:
        return behind

    chain.block = block
    decision = await agent.cycle()
    assert [one.said for one in decision.considered] == ["fills not read"]
    assert len(agent.ledger.books.orders) == 1


@pytest.mark.parametrize("fast_s", [8, -8])
async def test_a_clock_within_its_tolerance_does_not_pile_up_orders_in_one_block(fast_s: int) -> None:
    world = World()
    world.fast = timedelta(seconds=fast_s)
    agent = an_agent(world)
    for _ in range(3):
        for price in (25.0, 25.3):
            world.show(price, away=25.3)
            decision = await agent.cycle()
            assert len(decision.approved) == 1, decision.refused
