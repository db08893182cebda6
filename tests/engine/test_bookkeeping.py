from dataclasses import replace
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill, OrderRequest, OrderState
from defi_analytics.domain.transaction import OrderResult, SignedTransaction
from defi_analytics.engine import bookkeeping
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.records import Closed, Fills, Kind, Resolved, Signed
from defi_analytics.errors import Mismatch
from tests.builders import a_market
from tests.fakes import NOON

MARKET = a_market()


def a_request(order_id: str = "c1", kind: OrderKind = OrderKind.MARKET) -> OrderRequest:
    return OrderRequest(order_id, MARKET, Side.BUY, kind, 25_000, 1_000, "oracle")


def signed(*requests: OrderRequest, tx: str = "T1", expiry: int = 0) -> tuple[Kind, Any]:
    ids = tuple(request.client_order_id for request in requests)
    transaction = SignedTransaction(
        tx, b"bytes", "inj1a", 1, 130, ids, 100_000, Decimal("0.00002"), NOON, expiry
    )
    return Kind.SIGNED, Signed(transaction, requests)


def resolved(*orders: OrderResult, tx: str = "T1", height: int = 101, code: int = 0) -> tuple[Kind, Any]:
    return Kind.RESOLVED, Resolved(tx, height, code, "", "", orders, "found in a block")


def filled(first: int, last: int, *fills: Fill) -> tuple[Kind, Any]:
    return Kind.FILLS, Fills(first, last, fills)


def a_fill(order_id: str = "c1", quantity: str = "1", fill_id: str = "f") -> Fill:
    amount = Decimal(quantity)
    return Fill(fill_id, MARKET.key, order_id, "0xh", Side.BUY, Decimal(25), amount, Decimal(0), NOON, 101)


def folded(*records: tuple[Kind, Any], books: Bookkeeping | None = None) -> Bookkeeping:
    books = books or Bookkeeping()
    for kind, record in records:
        books.apply(kind, msgspec.json.decode(msgspec.json.encode(record)))
    return books


def test_records_of_other_rooms_are_passed_over() -> None:
    books = Bookkeeping()
    books.apply("scan", {"edges": []})
    assert books == Bookkeeping()


def test_a_transaction_that_failed_in_its_block_costs_gas_and_rejects_its_orders() -> None:
    books = folded(signed(a_request()), resolved(code=11))
    assert books.gas_paid == Decimal("0.00002")
    assert (books.orders["c1"].state, books.orders["c1"].error_code) == (OrderState.REJECTED, 11)


def test_a_batch_that_succeeded_may_hold_orders_that_failed() -> None:
    books = folded(
        signed(a_request("c1"), a_request("c2"), a_request("c3")),
        resolved(OrderResult("c1", "0xa"), OrderResult("c2", error_code=59)),
    )
    states = [order.state for order in books.orders.values()]
    assert states == [OrderState.OPEN, OrderState.REJECTED, OrderState.UNKNOWN]


def test_an_order_without_an_answer_is_live_until_the_fills_of_its_block_are_counted() -> None:
    books = folded(signed(a_request()), resolved())
    assert (books.orders["c1"].state, books.settled) == (OrderState.UNKNOWN, False)
    folded(filled(1, 101, a_fill()), books=books)
    order = books.orders["c1"]
    assert (order.state, order.filled, books.settled) == (OrderState.DONE, Decimal(1), True)
    assert folded(signed(a_request()), resolved(), filled(1, 101)).orders["c1"].state is OrderState.DONE


@pytest.mark.parametrize("kind", [OrderKind.LIMIT, OrderKind.STOP])
def test_an_order_without_an_answer_may_rest_until_the_venue_does_not_list_it(kind: OrderKind) -> None:
    books = folded(signed(a_request(kind=kind), expiry=500), resolved(), filled(1, 102))
    assert books.orders["c1"].state is OrderState.OPEN
    folded((Kind.CLOSED, Closed(102, ("c1",))), books=books)
    assert books.orders["c1"].state is OrderState.DONE


@pytest.mark.parametrize(
    ("unnamed", "state"), [(1, OrderState.REJECTED), (2, OrderState.UNKNOWN), (0, OrderState.UNKNOWN)]
)
def test_a_refusal_that_names_no_order_is_of_the_one_that_is_left(unnamed: int, state: OrderState) -> None:
    told = [OrderResult("", error_code=41)] * unnamed
    books = folded(signed(a_request("c1"), a_request("c2")), resolved(OrderResult("c1", "0xa"), *told))
    assert [order.state for order in books.orders.values()] == [OrderState.OPEN, state]
    assert books.orders["c2"].error_code == (41 if unnamed == 1 else 0)


def test_answers_that_name_no_order_and_differ_are_nobodys() -> None:
    told = OrderResult("", error_code=41), OrderResult("", "0xa")
    books = folded(signed(a_request("c1"), a_request("c2")), resolved(*told))
    assert {order.state for order in books.orders.values()} == {OrderState.UNKNOWN}


def test_an_order_is_done_when_it_is_filled_whole_whatever_its_expiry() -> None:
    books = folded(
        signed(a_request(kind=OrderKind.LIMIT), expiry=500),
        resolved(OrderResult("c1", "0xa")),
        filled(1, 101, a_fill(quantity="0.5")),
    )
    assert books.orders["c1"].state is OrderState.OPEN
    folded(filled(102, 102, a_fill(quantity="0.5", fill_id="g")), books=books)
    assert books.orders["c1"].state is OrderState.DONE


