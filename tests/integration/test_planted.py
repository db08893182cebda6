"""The sandbox plants mispricings and knows the truth in exact decimals; a scan must find just those.

Judged are the edges between venues and against the oracle. An edge against a forecast is left out: the
sandbox's forecasts are right only as often as their skill says, so no truth confirms or denies one of them.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import pytest

from defi_analytics.app.opening import opened_app
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.cli.scan_rows import scan_row
from defi_analytics.clock import WallClock
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import InjectiveSettings, SandboxSettings, Settings
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.truth import truth
from defi_analytics.sandbox.world import World
from tests.cli.harness import free_port
from tests.shared_data import ROOT

KINDS = (EdgeKind.CROSS_VENUE, EdgeKind.ORACLE)
PER_CHUNK = 20
CHUNKS = [range(first, first + PER_CHUNK) for first in range(0, 200, PER_CHUNK)]
STEPS = {
    (venue, one.asset): one.quantity_step
    for venue, instruments in (("binance", BINANCE), ("hyperliquid", HYPERLIQUID))
    for one in instruments.values()
}


def settings(home, seed, port):
    return Settings(
        home=home,
        injective=InjectiveSettings(network="sandbox"),
        sandbox=SandboxSettings(seed=seed, port=port),
    )


@dataclass
class Tally:
    """What one or more scans found of what was planted."""

    planted: int = 0
    found: int = 0
    missed: list = field(default_factory=list)
    false: list = field(default_factory=list)
    wrong: list = field(default_factory=list)

    def judge(self, seed, rows, planted):
        standing = {named(row): row for row in rows if row["stands"]}
        self.planted += len(planted)
        self.found += len(planted.keys() & standing.keys())
        self.missed += [(seed, key) for key in planted.keys() - standing.keys()]
        self.false += [(seed, key) for key in standing.keys() - planted.keys()]
        for key in planted.keys() & standing.keys():
            if problem := disagreement(standing[key], planted[key]):
                self.wrong.append((seed, key, problem))

    def check(self, least):
        counts = f"planted {self.planted}, found {self.found}, false {len(self.false)}"
        assert [*self.missed, *self.false, *self.wrong] == [], counts
        assert self.planted == self.found, counts
        assert self.planted >= least, counts


def named(row):
    return row["kind"], row["market"]["market_id"], row["against"], row["side"]


def by_name(found, settings):
    """The planted ones above the scan's own thresholds: one for edges, another for the oracle."""
    least = {"cross-venue": settings.min_edge, "oracle": settings.scan.oracle_deviation}
    venues = {"pyth": "injective-oracle"}
    return {
        (one.kind, one.market_id, venues.get(one.venue, one.venue), one.side.lower()): one
        for one in found
        if one.top_edge > least[one.kind]
    }


def disagreement(row, planted):
    """How a standing edge differs from the truth by more than rounding; None if it does not."""
    if planted.kind == "oracle":
        gap = abs(Decimal(row["z"]) * Decimal(row["uncertainty"]))
        return None if abs(gap - planted.top_edge) < Decimal("1e-6") else f"a gap of {gap}, not {planted}"
    quantity, notional = Decimal(row["quantity"]), Decimal(row["notional"])
    carry, gas = Decimal(row["costs"]["carry"]), Decimal(row["costs"]["gas"])
    listing = LISTINGS[planted.market_id]
    step = max(listing.quantity_tick, STEPS[planted.venue, listing.asset])
    left = planted.best_quantity - quantity
    # The truth knows neither the grid both venues accept nor the funding a holder pays. What the grid cuts off
    # earned at most the top edge, what funding cuts off earned less than the funding of it.
    forgone = min(left, step) * notional / quantity * planted.top_edge + left * carry / quantity
    rounding = notional * Decimal("1e-9")
    short = planted.profit_quote - (Decimal(row["profit"]) + carry + gas)
    on_grid = quantity % step == 0 and (left < step or carry > 0)
    if left >= 0 and on_grid and -rounding <= short <= forgone + rounding and 0 < gas < Decimal("0.01"):
        return None
    return f"{quantity} for {row['profit']} (carry {carry}, gas {gas}), not {planted}"


async def scanned(home, seed):
    """The rows of one look at a held sandbox, through every layer but the command line; and the truth."""
    async with Sandbox(seed, WallClock(), hold=True) as sandbox:
        own = settings(home, seed, int(sandbox.url.rpartition(":")[2]))
        async with opened_app(Loaded(own, {}), {}) as app:
            found = await look(app, ScanRequest(kinds=frozenset(KINDS)))
        assert not found.snapshot.problems
        rows = [msgspec.to_builtins(scan_row(edge, found.snapshot.time)) for edge in found.edges]
        return rows, by_name(sandbox.truth(Decimal(0)), own)


@pytest.mark.parametrize("seeds", CHUNKS, ids=lambda seeds: f"seeds {seeds.start}-{seeds.stop - 1}")
async def test_a_scan_finds_every_planted_mispricing_and_no_other(seeds, tmp_path):
    tally = Tally()
    for seed in seeds:
        tally.judge(seed, *await scanned(tmp_path, seed))
    tally.check(least=10)


def test_what_is_missed_wrongly_priced_or_not_true_is_noticed(tmp_path):
    planted = by_name(truth(World(58), 0), settings(tmp_path, 58, 1))
    key = next(key for key in planted if key[0] == "cross-venue")
    costs = {"carry": "0", "gas": "0.001"}
    row = {"kind": key[0], "market": {"market_id": key[1]}, "against": key[2], "stands": True, "costs": costs}
    exact = row | {"quantity": str(planted[key].best_quantity), "notional": "1000", "side": key[3]}
    profit = planted[key].profit_quote - Decimal("0.001")
    opposite = row | {"side": "sell" if key[3] == "buy" else "buy"}
    tally = Tally()
    tally.judge(58, [exact | {"profit": str(profit)}, opposite], planted)
    assert (tally.found, len(tally.missed), len(tally.false), tally.wrong) == (1, len(planted) - 1, 1, [])
    tally.judge(58, [exact | {"profit": str(profit - Decimal("0.01"))}], {key: planted[key]})
    assert len(tally.wrong) == 1


@pytest.mark.parametrize(("seed", "least"), [(3, 0), (58, 2), (77, 1), (113, 1), (161, 1)])
def test_the_command_itself_finds_them_too(seed, least, tmp_path):
    own = {
        "DEFI_HOME": str(tmp_path),
        "DEFI_SANDBOX__SEED": str(seed),
        "DEFI_SANDBOX__PORT": str(free_port()),
    }
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DEFI_")}
    kinds = [part for kind in KINDS for part in ("--kind", kind.value)]
    done = subprocess.run(
        [sys.executable, "-m", "defi_analytics", "scan", "--network", "sandbox", "--json", *kinds],
        cwd=ROOT,
        env=environ | own | {"HOME": str(tmp_path)},
        capture_output=True,
        check=True,
        timeout=60,
    )
    document = json.loads(done.stdout)
    assert (document["ok"], document["warnings"]) == (True, [])
    tally = Tally()
    planted = by_name(truth(World(seed), 0), settings(tmp_path, seed, 1))
    tally.judge(seed, document["data"], planted)
    tally.check(least)
