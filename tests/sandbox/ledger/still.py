"""A world that stands still until it is told to move: for fills that can be counted on one hand."""

from decimal import Decimal

from defi_analytics.sandbox.books import Block, Flow
from defi_analytics.sandbox.ledger import Ledger
from defi_analytics.sandbox.ledger.records import ZERO, LiveOrder, OrderType, Request, Stage
from defi_analytics.sandbox.matching import Book, Order
from tests.sandbox.ledger.wire import ALICE, BOB, INJ_USDT, USDT, sub

D = Decimal
SEED = 5


def levels(*rows, owner="maker"):
    return tuple(Order(D(price), D(quantity), owner) for price, quantity in rows)


class Still:
    """Every market has the same book in every block, and no takers, unless `flows` says otherwise."""

    seed = SEED
    block_s = 0.65

    def __init__(self, bids=(("9.9", "5"),), asks=(("10", "1"), ("10.1", "1"), ("10.2", "1")), mark="10"):
        self.resting = Book(levels(*bids), levels(*asks))
        self.mark = D(mark)
        self.flows = {}
        """(market, block) to what happens there."""
        self.asked = []

    def block(self, market_id, block):
        self.asked.append((market_id, block))
        flow = self.flows.get((market_id, block), Flow(self.resting))
        return Block(flow.resting, (), flow)

    def mark_price(self, listing, block):
        return self.mark(block) if callable(self.mark) else self.mark


def funded_ledger(world=None, usdt=10**12, inj=10**24):
    ledger = Ledger(world or Still())
    for who in (ALICE, BOB):
        ledger.credit(who, USDT, usdt)
        ledger.credit(who, "inj", inj)
    return ledger


def live(side, price, quantity=1, number=1):
    """A resting order of Alice's that locks nothing."""
    request = Request(
        INJ_USDT, sub(ALICE), ALICE, "", D(price), D(quantity), "", OrderType[side], None, None, 0
    )
    size = D(quantity)
    return LiveOrder(number, f"0x{number:064x}", request, Stage.RESTING, size, size, ZERO, USDT, 1)
