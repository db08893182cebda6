from decimal import Decimal
from types import SimpleNamespace

from defi_analytics.sandbox.books import Block
from defi_analytics.sandbox.listings import BINANCE, HYPERLIQUID, LISTINGS, PERPETUALS, SPOT
from defi_analytics.sandbox.matching import Book, Order
from defi_analytics.sandbox.truth import truth

D = Decimal
INJ, ATOM = SPOT[:2]
BPS = D("0.0001")


def book(bids, asks):
    return Book(*(tuple(Order(D(price), D(quantity)) for price, quantity in side) for side in (bids, asks)))


FAIR = book([("99.9", "10")], [("100.1", "10")])


class Still:
    """Everything is worth 100 everywhere, but for the books that are given."""

    def __init__(self, books=(), usdt="1", usdc_ticks=9_999):
        self.books, self.usdt = dict(books), D(usdt)
        self.prices = SimpleNamespace(usdc_ticks=usdc_ticks)

    def block(self, market_id, block):
        return Block(self.books.get(market_id, FAIR), ())

    def reference(self, reference, block):
        return self.books.get(reference, FAIR)

    def mark_price(self, listing, block):
        return D(100)

    def oracle(self, asset, block):
        return self.usdt if asset == "USDT" else D(100)


def test_where_everyone_agrees_nothing_is_true():
    assert truth(Still(), 0) == []


def test_profit_and_size_are_those_of_walking_both_books_until_nothing_is_left_to_gain():
    here = book([("94", "1")], [("95", "2"), ("96", "1"), ("99.95", "5")])
    there = book([("99.9", "2.5"), ("97", "1"), ("95", "9")], [("100.1", "1")])
    found = truth(Still({INJ.market_id: here, BINANCE["INJUSDT"]: there}), 0)
    (one,) = (one for one in found if one.venue == "binance")
    assert (one.kind, one.market_id, one.side) == ("cross-venue", INJ.market_id, "BUY")
    # Fees of 0.05 % on what is bought for 95.0475 and 96.048, of 0.1 % on what is sold for 99.8001 and 96.903.
    assert one.best_quantity == 3
    assert one.profit_quote == 2 * D("4.7526") + D("0.5") * D("3.7521") + D("0.5") * D("0.855")
    assert abs(one.top_edge - (D("99.8001") / D("95.0475") - 1)) < D("1e-25")
    assert [(one.kind, one.side) for one in found if one.venue != "binance"] == [
        ("oracle", "BUY"),
        ("cross-venue", "BUY"),
    ]


def test_dollars_are_sold_at_the_bid_and_bought_at_the_ask_and_a_perpetual_pays_its_way_out():
    low, high = book([("89", "1")], [("90", "1")]), book([("110", "1")], [("111", "1")])
    bought, sold = D("100.1") * D("1.0005"), D("99.9") * D("0.9995")
    for there, side, edge in (
        (high, "BUY", (110 * D("0.9990") * D("0.99955") - D("0.00095") * D("100.1")) / bought - 1),
        (low, "SELL", (sold - D("0.00095") * 90 * D("0.99905")) / (90 * D("0.9991") * D("1.00045")) - 1),
    ):
        found = truth(Still({HYPERLIQUID["ATOM"]: there}, usdc_ticks=9_990), 0)
        (one,) = (one for one in found if one.market_id == ATOM.market_id)
        assert (one.side, one.best_quantity) == (side, 1)
        assert abs(one.top_edge - edge) < D("1e-25")


def test_a_perpetual_of_injective_pays_its_way_out_at_a_spot_venue_too():
    # The second ask is worth its price, but not the way out as well.
    cheap = book([("94", "1")], [("95", "2"), ("99.7", "1")])
    found = truth(Still({PERPETUALS[0].market_id: cheap}), 0)
    (one,) = (one for one in found if one.venue == "binance")
    gained = D("99.9") * D("0.999") - D("95") * D("1.0005") - D("0.0015") * 95
    assert (one.best_quantity, one.profit_quote) == (2, 2 * gained)
    assert abs(one.top_edge - gained / (D("95") * D("1.0005"))) < D("1e-25")


def test_a_spot_market_is_held_against_the_oracles_price_in_its_quote_and_a_perpetual_against_its_mark():
    found = truth(Still(usdt="0.8"), 0)
    assert {(one.kind, one.venue, one.side, one.top_edge) for one in found} == {
        ("oracle", "pyth", "BUY", D("0.2"))
    }
    assert {one.market_id for one in found} == {one.market_id for one in SPOT if not one.impostor}


def test_only_more_than_the_least_edge_is_told_largest_first():
    low, high = (book([(mid - 1, "1")], [(mid + 1, "1")]) for mid in (80, 110))
    world = Still({PERPETUALS[0].market_id: low, PERPETUALS[1].market_id: high})
    edges = [one.top_edge for one in truth(world, 0)]
    assert edges == sorted(edges, reverse=True)
    assert {D("0.2"), D("0.1")} < set(edges)
    assert D("0.1") not in {one.top_edge for one in truth(world, 0, D("0.1"))}


def test_impostors_are_never_true():
    impostors = [market_id for market_id, listing in LISTINGS.items() if listing.impostor]
    absurd = book([("1", "9")], [("2", "9")])
    assert len(impostors) == 5
    assert truth(Still(dict.fromkeys(impostors, absurd)), 0) == []
