from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.app.earned import By, booked, sums
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Cancel, Fill, OrderRequest
from defi_analytics.domain.transaction import OrderResult, SignedTransaction
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.records import Fills, Kind, Resolved, Signed
from defi_analytics.errors import Mismatch
from tests.engine.memory_journal import MemoryJournal
from tests.engine.start_states import GAS, PERP, SPOT
from tests.fakes import NOON, FakeClock

DAY = timedelta(days=1)
USDC = replace(SPOT, market_id="usdc", ticker="INJ/USDC", quote="USDC")


@dataclass
class Story:
    """A journal, order by order; each is filled whole in the next block."""

    journal: MemoryJournal = field(default_factory=MemoryJournal)
    number: int = 0

    def __post_init__(self) -> None:
        self.ledger = Ledger.opened(self.journal, FakeClock())

    def order(
        self, market: Market, side: Side, quantity: str, price: str, fee: str = "0", **more: object
    ) -> "Story":
        """`strategy`, `day`, `index`, `times` (the same fill told so often), `proven`."""
        self.number += 1
        name, at = f"o{self.number}", NOON + DAY * int(str(more.get("day", 0)))
        request = OrderRequest(
            name, market, side, OrderKind.MARKET, 25_000, market.lots(Decimal(quantity)),
            str(more.get("strategy", "convergence")),
        )  # fmt: skip
        self.send((request,), (), at)
        self.fill(market, side, quantity, price, fee, **more)
        return self

    def send(self, orders: tuple[OrderRequest, ...], cancels: tuple[Cancel, ...], at: object = NOON) -> None:
        tx_hash = f"T{self.number}"
        names = tuple(order.client_order_id for order in orders)
        transaction = SignedTransaction(tx_hash, b"", "a", self.number, 99, names, 1, GAS, at)  # type: ignore[arg-type]  # a time
        self.ledger.write(Kind.SIGNED, Signed(transaction, orders, cancels))
        results = tuple(OrderResult(name, "0x1") for name in names)
        self.ledger.write(Kind.RESOLVED, Resolved(tx_hash, self.number * 10, 0, "", "", results, "found"))

    def fill(
        self, market: Market, side: Side, quantity: str, price: str, fee: str = "0", **more: object
    ) -> None:
        """Of the last order, or of `order`."""
        index = more.get("index")
        fill = Fill(
            f"f{self.number}", market.key, str(more.get("order", f"o{self.number}")), "0x1", side, Decimal(price),
            Decimal(quantity), Decimal(fee), NOON + DAY * int(str(more.get("day", 0))), self.number * 10,
            funding_index=None if index is None else Decimal(str(index)),
        )  # fmt: skip
        times = int(str(more.get("times", 1)))
        height = self.ledger.books.scanned_height
        self.ledger.write(Kind.FILLS, Fills(height + 1, height + 1, (fill,) * times))

    def sums(self, by: By | None = None) -> list[tuple[object, ...]]:
        return [
            (s.day.isoformat() if s.day else s.market.ticker if s.market else "", s.quote, s.trades, s.won, s.total)
            for s in sums(list(booked(self.journal)), by)
        ]  # fmt: skip


def test_a_trade_counts_on_the_day_it_ends_and_its_fees_on_the_days_they_are_paid() -> None:
    story = Story()
    story.order(SPOT, Side.BUY, "2", "10", "0.1").order(SPOT, Side.SELL, "1", "12", "0.2")
    story.order(SPOT, Side.SELL, "1", "13", "0.3", day=1)
    assert story.sums(By.DAY) == [
        ("2026-01-02", "USDT", 0, 0, Decimal("1.7")),
        ("2026-01-03", "USDT", 1, 1, Decimal("2.7")),
    ]
    (total,) = sums(list(booked(story.journal)))
    assert (total.realised, total.fees, total.funding, total.gas) == (5, Decimal("0.6"), 0, 3 * GAS)
    assert (total.fills, total.day, total.market) == (3, None, None)


def test_a_trade_that_its_fees_or_its_funding_eat_is_lost() -> None:
    story = Story()
    story.order(SPOT, Side.BUY, "1", "10", "0.5").order(SPOT, Side.SELL, "1", "11", "0.5")
    story.order(PERP, Side.BUY, "1", "10", index=3).order(PERP, Side.SELL, "1", "11", index="4.5")
    story.order(PERP, Side.SELL, "1", "10", index=5).order(PERP, Side.BUY, "1", "10", index=6)
    assert story.sums(By.MARKET) == [
        ("INJ/USDT", "USDT", 1, 0, Decimal(0)),
        ("INJ/USDT PERP", "USDT", 2, 1, Decimal("0.5")),
    ]
    assert [s.funding for s in sums(list(booked(story.journal)), By.MARKET)] == [0, Decimal("0.5")]


def test_funding_that_nobody_told_leaves_the_total_undetermined() -> None:
    story = Story().order(PERP, Side.BUY, "1", "10", index=3).order(PERP, Side.SELL, "1", "11")
    (only,) = sums(list(booked(story.journal)))
    assert (only.funding, only.total, only.realised, only.trades) == (None, None, 1, 1)


