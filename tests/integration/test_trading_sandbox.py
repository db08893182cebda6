"""The live agent trades in the sandbox: real sockets, the real chain adapter, signed transactions.

Claimed, and checked to the last chain unit: what the journal says happened is what the exchange's ledger says
happened, fill by fill, and together with funding and gas it explains every balance. That each strategy earned
more than its fees, its funding and its gas, in every world tried; that `convergence` and `oracle` entered only
what was truly mispriced just then, and `prediction` only where the scan's edge stands; and that none of them
trades in a world without mispricings.

Forecasts are about a moment eight hours away, so `prediction` trades in worlds whose blocks take half a
minute: a run then lasts longer than two of them. DEFI_SOAK=1 tries more worlds and looks at every block.
"""

import importlib.util
import os
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from _pytest.mark import ParameterSet

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.decide import decide
from defi_analytics.engine.decisions import DECIDED, decided_again
from defi_analytics.engine.packing import Unpacker
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.reconcile import reconcile
from defi_analytics.engine.records import Kind
from defi_analytics.engine.replay import replayed
from defi_analytics.risk.codes import TradingState
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.sandbox.ledger.addresses import is_default, subaccount
from defi_analytics.sandbox.ledger.records import Trade
from defi_analytics.sandbox.listings import LISTINGS
from defi_analytics.sandbox.moment import FIRST_HEIGHT
from defi_analytics.sandbox.truth import truth
from defi_analytics.sandbox.world import BLOCK_S
from defi_analytics.strategies.registry import STRATEGIES
from tests.integration import entrusted
from tests.integration.trading import EVERY_BLOCKS, MARKETS, SOAK, Stage, quick_folder, staged

BLOCKS = 2_000
GOING_ON = 2_000 if SOAK else 120
"""Blocks that go on while it works."""
MISPRICED = 455
"""Of seed 75: soon after, a perpetual and a spot market are off."""
HOUR_BLOCK = 5_539
"""The first of the second hour: funding is paid in the midst of a run."""
HORIZON_S = 28_800
FORECAST_BLOCK_S = 30.0
FORECAST_MARKETS = (
    "INJ/USDT", "SOL/USDT", "WETH/USDT", "SOL/USDT PERP", "BTC/USDT PERP", "ETH/USDT PERP",
)  # fmt: skip
needs_the_sdk = [
    # The SDK and its dependencies warn at import.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.skipif(
        importlib.util.find_spec("pyinjective") is None
        and (os.environ.get("CI") != "true" or sys.version_info >= (3, 13)),
        reason="the official SDK is not installed: pip install defi-analytics[injective]",
    ),
]
SEEDS = range(20) if SOAK else (3, 75, 76)
OFTEN = (0, 2, 5)
"""Worlds whose forecasts call for spot and for perpetuals; some others for one of them."""
FORECAST_SEEDS = range(20) if SOAK else OFTEN


def runs(seeds: Sequence[int]) -> list[ParameterSet]:
    """Live in each of the worlds, on paper in the first."""
    live = [pytest.param(True, seed, marks=needs_the_sdk, id=f"live {seed}") for seed in seeds]
    return [*live, pytest.param(False, seeds[0], id=f"paper {seeds[0]}")]


def hot(live: bool, seed: int) -> bool:
    return live and seed % HOT_KEY_EVERY == 0


SHORT, LONG = runs(SEEDS), runs(FORECAST_SEEDS)
CALM = [
    pytest.param(True, seed, block_s, marks=needs_the_sdk, id=f"{seed} {block_s}")
    for seed, block_s in zip(
        FORECAST_SEEDS, (BLOCK_S, *[FORECAST_BLOCK_S] * len(FORECAST_SEEDS)), strict=False
    )
]
KINDS = {"convergence": "cross-venue", "oracle": "oracle"}
ROUNDING = Decimal("1e-9")
"""Of one chain unit: a position that paid funding is divided at the eighteenth place."""
pytestmark = pytest.mark.timeout(3_600 if SOAK else 900)
HOT_KEY_EVERY = 5
"""Seeds: in these a granted key trades, as mainnet wants it, in a subaccount of whoever owns the funds."""
OWNER_SHARE = Decimal("0.6")
"""Of a fee: the rest comes back to whom the order names for it, and ours name ourselves."""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = quick_folder()
    yield folder
    shutil.rmtree(folder)


def fills_of(agent: Agent) -> list[Fill]:
    """As the journal on the disk has them, not as the process remembers."""
    told = []
    for _, _, body in agent.ledger.journal.replay(Kind.FILLS):
        told += [msgspec.convert(row, Fill) for row in body["fills"]]
    return told


