"""What an agent's journal grows by while nothing much happens, with every book moving in every round."""

import hashlib
import math
import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from defi_analytics.domain.book import Levels, checked_book
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market
from defi_analytics.domain.transaction import Block
from defi_analytics.engine.agent import Agent, Seen
from defi_analytics.engine.backoff import Backoff
from defi_analytics.engine.decide import decide
from defi_analytics.engine.decisions import STARTED, decided_again, terms_told
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.engine.policy import Policy
from defi_analytics.engine.terms import Terms
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.strategies.registry import STRATEGIES
from tests.builders import a_market, a_quote, a_rate, a_scope, a_snapshot, a_top
from tests.engine.trading import CALM, LIMITS
from tests.fakes import FakeClock

ROUNDS_A_DAY = 24 * 3600 // 5
MOST_BYTES_A_DAY = 20 * 2**20
READ = 12
"""Pairs whose books are read."""
LEVELS = 30


class Crowd:
    """So many assets, each listed here and on two venues; every price and every level moves at every look."""

    venue = "injective"

    def __init__(self, count: int, seed: int = 1) -> None:
        self.random, self.clock, self.height = random.Random(seed), FakeClock(), 1_000
        self.prices = {f"A{number}": self.random.uniform(1, 400) for number in range(count)}
        self.home = [self.listed("injective", asset) for asset in self.prices]
        self.away = [
            self.listed(venue, asset) for venue in ("binance", "hyperliquid") for asset in self.prices
        ]

    def listed(self, venue: str, asset: str) -> Market:
        name = hashlib.sha256(asset.encode()).hexdigest()
        market_id = f"0x{name}" if venue == "injective" else f"{asset}USDT"
        tick = Decimal("0.0001")
        return replace(
            a_market(venue, asset), market_id=market_id, price_tick=tick, base_denom=asset, quote_denom="usdt"
        )

    def sizes(self) -> tuple[float, ...]:
        return tuple(round(self.random.uniform(1, 900), 3) for _ in range(LEVELS))

    def book(self, market: Market) -> Any:
        step = self.prices[market.base] * 0.0003
        bids, asks = (
            tuple(round(self.prices[market.base] + sign * step * (0.5 + n), 4) for n in range(LEVELS))
            for sign in (-1, 1)
        )
        return checked_book(
            market.key, Levels(bids, self.sizes()), Levels(asks, self.sizes()), self.clock.now()
        )

    async def latest(self) -> Block:
        self.height += 7
        return Block(self.height, self.clock.now(), "injective-1")

    async def look(self, backoff: Backoff) -> Seen:
        self.clock.advance(5 + self.random.random() / 1000)
        for asset, price in self.prices.items():
            self.prices[asset] = price * math.exp(self.random.gauss(0, 2e-4))
        now, read = self.clock.now(), [*self.home[:READ], *self.away[:READ]]
        books = {market.key: self.book(market) for market in [*self.home, *self.away]}
        snapshot = a_snapshot(
            [(market, books[market.key]) for market in read],
            time=now,
            markets={market.key: market for market in [*self.home, *self.away]},
            tops={
                market.key: a_top(
                    market, books[market.key].bids.prices[0], books[market.key].asks.prices[0], now
                )
                for market in [*self.home, *self.away]
            },
            quotes=tuple(a_quote(asset, price, now) for asset, price in self.prices.items()),
            rates=(a_rate("USDT", "USD", 0.9998, 1.0002, now),),
        )
        scope = a_scope(self.home, "binance", "hyperliquid", kinds=[EdgeKind.CROSS_VENUE, EdgeKind.ORACLE])
        return Seen(snapshot, scope, LIMITS, decide(snapshot, scope, LIMITS), self.home)


def an_agent(crowd: Crowd, journal: SqliteJournal) -> Agent:
    venue: Any = crowd
    ledger = Ledger.opened(journal, crowd.clock)
    chain = PaperChain(venue, crowd.latest, crowd.clock, ledger.books, {"USDT": Decimal(1000)})
    strategies = tuple((STRATEGIES[name], STRATEGIES[name].params) for name in ("convergence", "oracle"))
    terms = Terms(strategies, CALM)
    return Agent(Execution(chain, ledger), crowd.look, terms, Policy(5.0), crowd.clock)


@pytest.mark.parametrize(("count", "rounds"), [(1, 120), (4, 100), (20, 60)])
async def test_a_day_of_rounds_fits_the_disk_and_each_is_decided_again(
    count: int, rounds: int, tmp_path: Path
) -> None:
    """The whole file, decisions and all else, on average of rounds of which one is kept whole."""
    crowd, path = Crowd(count), tmp_path / "a.sqlite"
    sizes = []
    for more in (1, rounds):
        with SqliteJournal(path) as journal:
            agent = an_agent(crowd, journal)
            agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
            for _ in range(more):
                await agent.cycle()
        sizes.append(path.stat().st_size)
    a_round = (sizes[1] - sizes[0]) / rounds
    assert a_round * ROUNDS_A_DAY < MOST_BYTES_A_DAY
    assert a_round < 450 + 50 * count
    with SqliteJournal(path) as journal:
        again = list(decided_again(journal, crowd.clock, STRATEGIES))
    assert len(again) == 1 + rounds
    assert [one.id for one in again if not one.same] == []