@pytest.mark.parametrize("beside", [0, 120])
def test_a_stop_lives_until_it_is_told_otherwise_whatever_is_placed_with_it(beside: int) -> None:
    books = folded(
        signed(a_request(kind=OrderKind.STOP), a_request("c2", OrderKind.LIMIT), expiry=beside),
        resolved(OrderResult("c1", "0xa"), OrderResult("c2", "0xb")),
        filled(1, 10**9),
    )
    assert [order.live for order in books.orders.values()] == [True, False]


def test_a_fill_of_an_order_that_is_not_ours_belongs_to_no_strategy() -> None:
    books = folded(filled(1, 101, a_fill("elsewhere")))
    assert list(books.held) == [("", MARKET.key)]
    assert books.net[MARKET.key].quantity == 1


def test_a_fill_that_is_reported_again_counts_once() -> None:
    books = folded(
        signed(a_request(kind=OrderKind.LIMIT), expiry=500),
        resolved(OrderResult("c1", "0xa")),
        filled(1, 101, a_fill(quantity="0.25"), a_fill(quantity="0.25")),
        filled(102, 102, a_fill(quantity="0.25"), a_fill(quantity="0.5", fill_id="g")),
    )
    assert (books.orders["c1"].filled, books.net[MARKET.key].quantity) == (Decimal("0.75"), Decimal("0.75"))


def test_the_ids_of_long_past_fills_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "_FILLS_KEPT", 2)
    fills = [a_fill(fill_id=name) for name in "abc"]
    assert list(folded(filled(1, 101, *fills))._counted) == ["b", "c"]


def test_the_same_blocks_cannot_be_counted_twice() -> None:
    with pytest.raises(Mismatch, match="counted before"):
        folded(filled(1, 101, a_fill()), filled(101, 102))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("signed", {}),
        ("sent", {"tx_hash": "T9", "submission": {"outcome": "accepted"}}),
        ("resolved", {"tx_hash": "T9"}),
        ("closed", {"height": 5, "client_order_ids": []}),
        ("fills", {"first_height": "x"}),
    ],
)
def test_a_record_that_cannot_follow_is_a_mismatch(kind: str, body: Any) -> None:
    with pytest.raises(Mismatch):
        Bookkeeping().apply(kind, body)


def test_orders_that_are_over_are_forgotten_in_time_and_living_ones_never() -> None:
    books = folded(signed(a_request("first", OrderKind.LIMIT), tx="T0", expiry=10**6))
    for number in range(1_200):
        folded(
            signed(a_request(f"c{number}"), tx=f"T{number + 1}"),
            resolved(tx=f"T{number + 1}", code=5),
            books=books,
        )
    assert len(books.orders) <= 1_002
    assert "first" in books.orders
    assert "c1199" in books.orders
    assert "c0" not in books.orders


@pytest.mark.parametrize("long", [True, False])
def test_what_a_protective_stop_closes_is_no_longer_held_by_the_strategy(long: bool) -> None:
    """Else it would ask to leave for ever, and let nobody else trade the market."""
    side, other = (Side.BUY, Side.SELL) if long else (Side.SELL, Side.BUY)
    entry = replace(a_request(), side=side)
    stop = replace(a_request("s1", OrderKind.STOP), side=other, strategy="stop", trigger_ticks=24_000)
    fill = replace(a_fill(), side=side)
    books = folded(
        signed(entry),
        resolved(OrderResult("c1", "0xh", 0)),
        filled(1, 101, fill),
        signed(stop, tx="T2"),
        resolved(OrderResult("s1", "0xs", 0), tx="T2", height=102),
        filled(102, 103, replace(fill, fill_id="f2", client_order_id="s1", side=other, height=103)),
    )
    assert {owner: held.quantity for owner, held in books.held.items()} == {("oracle", MARKET.key): 0}
    assert books.net[MARKET.key].quantity == 0
    again = folded(
        filled(104, 104, replace(fill, fill_id="f3", client_order_id="s1", side=other, height=104)),
        books=books,
    )
    assert again.held["", MARKET.key].quantity, "nothing was there to close"


def test_the_newest_fill_on_a_market_is_kept_whoever_ordered_it() -> None:
    ours, theirs = a_fill(fill_id="f1"), a_fill("other", fill_id="f2")
    assert folded(filled(101, 101, ours)).last_fills == {MARKET.key: ours}
    assert folded(filled(101, 102, ours, theirs)).last_fills == {MARKET.key: theirs}


def test_a_thousand_orders_hold_their_market_once_and_the_newest_tells_how_it_is() -> None:
    books = folded(signed(a_request("c1")), signed(a_request("c2"), tx="T2"))
    assert books.orders["c1"].request.market is books.orders["c2"].request.market
    later = replace(a_request("c3"), market=replace(MARKET, taker_fee=Decimal("0.002")))
    folded(signed(later, tx="T3"), books=books)
    assert books.orders["c3"].request == later
    assert books.orders["c1"].request == a_request("c1")
    assert books.markets[MARKET.key] == later.market
