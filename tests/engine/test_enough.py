from dataclasses import replace
from typing import Any

import pytest

from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.enough import enough
from defi_analytics.engine.terms import Known
from defi_analytics.engine.trade import Decision, decide_trades
from tests.engine.trading import AWAY, CALM, HOME, World, an_agent

LEVELS = 12


async def decided(away: float, **limits: Any) -> tuple[Known, Decision]:
    world = World()
    world.show(25.0, away)
    for key, (bids, asks) in list(world.books.items()):
        world.books[key] = (deeper(*bids, -0.01), deeper(*asks, 0.01))
    agent = an_agent(world, limits=CALM._replace(**limits))
    known, seen = await agent._known()
    return known, decide_trades(known, seen.markets, agent.terms)


def deeper(best: tuple[float, float], step: float) -> list[tuple[float, float]]:
    return [(round(best[0] + step * level, 3), best[1]) for level in range(LEVELS)]


def depths(snapshot: Snapshot) -> set[tuple[int, int]]:
    return {(len(book.bids.prices), len(book.asks.prices)) for book in snapshot.books.values()}


async def test_the_least_that_decides_the_same_is_kept() -> None:
    known, decision = await decided(25.0)
    kept = enough(known, decision, lambda less: True)
    assert (depths(kept), kept.tops) == ({(1, 1)}, {})
    assert replace(kept, books=known.snapshot.books, tops=known.snapshot.tops) == known.snapshot


async def test_more_is_kept_of_what_was_looked_into_and_at_last_everything() -> None:
    known, decision = await decided(25.3, min_trade_size=1e6)
    assert decision.refused
    tried: list[Snapshot] = []

    def never(less: Snapshot) -> bool:
        tried.append(less)
        return False

    assert enough(known, decision, never) is known.snapshot
    assert [depths(less) for less in tried] == [{(1, 1)}, {(8, 8)}, {(8, 8)}]
    assert [bool(less.tops) for less in tried] == [False, False, True]
    assert known.snapshot.books.keys() == {HOME.key, AWAY.key}


async def test_of_a_market_that_nothing_was_wanted_of_the_best_levels_are_enough() -> None:
    known, decision = await decided(25.0)
    tried: list[Snapshot] = []
    enough(known, decision, lambda less: bool(tried.append(less)))
    assert [depths(less) for less in tried] == [{(1, 1)}] * 3


async def test_what_sends_something_is_kept_with_all_that_was_seen() -> None:
    known, decision = await decided(25.3)
    assert decision.approved
    assert enough(known, decision, lambda less: pytest.fail("nothing else is tried")) is known.snapshot
