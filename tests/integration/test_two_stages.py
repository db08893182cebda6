"""Many markets are looked at in two stages: every top of book at once, then whole books of a few only."""

import pytest

from defi_analytics.app.opening import opened_app
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.clock import WallClock
from defi_analytics.config.loaded import Loaded
from defi_analytics.domain.edge import EdgeKind, Reason
from defi_analytics.domain.market import MarketKind
from defi_analytics.sandbox.sandbox import Sandbox
from tests.integration.local_venues import LocalVenues, Rounds
from tests.integration.test_planted import settings

DEAR = frozenset({"AAVE", "LINK", "SOL", "TIA", "UNI"})
OVERVIEW = 3
"""Injective's spot list and oracle, Binance's tickers."""
PER_CANDIDATE = 3
"""Injective's book; Binance's book and grid."""
DATE = 1
"""Injective's latest block, by which all of its books are dated."""


def request_for(venues):
    return ScanRequest(markets=venues.patterns, kinds=frozenset({EdgeKind.CROSS_VENUE}))


@pytest.mark.parametrize("dear", [frozenset(), frozenset({"SOL"}), DEAR], ids=len)
async def test_134_markets_take_two_requests_and_two_per_surviving_candidate_in_two_rounds(dear, tmp_path):
    rounds = Rounds(OVERVIEW, *([PER_CANDIDATE * len(dear) + DATE] if dear else []))
    async with LocalVenues(dear, rounds).serving() as venues, venues.app(tmp_path) as app:
        found = await look(app, request_for(venues))
    assert found.snapshot.problems == ()
    assert len(venues.rows) == sum(key.venue == "injective" for key in found.snapshot.tops) == 134
    assert len(found.scope.markets) == 133, "all but the one whose ticker names no quote"
    assert {edge.market.base for edge in found.edges if edge.stands} == dear
    asked = {"injective": venues.injective.requests.total(), "binance": venues.binance.requests.total()}
    assert asked["injective"] <= 2 + 2 * len(dear)
    assert asked == {"injective": 2 + len(dear) + DATE * bool(dear), "binance": 1 + 2 * len(dear)}
    assert rounds.arrived == sum(rounds.sizes)


async def test_whoever_does_not_survive_the_tops_is_told_why_without_a_book(tmp_path):
    async with LocalVenues(frozenset()).serving() as venues, venues.app(tmp_path) as app:
        found = await look(app, request_for(venues))
    assert found.snapshot.books == {}
    reasons = {edge.rejection.reason for edge in found.edges}
    assert reasons == {Reason.NOT_CROSSED, Reason.NO_REFERENCE, Reason.UNVERIFIED_ASSET}
    assert sum(edge.rejection.reason is Reason.NOT_CROSSED for edge in found.edges) == 20


async def test_a_perpetual_that_survives_takes_one_request_more_for_its_funding(tmp_path):
    async with Sandbox(58, WallClock(), hold=True) as sandbox:
        own = settings(tmp_path, 58, int(sandbox.url.rpartition(":")[2]))
        async with opened_app(Loaded(own, {}), {}) as app:
            found = await look(app, ScanRequest(kinds=frozenset({EdgeKind.CROSS_VENUE})))
        asked = {path: n for path, n in sandbox.server.requests.items() if path.endswith("/fundingRates")}
    read = [found.snapshot.markets[key] for key in found.snapshot.books if key.venue == "injective"]
    perpetuals = {market.key for market in read if market.kind is MarketKind.PERPETUAL}
    assert sum(asked.values()) == len(perpetuals) > 0
    assert found.snapshot.funding.keys() == perpetuals
    assert found.snapshot.problems == ()