def test_a_position_that_turns_around_ends_one_trade_and_begins_another() -> None:
    story = Story().order(PERP, Side.BUY, "1", "10", "1", index=0)
    story.order(PERP, Side.SELL, "3", "12", "3", index=0, day=1)
    story.order(PERP, Side.BUY, "2", "9", "1", index=0, day=2)
    ended = [trade for entry in booked(story.journal) for trade in entry.trades]
    # Two of price less a fee of one each way; then six of price less two of turning and one of leaving.
    assert ended == [Decimal(0), Decimal(3)]


def test_what_others_traded_is_not_earned_but_closing_a_perpetual_for_us_is() -> None:
    story = Story().order(SPOT, Side.BUY, "1", "10").order(PERP, Side.BUY, "2", "10", index=0)
    story.number += 1
    story.fill(SPOT, Side.SELL, "1", "50", order="web")
    story.number += 1
    story.fill(PERP, Side.SELL, "5", "13", "5", order="liquidated", index=0)
    assert story.sums(By.MARKET) == [
        ("INJ/USDT", "USDT", 0, 0, Decimal(0)),
        ("INJ/USDT PERP", "USDT", 1, 1, Decimal(4)),
    ]


def test_a_fill_that_is_told_twice_counts_once() -> None:
    story = Story().order(SPOT, Side.BUY, "1", "10", "1", times=2)
    (only,) = sums(list(booked(story.journal)))
    assert (only.fills, only.fees) == (1, 1)


def test_gas_is_of_the_market_it_was_for_and_of_none_where_it_was_for_several() -> None:
    story = Story().order(SPOT, Side.BUY, "1", "10").order(USDC, Side.BUY, "1", "10")
    story.number += 1
    story.send((), (Cancel(SPOT.key, SPOT, "o1"), Cancel(USDC.key, USDC, "o2")))
    found = {
        (s.market.ticker if s.market else "", s.quote): s.gas
        for s in sums(list(booked(story.journal)), By.MARKET)
    }
    assert found == {("INJ/USDT", "USDT"): GAS, ("INJ/USDC", "USDC"): GAS, ("", ""): GAS}
    assert [s.quote for s in sums(list(booked(story.journal)))] == ["", "USDC", "USDT"]


def test_what_never_was_in_a_block_costs_no_gas() -> None:
    story = Story()
    request = OrderRequest("o", SPOT, Side.BUY, OrderKind.LIMIT, 25_000, 1_000, "convergence")
    transaction = SignedTransaction("T", b"", "a", 1, 99, ("o",), 1, GAS, NOON)
    story.ledger.write(Kind.SIGNED, Signed(transaction, (request,)))
    story.ledger.write(Kind.RESOLVED, Resolved("T", 0, 0, "", "", (), "expired"))
    assert list(booked(story.journal)) == []


@pytest.mark.parametrize("kind", ["signed", "resolved", "fills"])
def test_a_record_that_is_not_whole_is_a_mismatch(kind: str) -> None:
    journal = MemoryJournal()
    journal.append(kind, NOON, {})
    with pytest.raises(Mismatch):
        list(booked(journal))


def test_a_proof_of_what_was_never_signed_is_a_mismatch() -> None:
    journal = MemoryJournal()
    record = {"tx_hash": "T", "height": 1, "code": 0, "codespace": "", "log": "", "orders": [], "reason": ""}
    journal.append("resolved", NOON, record)
    with pytest.raises(Mismatch):
        list(booked(journal))


TRADES = st.lists(
    st.tuples(
        st.sampled_from([SPOT, PERP]),
        st.sampled_from(list(Side)),
        st.integers(1, 5_000),
        st.integers(9_000, 30_000),
        st.integers(-500, 500),
        st.sampled_from(["convergence", "oracle"]),
        st.integers(0, 3),
    ),
    max_size=12,
)


@given(TRADES)
def test_the_sums_are_what_the_account_books_itself(trades: list[tuple]) -> None:
    story = Story()
    for number, (market, side, lots, ticks, fee, strategy, day) in enumerate(trades):
        story.order(
            market, side, str(market.quantity(lots)), str(Decimal(ticks) / 1000), str(Decimal(fee) / 1000),
            strategy=strategy, day=day, index=None if market is SPOT else number,
        )  # fmt: skip
    held = story.ledger.books.held
    for found in sums(list(booked(story.journal)), By.MARKET):
        assert found.market is not None
        own = [each for (_, key), each in held.items() if key == found.market.key]
        assert abs(found.realised - sum((each.realised for each in own), Decimal(0))) < Decimal("1e-18")
        assert abs(found.fees - sum((each.fees for each in own), Decimal(0))) < Decimal("1e-18")
        assert found.funding == sum((each.funding for each in own), Decimal(0))
        assert found.gas == GAS * sum(
            trade[0] is found.market or trade[0].key == found.market.key for trade in trades
        )
