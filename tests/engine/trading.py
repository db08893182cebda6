"""A small world to trade in: one Injective market, one reference venue, blocks and prices in the test's hands."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.agent import Agent, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.decide import decide
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import Policy
from defi_analytics.engine.terms import Terms
from defi_analytics.errors import DefiError
from defi_analytics.mispricing.limits import Limits
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.strategies.registry import STRATEGIES
from tests.builders import MARGINS, a_book, a_market, a_quote, a_rate, a_scope, a_snapshot
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock

HOME = replace(a_market(), base_denom="inj", quote_denom="usdt", taker_fee=Decimal("0.0005"))
PERP = replace(HOME, market_id="perp", kind=MarketKind.PERPETUAL, base_denom="", **MARGINS)
AWAY = replace(a_market("binance"), taker_fee=Decimal("0.0005"))
LIMITS = Limits(min_edge=0.001, gas_inj=0.0)
CALM = RiskLimits(cooldown_period_s=0.0)
"""Limits that a test does not trip over unless it wants to."""


class World:
    """Moves only when told. It is the venue that paper orders meet, and what the agent looks at."""

    venue = "injective"

    def __init__(self, home: Market = HOME, kinds: Sequence[EdgeKind] = (EdgeKind.CROSS_VENUE,)) -> None:
        self.home, self.kinds = home, kinds
        self.clock, self.height = FakeClock(), 1_000
        self.oracle: float | None = 25.0
        """None for an oracle that does not answer."""
        self.fast = timedelta(0)
        """By which this machine's clock is ahead of the chain's."""
        self.failure: DefiError | None = None
        self.show(25.0)

    def show(self, price: float, away: float | None = None, depth: float = 100.0) -> None:
        """A tenth of a per mille of spread around the price here, and there."""
        self.books = {
            market.key: (
                [(round(mid * 0.9999, 3), depth)],
                [(round(mid * 1.0001, 3), depth)],
            )
            for market, mid in ((self.home, price), (AWAY, away or price))
        }

    def book(self, market: Market) -> OrderBook:
        bids, asks = self.books[market.key]
        return a_book(market, bids, asks, self.clock.now())

    async def order_book(self, market: Market) -> OrderBook:
        return self.book(market)

    async def latest(self) -> Block:
        self.height += 1
        return Block(self.height, self.clock.now() - self.fast, "injective-1")

    async def look(self, backoff: Backoff) -> Seen:
        if self.failure is not None:
            raise self.failure
        self.clock.advance(1)
        now = self.clock.now()
        snapshot = a_snapshot(
            [(self.home, self.book(self.home)), (AWAY, self.book(AWAY))],
            time=now,
            quotes=() if self.oracle is None else (a_quote(price=self.oracle, at=now),),
            published=frozenset({"INJ"}),
            rates=(a_rate("USDT", "USD", at=now),),
        )
        snapshot = replace(snapshot, tops={key: replace(top, at=now) for key, top in snapshot.tops.items()})
        scope = a_scope([self.home], "binance", kinds=self.kinds)
        return Seen(snapshot, scope, LIMITS, decide(snapshot, scope, LIMITS), [self.home])


def an_agent(
    world: World,
    journal: MemoryJournal | None = None,
    *,
    names: Sequence[str] = ("convergence",),
    **policy: Any,
) -> Agent:
    """On paper with 1,000 USDT, a round every ten seconds."""
    ledger = Ledger.opened(journal or MemoryJournal(), world.clock)
    venue: Any = world
    chain = PaperChain(venue, world.latest, world.clock, ledger.books, {"USDT": Decimal(1000)})
    limits = policy.pop("limits", CALM)
    terms = Terms(tuple((STRATEGIES[name], STRATEGIES[name].params) for name in names), limits)
    more = {name: policy.pop(name) for name in ("watch",) if name in policy}
    execution = Execution(chain, ledger, policy.pop("stopped", str))
    return Agent(execution, world.look, terms, Policy(10.0, **policy), world.clock, **more)


def quantity(agent: Agent, key: MarketKey = HOME.key) -> Decimal:
    held = agent.ledger.books.net.get(key)
    return held.quantity if held else Decimal(0)


class Failing:
    """The same chain, one of whose calls fails so many times first."""

    def __init__(self, chain: Any, name: str, *errors: Exception) -> None:
        self.chain, self.name, self.left = chain, name, list(errors)

    def __getattr__(self, name: str) -> Any:
        then = getattr(self.chain, name)

        async def called(*given: Any) -> Any:
            if self.left:
                raise self.left.pop(0)
            return await then(*given)

        return called if name == self.name else then