class Books:
    """The exchange's own account of one trader, before and after."""

    def __init__(self, stage: Stage) -> None:
        self.ledger, self.before = stage.sandbox.chain.ledger, {}
        self.who = entrusted.SUBACCOUNT if stage.app.settings.keys.granter else subaccount(DEV_ADDRESS)
        self.before = self.owned()

    def owned(self) -> Counter[str]:
        """Chain units by denom: in the bank, in deposits, and as the margin of positions."""
        owned: Counter = Counter()
        if is_default(self.who):
            owned.update({k: Decimal(v) for k, v in self.ledger.balances(DEV_ADDRESS).items()})
        for denom, deposit in self.ledger.deposits(self.who).items():
            owned[denom] += deposit.total
        for position in self.ledger.positions(self.who):
            listing = LISTINGS[position.market_id]
            owned[listing.quote_denom] += position.margin.scaleb(listing.quote_decimals)
        return owned

    def explained(self, agent: Agent) -> Counter[str]:
        """What there must be by the journal alone: what there was, its fills, and its gas."""
        books, owned = agent.ledger.books, self.before.copy()
        for key, held in books.net.items():
            market: Market = books.markets[key]
            spot = market.kind is MarketKind.SPOT
            moved = held.cash if spot else held.gained
            owned[market.quote_denom] += moved.scaleb(market.quote_decimals)
            if spot:
                owned[market.base_denom] += held.quantity.scaleb(market.base_decimals)
        if is_default(self.who):  # else it is the key that pays
            owned["inj"] -= books.gas_paid.scaleb(18)
        return owned

    def paid(self, trade: Trade) -> Decimal:
        """Who names its own account as recipient gets its share back, but the default subaccount gets it."""
        if is_default(self.who):
            return trade.fee
        return (trade.notional * LISTINGS[trade.market_id].taker_fee).quantize(Decimal("1e-18"))

    def check(self, agent: Agent) -> None:
        trades = self.ledger.trades(self.who)
        expected = sorted(
            (FIRST_HEIGHT + t.block, t.cid, t.market_id, t.is_buy, t.price, t.quantity, self.paid(t))
            for t in trades
        )
        fills = fills_of(agent)
        told = sorted(
            (f.height, f.client_order_id, f.key.market_id, f.side is Side.BUY, f.price, f.quantity, f.fee)
            for f in fills
        )
        assert told == expected
        for trade in trades:
            charged = trade.notional * LISTINGS[trade.market_id].taker_fee * OWNER_SHARE
            assert abs(trade.fee - charged) < Decimal("1e-17")
        held = {
            p.market_id: p.quantity if p.is_long else -p.quantity for p in self.ledger.positions(self.who)
        }
        books = agent.ledger.books
        perpetual = {k: h for k, h in books.net.items() if books.markets[k].kind is MarketKind.PERPETUAL}
        assert {k.market_id: h.quantity for k, h in perpetual.items() if h.quantity} == held
        owned, explained = self.owned(), self.explained(agent)
        differ = {k: owned[k] - explained[k] for k in owned.keys() | explained.keys()}
        assert {k: gap for k, gap in differ.items() if abs(gap) > ROUNDING} == {}


def result_of(agent: Agent) -> Decimal:
    """Quote, after all fees and with gas at what an INJ costs."""
    books = agent.ledger.books
    return sum((h.gained for h in books.net.values()), Decimal(0)) - books.gas_paid * 30


class Entry(NamedTuple):
    market: Market
    side: Side
    block: int
    """At which it was decided."""
    decision: str


@asynccontextmanager
async def traded(stage: Stage, *strategies: str, live: bool) -> AsyncIterator[tuple[Agent, list[Entry]]]:
    """Runs it to its end, where it closes what it still holds, and compares every account there is."""
    books = Books(stage)
    async with stage.agent(*strategies, blocks=BLOCKS, live=live, on_exit=OnExit.FLATTEN) as agent:
        await agent.run()
        assert [cycle.error for cycle in stage.cycles if cycle.error] == []
        assert agent.ledger.risk.trading is TradingState.ACTIVE
        assert agent.ledger.books.live == []
        assert {key for key, held in agent.ledger.books.net.items() if held.quantity} == set()
        assert stage.sandbox.chain.ledger.conditional(books.who) == []
        if live:
            books.check(agent)
        check_decisions(agent)
        yield agent, entries(stage)


def entries(stage: Stage) -> list[Entry]:
    """What was sent to open something."""
    moment = stage.sandbox.moment()
    return [
        Entry(
            order.request.market,
            order.request.side,
            moment.block_at(cycle.decision.at.timestamp()),
            cycle.decision.id,
        )
        for cycle in stage.cycles
        for approved in cycle.decision.approved
        for order in approved.orders
        if not order.request.reduce_only
    ]


def check_decisions(agent: Agent) -> None:
    again = list(decided_again(agent.ledger.journal, agent.clock, STRATEGIES))
    differ = [one.id for one in again if not one.same]
    assert differ == [], f"{len(differ)} of {len(again)} decisions are not made again"
    assert len(again) >= agent.cycles, f"{len(again)} decisions of {agent.cycles} rounds"


async def reconciled(agent: Agent) -> None:
    """`defi reconcile` comes to the same: not even what it would let pass is left over."""
    chain, markets = agent.execution.chain, list(agent.ledger.books.markets.values())
    found = await reconcile(agent.ledger, chain, markets, pays_gas=not chain.trader.delegated)
    assert found.differences == ()
    assert found.compared.assets > 0


