"""Two real books of one asset at the same instants: a gap of six basis points is there, and fees eat it."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import pytest

from defi_analytics.domain.book import Levels, Top, checked_book
from defi_analytics.domain.edge import EdgeKind, Reason, Side
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.decide import decide
from tests.builders import LOOSE, a_market, a_scope
from tests.shared_data import shared

DEPTH = 100
EVERY_NS = 1_000_000_000
D = Decimal


class Replica:
    """A book kept as Binance says: a snapshot, and the diffs after it without a gap, also those that came first."""

    def __init__(self, lines):
        self.lines, self.pending, self.at = iter(lines), None, 0
        self.sequence, self.early = None, []
        self.bids, self.asks = {}, {}
        while self.sequence is None:
            self.step()

    def step(self):
        received, _, text = self.pending or next(self.lines).partition(b" ")
        self.pending, self.at = None, int(received)
        if b"@depth" not in text and b"lastUpdateId" not in text:
            return
        message = json.loads(text)
        if "lastUpdateId" in message:
            self.sequence = message["lastUpdateId"]
            self.change(message["bids"], message["asks"])
            for diff in self.early:
                self.follow(diff)
        elif self.sequence is None:
            self.early.append(message["data"])
        else:
            self.follow(message["data"])

    def follow(self, diff):
        if diff["u"] <= self.sequence:
            return
        assert diff["U"] <= self.sequence + 1 or diff.get("pu") == self.sequence, "a diff is missing"
        self.sequence = diff["u"]
        self.change(diff["b"], diff["a"])

    def change(self, bids, asks):
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for price, quantity in levels:
                if D(quantity):
                    side[D(price)] = D(quantity)
                else:
                    side.pop(D(price), None)

    def until(self, instant):
        """False once the recording has ended."""
        while True:
            self.pending = self.pending or next(self.lines, b"").partition(b" ")
            if not self.pending[0]:
                return False
            if int(self.pending[0]) > instant:
                return True
            self.step()

    def best(self):
        bids = sorted(self.bids.items(), reverse=True)[:DEPTH]
        return bids, sorted(self.asks.items())[:DEPTH]


def lines(name):
    with gzip.open(shared(f"data/ticks_binance_202408/{name}_btcusdt_20240808.gz"), "rb") as file:
        return file.read().splitlines()


@cache
def instants():
    """(when received, spot's sides, perpetual's sides) of every second that both recordings cover."""
    spot, perpetual = Replica(lines("spot")), Replica(lines("usdm"))
    instant = max(spot.at, perpetual.at)
    found = []
    while spot.until(instant) and perpetual.until(instant):
        found.append((instant, spot.best(), perpetual.best()))
        instant += EVERY_NS
    return found


def market(venue, kind, fee):
    return a_market(
        venue,
        "BTC",
        kind=kind,
        taker_fee=D(fee),
        price_tick=D("0.01"),
        quantity_tick=D("0.00001") if kind is MarketKind.SPOT else D("0.001"),
    )


def decided(instant, home, other):
    """The one edge of two (market, sides) pairs seen at the same instant."""
    time = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=instant // 1000)
    books, tops = {}, {}
    for one, (bids, asks) in (home, other):
        sides = [Levels(tuple(float(p) for p, _ in s), tuple(float(q) for _, q in s)) for s in (bids, asks)]
        books[one.key] = checked_book(one.key, *sides, time, truncated=True)
        bid, ask = float(bids[0][0]), float(asks[0][0])
        tops[one.key] = Top(one.key, time, bid, ask, (bid + ask) / 2)
    markets = {one.key: one for one, _ in (home, other)}
    snapshot = Snapshot(time, "mainnet", markets, tops, books)
    scope = a_scope([home[0]], other[0].venue, kinds=[EdgeKind.CROSS_VENUE])
    (edge,) = decide(snapshot, scope, LOOSE)
    return edge


def top_edges(home, other):
    """Net edge of the first unit in each direction, exactly; the perpetual makes both legs be closed again."""
    (one, (bids, asks)), (reference, (their_bids, their_asks)) = home, other
    fee, their_fee = one.taker_fee, reference.taker_fee
    return {
        Side.BUY: their_bids[0][0] * (1 - their_fee) / asks[0][0] - (1 + fee) - (fee + their_fee),
        Side.SELL: bids[0][0] * (1 - fee) / their_asks[0][0] - (1 + their_fee) - (fee + their_fee),
    }


def pairs(spot_fee, perpetual_fee, *, spot_at_home):
    venues = ("injective", "binance-perp") if spot_at_home else ("binance", "injective")
    spot = market(venues[0], MarketKind.SPOT, spot_fee)
    perpetual = market(venues[1], MarketKind.PERPETUAL, perpetual_fee)
    for instant, spot_sides, perpetual_sides in instants():
        both = (spot, spot_sides), (perpetual, perpetual_sides)
        yield instant, *(both if spot_at_home else both[::-1])


@pytest.mark.parametrize("spot_at_home", [True, False])
@pytest.mark.parametrize("spot_fee", ["0.001", "0.0005"], ids=["binance's fee", "injective's fee"])
def test_after_taker_fees_no_opportunity_is_reported(spot_fee, spot_at_home):
    judged = 0
    for instant, home, other in pairs(spot_fee, "0.0005", spot_at_home=spot_at_home):
        edge = decided(instant, home, other)
        exact = top_edges(home, other)
        assert edge.rejection is not None
        assert edge.rejection.reason is Reason.NOT_CROSSED
        assert edge.side is max(exact, key=exact.get)
        assert edge.indicative == pytest.approx(float(exact[edge.side]), abs=1e-12)
        # Not even the way in is earned: nothing stands before the way out is paid either.
        assert exact[edge.side] + home[0].taker_fee + other[0].taker_fee < 0
        judged += 1
    assert judged > 250


@pytest.mark.parametrize("spot_at_home", [True, False])
def test_without_fees_the_same_books_cross_and_are_reported_at_their_gap(spot_at_home):
    standing = 0
    for instant, home, other in pairs("0", "0", spot_at_home=spot_at_home):
        edge = decided(instant, home, other)
        exact = top_edges(home, other)
        assert edge.stands == (exact[edge.side] > 0)
        if edge.stands:
            assert edge.pricing.gross_edge == pytest.approx(float(exact[edge.side]), abs=1e-12)
            assert edge.pricing.profit > 0
            standing += 1
    assert standing > 250


def test_a_planted_gap_wider_than_the_fees_is_reported():
    instant, home, other = next(pairs("0.001", "0.0005", spot_at_home=True))
    dearer = [[(price * D("1.005"), quantity) for price, quantity in side] for side in home[1]]
    edge = decided(instant, (home[0], dearer), other)
    assert edge.stands
    assert edge.side is Side.SELL
