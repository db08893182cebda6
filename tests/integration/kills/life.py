"""One life of a trading agent, composed as `defi run --live` composes it, with a strategy that always trades.

It tells its parent through a pipe what it found when it woke up and every record it made durable, so that a
kill can be aimed at a moment, and so that it is known which moment a kill hit.
"""

import asyncio
import math
import os
import traceback
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from defi_analytics.app import live as opening
from defi_analytics.app import starting, trading
from defi_analytics.app.live import live_trader
from defi_analytics.app.opening import opened_app
from defi_analytics.app.signing import Asked
from defi_analytics.app.trading import RunRequest, opened_agent
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import (
    HttpSettings,
    InjectiveSettings,
    KeySettings,
    MonitoringSettings,
    RiskManagement,
    RunSettings,
    SandboxSettings,
    ScanSettings,
    Settings,
)
from defi_analytics.domain.decision import BUY, IDLE, SELL, Intent, OrderKind, Why
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import MarketKey
from defi_analytics.engine import trade
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.policy import OnExit, Policy
from defi_analytics.engine.records import Kind, Sending, Signed
from defi_analytics.errors import DefiError
from defi_analytics.keys.signer import KeySigner
from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from defi_analytics.strategies import reversion
from defi_analytics.strategies.registry import PureStrategy
from tests.integration import entrusted
from tests.keys import sealed

# What a life pays for at its first use is paid once, before the first fork.
import defi_analytics.http.client  # isort: skip
import defi_analytics.sandbox.sandbox  # isort: skip
import defi_analytics.keys.signer  # isort: skip
import defi_analytics.venues.injective.chain.chain  # isort: skip
import defi_analytics.venues.injective.lcd  # isort: skip
import defi_analytics.venues.injective.oracle  # isort: skip # noqa: F401
from defi_analytics.venues.injective.chain.protos import protos  # isort: skip

protos()

CRASHED = 99
"""Exit code of a life that ended by an error nobody expects."""
RESTING_BLOCKS = 12
TIMEOUT_BLOCKS = 15
SIGNAL_S = 1.0
"""How long `once` wants to be in, and then out."""
_FEW = 3
"""Times the smallest order a market takes."""


@dataclass(frozen=True)
class Place:
    """Where a life is lived."""

    home: Path
    port: int
    markets: tuple[str, ...] = ("INJ/USDT",)
    limited: bool = False
    """By the limits that hold where nobody sets any; otherwise no limit is ever met but a position's stop."""
    restless: bool = False
    """Only orders that rest, far from the market."""
    hot: bool = False
    """With a key that its owner lets trade a subaccount, and that owns nothing but its gas."""
    once: bool = False
    """In for a while and out for a while: whoever holds something already does not enter."""
    broken: bool = False
    """Sends before it writes, as is usual elsewhere: what the harness must find."""

    def settings(self) -> Settings:
        return Settings(
            home=self.home,
            injective=InjectiveSettings(network="sandbox"),
            sandbox=SandboxSettings(port=self.port),
            keys=KeySettings("agent", DEV_ADDRESS, entrusted.INDEX) if self.hot else KeySettings(),
            scan=ScanSettings(against=("hyperliquid",)),
            http=HttpSettings(deadline_s=Decimal("1.5")),
            monitoring=MonitoringSettings(risk_management=RiskManagement() if self.limited else _wide()),
            run=RunSettings(timeout_blocks=TIMEOUT_BLOCKS, resting_blocks=RESTING_BLOCKS),
        )


def _wide() -> RiskManagement:
    lots = Decimal(1_000_000)
    return RiskManagement(
        portfolio_stop_loss=Decimal("0.9"),
        soft_drawdown=Decimal("0.9"),
        daily_loss=Decimal("0.9"),
        stop_loss=Decimal("0.05"),
        max_daily_trades=1_000_000,
        cooldown_period=0,
        max_orders_per_minute=10_000,
        max_gas_per_day=lots,
        max_exposure=lots,
        max_asset_exposure=lots,
        max_market_exposure=lots,
        max_position=lots,
    )


def busy(view, holding, params):
    """In and out of the market, by every kind of order; a coin's fall is the snapshot's time."""
    if not (view.bids.ticks and view.asks.ticks):
        return IDLE
    side = SELL if holding.lots > 0 else BUY
    best = view.bids.ticks[0] if side == SELL else view.asks.ticks[0]
    lots = holding.lots or _FEW * max(view.grid.min_lots, math.ceil(view.grid.min_notional / best), 1)
    match int(view.time_s * 1000) % 5:
        case 0:
            return resting(view, holding, params)
        case 1:
            return Intent(side, OrderKind.LIMIT, best, lots, why=Why.EXIT_REDUCE)
    worst = math.floor(best * 1.005) if side == BUY else math.ceil(best * 0.995)
    return Intent(side, OrderKind.MARKET, worst, lots, why=Why.EXIT_REDUCE)


