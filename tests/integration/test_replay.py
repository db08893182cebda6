"""A scan that was recorded can be decided again from the journal alone."""

from dataclasses import replace

import pytest

from defi_analytics.app.opening import opened_app
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.clock import WallClock
from defi_analytics.config.loaded import Loaded
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.engine.decide import decide
from defi_analytics.engine.replay import replayed, used
from defi_analytics.sandbox.sandbox import Sandbox
from tests.builders import a_market
from tests.integration.local_venues import LocalVenues
from tests.integration.test_planted import settings

BLOCKS, STEP = 20, 37
MOST_BYTES = 1_000_000


def journalled(app):
    with app.journal() as journal:
        return list(journal.replay("scan"))


async def test_twenty_blocks_are_decided_again_bit_for_bit(tmp_path):
    async with Sandbox(58, WallClock(), hold=True) as sandbox:
        own = settings(tmp_path, 58, int(sandbox.url.rpartition(":")[2]))
        async with opened_app(Loaded(own, {}), {}) as app:
            scans = []
            for _ in range(BLOCKS):
                found = await look(app, ScanRequest())
                app.record_scan(found.snapshot, found.scope, found.limits, found.edges)
                scans.append(found)
                sandbox.advance(STEP)
            records = journalled(app)
    assert len(records) == len(scans) == BLOCKS
    for found, (at, _, body) in zip(scans, records, strict=True):
        again = replayed(body)
        edges = decide(*again)
        assert at == again.snapshot.time == found.snapshot.time
        assert edges == found.edges
        assert repr(edges) == repr(found.edges)
    assert len({repr(found.edges) for found in scans}) == BLOCKS
    kinds = {edge.kind for found in scans for edge in found.edges if edge.stands}
    assert {EdgeKind.CROSS_VENUE, EdgeKind.ORACLE} <= kinds
    perpetuals = [edge for found in scans for edge in found.edges if found.snapshot.funding and edge.pricing]
    assert any(edge.pricing.costs.carry > 0 for edge in perpetuals)


@pytest.mark.parametrize("dear", [frozenset({"SOL", "TIA"})])
async def test_a_record_holds_the_markets_in_scope_and_their_counterparts_not_every_ticker(dear, tmp_path):
    async with LocalVenues(dear).serving(0.0) as venues, venues.app(tmp_path) as app:
        found = await look(app, ScanRequest(venues.patterns, frozenset({EdgeKind.CROSS_VENUE})))
        app.record_scan(found.snapshot, found.scope, found.limits, found.edges)
        ((_, _, body),) = journalled(app)
    unrelated = replace(a_market("binance", base="NONE"), market_id="none")
    wide = replace(found.snapshot, markets={**found.snapshot.markets, unrelated.key: unrelated})
    assert unrelated.key not in used(wide, found.scope).markets
    assert len(used(found.snapshot, found.scope).markets) < 200
    assert decide(*replayed(body)) == found.edges
    assert (tmp_path / "journal.sqlite").stat().st_size < MOST_BYTES
