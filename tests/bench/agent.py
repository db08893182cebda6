"""What the agent itself adds: from a book's bytes to a signed order's bytes, and whole rounds on paper.

Against the part that nobody can leave out: `json.loads` of the same book and one signature. No outside peer
does the same work, so both are told without a target; the notes tell what they took on this machine.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median, quantiles
from time import perf_counter

from defi_analytics.domain.market import Market
from defi_analytics.engine.decide import decide
from defi_analytics.engine.trade import decide_trades
from defi_analytics.keys.signer import KeySigner
from defi_analytics.sandbox.chain.genesis import DEV_KEY
from defi_analytics.venues.injective.books import parse_order_book
from defi_analytics.venues.injective.chain.messages import built
from defi_analytics.venues.injective.chain.signing import Bill, Unsigned, body_of, signed_bytes
from defi_analytics.venues.injective.chain.trader import trader
from tests.bench.timing import Figure, paired, timed
from tests.engine.trading import PERP, World, an_agent

LEVELS = 100
REPEAT = 10
LATENCIES = 500
HEIGHT = 1_000
ROUNDS_TIMED = 50
SIGNED_OVER = bytes(400)
"""As long as the document of one order."""


def figures() -> Iterator[Figure]:
    signer = KeySigner(bytearray.fromhex(DEV_KEY))
    market = replace(PERP, market_id="0x" + "ab" * 32, quote_denom="peggy0x" + "cd" * 20)
    body = _book_bytes(market)

    def yardstick() -> None:
        json.loads(body)
        signer.sign(SIGNED_OVER)

    signed = _signed(market, body, signer)
    took = sorted(_each(signed, LATENCIES))
    note = f"median {median(took) * 1e3:.2f} ms, p99 {quantiles(took, n=100)[98] * 1e3:.2f} ms"
    ratio = paired(timed(signed, REPEAT), timed(yardstick, REPEAT))
    yield Figure(
        f"book of 2 x {LEVELS} levels to signed order / json.loads and a signature", ratio, None, note
    )
    rounds: list[float] = []
    one = paired(_rounds(rounds), timed(yardstick, ROUNDS_TIMED))
    note = f"{ROUNDS_TIMED / median(rounds):.0f} rounds/s"
    yield Figure("a paper round, journal in memory / json.loads and a signature", one, None, note)


def _signed(market: Market, body: bytes, signer: KeySigner) -> Callable[[], bytes]:
    """All between the answer of the venue and the broadcast, but what has to be asked for in between."""
    world = World(market)
    world.show(25.0, away=25.3)
    agent = an_agent(world)
    known, seen = asyncio.run(agent._known())
    own = trader(signer.address, "", 0)

    def decided() -> bytes:
        book = parse_order_book("injective", body, market, known.snapshot.time, LEVELS)
        snapshot = replace(known.snapshot, books={**known.snapshot.books, market.key: book})
        edges = decide(snapshot, seen.scope, seen.limits)
        decision = decide_trades(known._replace(snapshot=snapshot, edges=edges), seen.markets, agent.terms)
        messages = built(decision.approved[0].orders, (), own, HEIGHT)
        unsigned = Unsigned(body_of(messages, HEIGHT + 30, HEIGHT), "injective-777", 1, 1)
        return signed_bytes(unsigned, Bill(300_000, 10**15), signer)

    assert decided()
    return decided


def _rounds(took: list[float]) -> Callable[[], float]:
    """Measures so many rounds of one agent, and tells each result to `took` too."""
    world = World()
    world.show(25.0, away=25.0)
    agent = an_agent(world)

    async def rounds() -> None:
        for _ in range(ROUNDS_TIMED):
            await agent.cycle()

    measure = timed(lambda: asyncio.run(rounds()), 1)

    def subject() -> float:
        took.append(measure())
        return took[-1]

    return subject


def _each(work: Callable[[], object], times: int) -> Iterator[float]:
    for _ in range(times):
        start = perf_counter()
        work()
        yield perf_counter() - start


def _book_bytes(market: Market) -> bytes:
    """Two ticks between the levels, in the decimals of the market's grid."""
    below, above = (
        [
            {"p": f"{25 + sign * 2 * n * market.price_tick:.18f}", "q": f"{10 + n:.18f}"}
            for n in range(1, LEVELS + 1)
        ]
        for sign in (-1, 1)
    )
    return json.dumps({"buys_price_level": below, "sells_price_level": above, "seq": "1"}).encode()
