"""A scan of the 134 recorded spot markets against two round trips, which is what its plan needs."""

import asyncio
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.sandbox.server import Server
from tests.bench.timing import ROUNDS, Figure
from tests.integration.local_venues import LATENCY_S, LocalVenues

DEAR = frozenset({"AAVE", "LINK", "SOL", "TIA", "UNI"})


def figures() -> Iterator[Figure]:
    for name, dear, rounds in (("no candidate", frozenset(), 1), ("5 candidates", DEAR, 2)):
        took = _looks(dear)
        label = f"scan of 134 markets at 50 ms, {name} / {rounds} round trip{'s' * (rounds > 1)}"
        yield Figure(label, took / (rounds * LATENCY_S), 1.5, "new client and connections each time")


def _looks(dear: frozenset[str]) -> float:
    """Median seconds of a look, at venues that have a process of their own as they have in life."""
    spawn = get_context("spawn")
    ours, theirs = spawn.Pipe()
    venues = spawn.Process(target=_serve, args=(theirs, dear))
    venues.start()
    try:
        return asyncio.run(_median(LocalVenues(dear, None, *map(Server, ours.recv()))))
    finally:
        ours.send("end")
        venues.join()


def _serve(pipe: Connection, dear: frozenset[str]) -> None:
    async def serving() -> None:
        async with LocalVenues(dear).serving() as venues:
            pipe.send((venues.injective.url, venues.binance.url))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(serving())


async def _median(venues: LocalVenues) -> float:
    took = []
    request = ScanRequest(markets=venues.patterns, kinds=frozenset({EdgeKind.CROSS_VENUE}))
    for _ in range(ROUNDS + 1):
        with TemporaryDirectory() as home:
            start = perf_counter()
            async with venues.app(Path(home)) as app:
                found = await look(app, request)
            took.append(perf_counter() - start)
        assert {edge.market.base for edge in found.edges if edge.stands} == venues.dear
    return median(took[1:])