def once(view, holding, params):
    """One entry for each time in which it wants to be in: a second one is an entry that nobody wanted."""
    if not (view.bids.ticks and view.asks.ticks):
        return IDLE
    inside = int(view.time_s / SIGNAL_S) % 2 == 0
    if inside and holding.lots == 0:
        best = view.asks.ticks[0]
        lots = _FEW * max(view.grid.min_lots, math.ceil(view.grid.min_notional / best), 1)
        return Intent(BUY, OrderKind.MARKET, math.floor(best * 1.005), lots, why=Why.EXIT_REDUCE)
    if not inside and holding.lots > 0:
        worst = math.ceil(view.bids.ticks[0] * 0.995)
        return Intent(SELL, OrderKind.MARKET, worst, holding.lots, why=Why.EXIT_REDUCE)
    return IDLE


def resting(view, holding, params):
    """A bid so far below the market that nobody takes it."""
    if not view.bids.ticks:
        return IDLE
    ticks = math.floor(view.bids.ticks[0] * 0.985)
    lots = _FEW * max(view.grid.min_lots, math.ceil(view.grid.min_notional / ticks), 1)
    return Intent(BUY, OrderKind.POST_ONLY, ticks, lots, why=Why.EXIT_REDUCE)


def strategy_of(place: Place) -> PureStrategy:
    intend = resting if place.restless else once if place.once else busy
    return PureStrategy("busy", EdgeKind.ORACLE, reversion.ORACLE, intend)


def stage(place: Place) -> None:
    """Puts the strategy where the product looks for its own, and lets it trade without an edge."""
    trading.STRATEGIES = {"busy": strategy_of(place)}
    trade.expected_edge = lambda view, intent: 1.0
    look = trading.look

    async def looked(app, request):
        keys = frozenset(MarketKey("injective", market_id) for market_id in request.markets)
        return await look(app, replace(request, held=keys))

    trading.look = looked
    # As many blocks as elsewhere.
    starting._LOOK_AGAIN_S = 0.15
    if place.hot:
        # Decrypting it takes longer than a life.
        opening.signer_for = lambda *_: KeySigner(bytearray.fromhex(sealed.HEX))
    if place.broken:
        Execution.submit = send_then_store


async def send_then_store(self, orders, cancels=(), decision=""):
    transaction = await self.chain.sign(orders, cancels)
    await self.counting.idle()
    submission = await self.chain.broadcast(transaction)
    requests = tuple(order.request for order in orders)
    self.ledger.write(Kind.SIGNED, Signed(transaction, requests, tuple(cancels), decision))
    self.ledger.write(Kind.SENT, Sending(transaction.tx_hash, submission))
    return transaction


def moment_of(books) -> str:
    """Where in the life of an order a journal ends."""
    if books.unresolved:
        return "sent" if all(one.sent for one in books.unresolved.values()) else "signed"
    uncounted = [o for o in books.live if o.height > books.scanned_height]
    return "uncounted" if uncounted else "quiet"


def telling(obey, tell):
    """What a run does first; it tells what it finds then, and from there on every record it makes durable."""

    def obeyed(agent):
        if not (journal := agent.ledger.journal).__dict__.get("append"):
            tell(f"awake {moment_of(agent.ledger.books)}")
            append = journal.append

            def appended(kind, at, body):
                append(kind, at, body)
                tell(f"wrote {kind}")

            journal.append = appended
        obey(agent)

    return obeyed


async def live(place: Place, tell, cycles: int | None) -> None:
    Agent.obey = telling(Agent.obey, tell)
    policy = Policy(0.02, cycles, on_exit=OnExit.CANCEL, settle_s=0.03)
    async with AsyncExitStack() as woken:
        app = await woken.enter_async_context(opened_app(Loaded(place.settings(), {}), {}, hold=False))
        trader = await woken.enter_async_context(live_trader(app, Asked(), {}, "", tell))
        request = RunRequest(("busy",), place.markets)
        async with opened_agent(app, trader, request, policy) as agent:
            agent.watch = lambda cycle: tell(f"cycle {cycle.error}"[:200])
            await agent.run()


def lived(place: Place, pipe: int, cycles: int | None = None) -> int:
    """The exit code, as the command line would give it."""

    def tell(line):
        os.write(pipe, f"{line}\n".encode())

    stage(place)
    try:
        asyncio.run(live(place, tell, cycles))
    except DefiError as error:
        tell(f"ended {error.exit_code} {error.message}")
        return error.exit_code
    except BaseException:  # noqa: BLE001 -- told to the parent, which fails
        traceback.print_exc()
        return CRASHED
    return 0