async def stands_up(stage: Stage, agent: Agent, entered: Sequence[Entry], *, live: bool) -> None:
    """Whatever the strategy: it traded, earned, and `defi reconcile` finds nothing."""
    told = f"{len(entered)} entries, a result of {result_of(agent):.4f} USDT"
    assert entered, told
    assert result_of(agent) > 0, told
    if live:
        await reconciled(agent)


@pytest.mark.parametrize(("live", "seed"), SHORT)
@pytest.mark.parametrize("strategy", ["convergence", "oracle"])
async def test_it_earns_on_what_is_truly_mispriced_and_every_unit_is_explained(strategy, live, seed, home):
    async with (
        staged(home, seed=seed, hot=hot(live, seed), start_block=HOUR_BLOCK - BLOCKS // 2) as stage,
        traded(stage, strategy, live=live) as (agent, entered),
    ):
        world = stage.sandbox.moment().world
        for market, side, block, _ in entered:
            true = {(p.kind, p.market_id, p.side.lower()) for p in truth(world, block)}
            assert (KINDS[strategy], market.market_id, side.value) in true, (market.ticker, side, block)
        if strategy == "convergence":  # what is off the oracle is rarer
            assert {entry.market.kind for entry in entered} == {MarketKind.SPOT, MarketKind.PERPETUAL}
        await stands_up(stage, agent, entered, live=live)


@pytest.mark.parametrize(("live", "seed"), LONG)
async def test_it_earns_on_forecasts_that_come_true_and_every_unit_is_explained(live, seed, home):
    world = {"hot": hot(live, seed), "block_s": FORECAST_BLOCK_S, "skill": 0.95}
    async with staged(home, seed=seed, **world) as stage:
        stage.markets = FORECAST_MARKETS
        async with traded(stage, "prediction", live=live) as (agent, entered):
            standing, unpacker = set(), Unpacker()
            for _, _, body in agent.ledger.journal.replay(DECIDED):
                edges = decide(*replayed(unpacker.unpacked(body)))
                standing |= {
                    (body["id"], e.market.key, e.side) for e in edges if e.stands and e.kind == "prediction"
                }
            assert {(e.decision, e.market.key, e.side) for e in entered} <= standing
            kinds = {entry.market.kind for entry in entered}
            assert kinds == {MarketKind.SPOT, MarketKind.PERPETUAL} or (kinds and seed not in OFTEN)
            resolved = [e for e in entered if e.block + HORIZON_S / FORECAST_BLOCK_S <= BLOCKS]
            assert resolved, f"{len(entered)} entries"
            await stands_up(stage, agent, entered, live=live)
            paid = [held.funding for held in agent.ledger.books.net.values()]
            assert any(paid) is live, "positions were held over the hour; paper knows no funding"


@pytest.mark.parametrize(("live", "seed", "block_s"), CALM)
async def test_none_of_them_touches_a_world_in_which_nothing_is_mispriced(live, seed, block_s, home):
    async with staged(home, seed=seed, calm=True, block_s=block_s, skill=0.95) as stage:
        stage.markets = tuple(dict.fromkeys((*MARKETS, *FORECAST_MARKETS)))
        async with traded(stage, *sorted(STRATEGIES), live=live) as (agent, entered):
            assert (entered, agent.ledger.books.gas_paid) == ([], 0)
            assert len(stage.cycles) >= BLOCKS / EVERY_BLOCKS / 2
            unpacker = Unpacker()
            decided = [unpacker.unpacked(body) for _, _, body in agent.ledger.journal.replay(DECIDED)]
            assert any(replayed(one)[0].predictions for one in decided), "it knew of forecasts"


@pytest.mark.parametrize("seed", [pytest.param(75, marks=needs_the_sdk)])
async def test_books_move_while_it_decides_and_every_unit_is_explained(seed, home):
    """Blocks of a moment, by the clock on the wall: whatever it decided, the market has moved on."""
    async with staged(home, seed=seed, hot=True, slept=False, block_s=0.1, start_block=MISPRICED) as stage:
        books, world = Books(stage), stage.sandbox.moment
        async with stage.agent("convergence", "oracle", blocks=GOING_ON, live=True) as agent:
            agent.policy = replace(agent.policy, interval_s=0.1, on_exit=OnExit.FLATTEN)
            began = world().block
            await agent.run()
            assert [cycle.error for cycle in stage.cycles if cycle.error] == []
            assert agent.ledger.risk.trading is TradingState.ACTIVE
            assert world().block - began >= GOING_ON
            books.check(agent)
            check_decisions(agent)
            await reconciled(agent)
            later = {
                fill.height - FIRST_HEIGHT - entry.block
                for entry in entries(stage)
                for fill in fills_of(agent)
                if fill.key == entry.market.key and fill.height - FIRST_HEIGHT > entry.block
            }
            assert later, f"{len(stage.cycles)} rounds without a trade"
