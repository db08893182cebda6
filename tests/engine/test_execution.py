from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.order import ApprovedOrder, Cancel, OrderRequest, OrderState
from defi_analytics.domain.transaction import Sent, SignedTransaction, Submission
from defi_analytics.engine.absence import INDEX_BLOCKS
from defi_analytics.engine.counting import SPAN_BLOCKS
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.records import Kind, transaction_hash
from defi_analytics.errors import ExecutionError, OutcomeUnknown, Unavailable, WrongState
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.halting import halt, reduce
from tests.builders import a_market
from tests.engine.fake_chain import FakeChain, Killed
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import NOON, FakeClock

MARKET = a_market()
KINDS = ("lost before", "lost after", "late", "refused", "foreign")


def an_order(order_id: str, kind: OrderKind = OrderKind.MARKET, blocks: int = 10) -> ApprovedOrder:
    request = OrderRequest(order_id, MARKET, Side.BUY, kind, 25_000, 1_000, "oracle")
    return ApprovedOrder(request, blocks, NOON)


def recovered(journal: MemoryJournal) -> Ledger:
    return Ledger.opened(journal, FakeClock())


def an_execution(chain: FakeChain, journal: MemoryJournal) -> Execution:
    return Execution(chain, recovered(journal))


async def settled(execution: Execution, chain: FakeChain, blocks: int = 40) -> None:
    for _ in range(blocks):
        chain.make_block()
        await execution.settle()
        if not execution.books.unresolved and not execution.books.live:
            return
    raise AssertionError("never settled")


async def test_a_market_order_is_written_then_sent_then_proven_then_counted() -> None:
    chain, journal = FakeChain(), MemoryJournal()
    execution = an_execution(chain, journal)
    await execution.submit([an_order("c1")])
    assert journal.kinds == ["signed", "sent"]
    assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    await settled(execution, chain)
    order = execution.books.orders["c1"]
    assert (order.state, order.filled) == (OrderState.DONE, Decimal(1))
    assert execution.books.held["oracle", MARKET.key] == Inventory().after(chain.ledger[0])
    assert execution.books.gas_paid == Decimal("0.000016")


async def test_nothing_is_sent_when_the_journal_cannot_be_written() -> None:
    chain, journal = FakeChain(), MemoryJournal(full=True)
    with pytest.raises(WrongState):
        await an_execution(chain, journal).submit([an_order("c1")])
    assert not chain.sent


async def test_no_second_transaction_is_signed_while_the_first_has_no_proof() -> None:
    chain = FakeChain(faults=["lost after"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    with pytest.raises(OutcomeUnknown):
        await execution.submit([an_order("c2")])
    assert len(chain.signed) == 1


async def test_an_unanswered_broadcast_is_repeated_with_the_same_bytes() -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    await execution.settle()
    chain.fault_rate = 0.0
    await settled(execution, chain)
    assert len(chain.sent) == 3
    assert len(set(chain.sent)) == len(chain.signed) == 1
    assert execution.books.orders["c1"].state is OrderState.DONE


def stop(how: str, execution: Execution, journal: MemoryJournal) -> None:
    """As a person does, from another process or with a file alone."""
    if how == "file":
        execution.stopped = lambda: "the file STOP is there"
        return
    record = {"halt": halt, "reduce": reduce}[how](Denial.HALTED, "news", "a person")
    journal.append(record.kind, NOON, record.body)


@pytest.mark.parametrize("how", ["halt", "reduce", "file"])
@pytest.mark.parametrize(("reduces", "sent"), [(False, 1), (True, 2)])
async def test_once_somebody_stopped_it_only_what_reduces_is_repeated(
    how: str, reduces: bool, sent: int
) -> None:
    chain, journal = FakeChain(faults=["lost before"], fault_rate=1.0), MemoryJournal()
    execution = an_execution(chain, journal)
    order = an_order("c1")
    await execution.submit([replace(order, request=replace(order.request, reduce_only=reduces))])
    stop(how, execution, journal)
    await execution.prove()
    assert len(chain.sent) == sent


@pytest.mark.parametrize("how", ["halt", "reduce", "file"])
@pytest.mark.parametrize("reduces", [False, True])
async def test_what_is_stopped_while_it_is_signed_is_not_sent_unless_it_reduces(
    how: str, reduces: bool
) -> None:
    chain, journal = FakeChain(), MemoryJournal()
    execution = an_execution(chain, journal)
    chain.step = lambda name: stop(how, execution, journal) if name == "sign" else None
    order = an_order("c1")
    sent = await execution.submit([replace(order, request=replace(order.request, reduce_only=reduces))])
    assert bool(chain.sent) is reduces
    assert execution.refusal(sent) is None, "the chain was not asked"
    assert execution.books.orders["c1"].state is (OrderState.UNKNOWN if reduces else OrderState.ABSENT)
    assert bool(execution.books.unresolved) is reduces


async def test_who_stopped_keeps_no_order_on_the_book() -> None:
    chain, journal = FakeChain(), MemoryJournal()
    execution = an_execution(chain, journal)
    await execution.submit([an_order("c1", OrderKind.LIMIT)])
    chain.make_block()
    await execution.settle()
    stop("halt", execution, journal)
    await execution.submit([], [Cancel(MARKET.key, MARKET, "c1")])
    chain.make_block()
    assert not chain.resting


async def test_a_transaction_that_never_arrives_is_absent_only_beyond_its_timeout_height() -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    while chain.height < transaction.timeout_height + 2:
        chain.make_block()
        await execution.settle()
        assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    await settled(execution, chain)
    assert execution.books.orders["c1"].state is OrderState.ABSENT
    assert not chain.ledger


async def test_a_node_that_is_behind_cannot_prove_absence() -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.height = transaction.timeout_height + 3
    asked = []

    def fall_behind(name: str) -> None:
        asked.append(name)
        if name == "find":
            chain.height = transaction.timeout_height

    chain.step = fall_behind
    await execution.settle()
    assert asked[:3] == ["block", "find", "block"]
    assert execution.books.unresolved


async def test_a_transaction_found_at_the_second_look_is_not_absent() -> None:
    chain = FakeChain(faults=["lost after"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.make_block()
    late = chain.included.pop(transaction.tx_hash)
    chain.height = transaction.timeout_height + 3
    looks = []

    def indexed_late(name: str) -> None:
        looks.append(name)
        if looks.count("find") == 2:
            chain.included[transaction.tx_hash] = late

    chain.step = indexed_late
    await execution.settle()
    assert execution.books.orders["c1"].filled == 1


async def test_an_index_that_lags_behind_its_blocks_proves_no_absence() -> None:
    chain = FakeChain(faults=["lost after"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.make_block()
    find, chain.find = chain.find, unindexed  # type: ignore[method-assign]  # an index that is behind
    chain.height = transaction.timeout_height + 3
    await execution.settle()
    assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    chain.find = find  # type: ignore[method-assign]  # and one that has caught up
    await execution.settle()
    assert execution.books.orders["c1"].filled == 1


async def unindexed(tx_hash: str) -> None:
    return None


@pytest.mark.parametrize("blocks", [3, INDEX_BLOCKS + 1])
async def test_blocks_that_nodes_may_not_keep_any_more_are_not_asked_for(blocks: int) -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.height = transaction.timeout_height + blocks
    asked: list[str] = []
    chain.step = asked.append
    await execution.settle()
    assert execution.books.orders["c1"].state is OrderState.ABSENT
    assert ("holds" in asked) is (blocks <= INDEX_BLOCKS)


async def test_a_refusal_of_the_first_broadcast_ends_the_order_at_once() -> None:
    chain = FakeChain(faults=["refused"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    order = execution.books.orders["c1"]
    assert (order.state, order.error_code) == (OrderState.REJECTED, 13)


async def test_a_refusal_after_an_unanswered_broadcast_proves_nothing() -> None:
    chain = FakeChain(faults=["lost after"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    chain.faults = ["refused"]
    await execution.settle()
    assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    await settled(execution, chain)
    assert execution.books.orders["c1"].state is OrderState.DONE


async def test_bytes_that_were_refused_later_are_left_to_their_proof() -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    chain.faults = ["refused"]
    await execution.settle()
    chain.fault_rate = 0.0
    await settled(execution, chain)
    assert (len(chain.sent), chain.ledger) == (2, [])
    assert execution.books.orders["c1"].state is OrderState.ABSENT


async def test_bytes_that_a_node_behind_the_others_refused_are_sent_again() -> None:
    chain, journal = FakeChain(sequence=1), MemoryJournal()
    execution = an_execution(chain, journal)
    sign = chain.sign

    async def ahead(orders: Any, cancels: Any = ()) -> SignedTransaction:
        made = await sign(orders, cancels)
        chain.sequence = 0
        return made

    chain.sign = ahead  # type: ignore[method-assign]  # signed by a node that is ahead of the one asked next
    await execution.submit([an_order("c1")])
    assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    chain.sequence = 1
    await settled(execution, chain)
    assert (len(chain.sent), len(set(chain.sent)), len(chain.ledger)) == (2, 1, 1)


@pytest.mark.parametrize("last", range(1, 12))
async def test_a_refusal_that_was_written_down_is_never_sent_again_wherever_the_process_died(
    last: int,
) -> None:
    """The refused bytes would be good for the next node: only what the journal says keeps them from it."""
    chain, journal = FakeChain(faults=["refused"], fault_rate=1.0), DyingJournal()
    chain.step = journal.step = Dying(last)
    with suppress(Killed):
        await an_execution(chain, journal).submit([ending(an_order("c1"))])
    chain.step, journal.step, chain.fault_rate = str, str, 0.0
    known = Kind.RESOLVED in journal.kinds
    before = len(chain.sent)
    execution = an_execution(chain, journal)
    await settled(execution, chain)
    assert len(chain.sent) == (before if known or Kind.SIGNED not in journal.kinds else before + 1)
    assert len(chain.ledger) == len(chain.sent) - before <= 1, (
        "nobody knew of the refusal: once, the same bytes"
    )
    assert len(chain.signed) <= 1


def ending(order: ApprovedOrder) -> ApprovedOrder:
    return replace(order, request=replace(order.request, reduce_only=True))


@pytest.mark.parametrize("ends", [True, False])
async def test_what_another_process_meant_to_enter_is_not_sent_for_it(ends: bool) -> None:
    chain, journal = FakeChain(), MemoryJournal()
    chain.step = killed_before_the_broadcast
    order = an_order("c1")
    with pytest.raises(Killed):
        await an_execution(chain, journal).submit([ending(order) if ends else order])
    chain.step = str
    execution = an_execution(chain, journal)
    await settled(execution, chain)
    assert len(chain.sent) == len(chain.ledger) == int(ends)
    assert execution.books.orders["c1"].state is (OrderState.DONE if ends else OrderState.ABSENT)


def killed_before_the_broadcast(step: str) -> None:
    if step == "before broadcast":
        raise Killed


async def test_what_was_to_enter_stays_where_it_is_once_nothing_more_is_to_be_entered() -> None:
    chain = FakeChain(faults=["lost before"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    chain.fault_rate = 0.0
    execution.enter_nothing_more()
    await settled(execution, chain)
    assert (len(chain.sent), chain.ledger) == (1, [])
    assert execution.books.orders["c1"].state is OrderState.ABSENT


async def test_a_sequence_taken_by_someone_else_ends_in_absence_and_the_next_order_goes_through() -> None:
    chain = FakeChain(faults=["foreign"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    assert execution.books.orders["c1"].state is OrderState.UNKNOWN
    chain.fault_rate = 0.0
    await settled(execution, chain)
    await execution.submit([an_order("c2")])
    await settled(execution, chain)
    assert [order.state for order in execution.books.orders.values()] == [OrderState.ABSENT, OrderState.DONE]


async def test_a_sequence_taken_by_someone_else_is_proven_a_few_blocks_later_not_at_the_timeout() -> None:
    chain = FakeChain(faults=["foreign"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.fault_rate = 0.0
    while execution.books.unresolved:
        chain.make_block()
        await execution.settle()
    assert chain.height == transaction.height + 4 < transaction.timeout_height
    assert execution.books.orders["c1"].state is OrderState.ABSENT


async def test_a_sequence_that_the_transaction_itself_took_is_no_proof_of_absence() -> None:
    chain = FakeChain(faults=["lost after"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    find = chain.find

    async def not_indexed(tx_hash: str) -> None:
        return None

    chain.find = not_indexed  # type: ignore[method-assign]  # an index that lags
    for _ in range(6):
        chain.make_block()
        await execution.settle()
        assert execution.books.unresolved
    chain.find = find  # type: ignore[method-assign]  # it has caught up
    await settled(execution, chain)
    assert execution.books.orders["c1"].filled == 1


async def test_a_node_that_cannot_tell_of_the_sequence_proves_nothing() -> None:
    chain = FakeChain(faults=["foreign"], fault_rate=1.0)
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1")])
    chain.fault_rate = 0.0

    def dark(name: str) -> None:
        if name == "sequence":
            raise Unavailable("injective", "down")

    chain.step = dark
    while execution.books.unresolved:
        chain.make_block()
        await execution.settle()
    assert chain.height > transaction.timeout_height + 2


async def test_a_transaction_of_an_older_journal_waits_for_its_timeout() -> None:
    chain = FakeChain(faults=["foreign"], fault_rate=1.0)
    sign, asked = chain.sign, list[str]()

    async def as_before(orders: Any, cancels: Any = ()) -> SignedTransaction:
        return replace(await sign(orders, cancels), height=0)

    chain.sign = as_before  # type: ignore[method-assign]  # written before the height was kept
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1")])
    chain.fault_rate, chain.step = 0.0, asked.append
    await settled(execution, chain)
    assert "sequence" not in asked
    assert execution.books.orders["c1"].state is OrderState.ABSENT


async def test_a_resting_order_stays_live_until_the_venue_no_longer_lists_it() -> None:
    chain = FakeChain()
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1", OrderKind.LIMIT)])
    chain.make_block()
    await execution.settle()
    assert execution.books.orders["c1"].state is OrderState.OPEN
    chain.make_block()
    await execution.submit([], [Cancel(MARKET.key, MARKET, "c1")])
    await settled(execution, chain)
    assert execution.books.orders["c1"].state is OrderState.DONE


async def test_a_resting_order_is_over_when_its_last_block_has_passed() -> None:
    chain = FakeChain()
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1", OrderKind.POST_ONLY, blocks=3)])
    assert transaction.expiry_height == 103
    await settled(execution, chain, blocks=6)
    assert execution.books.orders["c1"].state is OrderState.DONE
    chain.make_block()
    assert not chain.resting


async def test_a_fill_between_the_count_and_the_list_is_counted_before_the_order_is_closed() -> None:
    chain = FakeChain()
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1", OrderKind.LIMIT)])
    chain.make_block()
    await execution.settle()

    def filled_meanwhile(name: str) -> None:
        if name == "portfolio" and "c1" in chain.resting:
            chain.make_block()
            gone = chain.resting.pop("c1")
            del chain.expiries["c1"]
            chain.fill("c1", gone.order_hash, MARKET, Side.BUY, Decimal(1))

    chain.step = filled_meanwhile
    await execution.settle()
    order = execution.books.orders["c1"]
    assert (order.state, order.filled) == (OrderState.DONE, Decimal(1))


async def test_a_list_that_is_newer_than_its_height_says_does_not_lose_the_fill_that_emptied_it() -> None:
    chain = FakeChain()
    execution = an_execution(chain, MemoryJournal())
    await execution.submit([an_order("c1", OrderKind.LIMIT)])
    chain.make_block()
    await execution.settle()
    chain.make_block()
    portfolio = chain.portfolio

    async def newer(markets: Any) -> Any:
        told = await portfolio(markets)
        if "c1" in chain.resting:
            chain.make_block()
            gone = chain.resting.pop("c1")
            del chain.expiries["c1"]
            chain.fill("c1", gone.order_hash, MARKET, Side.BUY, Decimal(1))
        return replace(await portfolio(markets), height=told.height)

    chain.portfolio = newer  # type: ignore[method-assign]  # a node that answers as of its own latest block
    await execution.settle()
    order = execution.books.orders["c1"]
    assert (order.state, order.filled) == (OrderState.DONE, Decimal(1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"timeout_height": 0}, "timeout height"),
        ({"client_order_ids": ("other",)}, "not for the orders"),
        ({"tx_hash": "AB"}, "hash"),
    ],
)
async def test_a_signature_that_does_not_keep_its_promise_is_not_sent(change: Any, said: str) -> None:
    chain = FakeChain()
    sign = chain.sign

    async def broken(orders: Any, cancels: Any = ()) -> SignedTransaction:
        return replace(await sign(orders, cancels), **change)

    chain.sign = broken  # type: ignore[method-assign]  # the fault under test
    with pytest.raises(ExecutionError, match=said):
        await an_execution(chain, MemoryJournal()).submit([an_order("c1")])
    assert not chain.sent


async def test_bytes_that_changed_on_disk_are_not_sent_again() -> None:
    chain, journal = FakeChain(faults=["lost before"], fault_rate=1.0), MemoryJournal()
    execution = an_execution(chain, journal)
    await execution.submit([an_order("c1")])
    pending = next(iter(execution.books.unresolved.values()))
    broken = replace(pending.transaction, tx_bytes=b"other")
    execution.books.unresolved[broken.tx_hash] = replace(pending, transaction=broken)
    with pytest.raises(ExecutionError, match="stored bytes"):
        await execution.settle()


class Dying:
    """Kills at the n-th effect from now on, whatever it is."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, name: str) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed(name)


@dataclass
class DyingJournal(MemoryJournal):
    """Counts as an effect both before and after the record is durable."""

    step: Any = str

    def append(self, kind: str, at: datetime, body: Mapping[str, Any]) -> None:
        self.step("before append")
        super().append(kind, at, body)
        self.step("after append")


async def work_off(signals: list[str], chain: FakeChain, journal: DyingJournal, random: Random) -> int:
    """Every signal once, as an agent would: again when it is proven never to have happened. Returns kills."""
    kills = 0
    while True:
        chain.step = journal.step = Dying(random.randint(1, 12))
        execution = an_execution(chain, journal)
        try:
            if await _worked_off(signals, execution, chain):
                return kills
        except Killed:
            kills += 1


async def _worked_off(signals: list[str], execution: Execution, chain: FakeChain) -> bool:
    while True:
        chain.make_block()
        await execution.settle()
        if execution.books.unresolved:
            continue
        over = Counter(
            order_id.partition("#")[0]
            for order_id, order in execution.books.orders.items()
            if order.state in (OrderState.ABSENT, OrderState.REJECTED)
        )
        done = {o.partition("#")[0] for o, order in execution.books.orders.items() if order.height}
        todo = [signal for signal in signals if signal not in done]
        if not todo:
            return not execution.books.live
        await execution.submit([an_order(f"{todo[0]}#{over[todo[0]]}")])


@pytest.mark.parametrize("seed", range(40))
async def test_kills_and_faults_at_every_step_neither_lose_nor_repeat_an_order(seed: int) -> None:
    random = Random(seed)
    chain = FakeChain(random=random, faults=KINDS, fault_rate=0.3)
    journal = DyingJournal()
    signals = [f"s{n}" for n in range(15)]
    kills = await work_off(signals, chain, journal, random)
    assert kills > 10
    filled = Counter(fill.client_order_id.partition("#")[0] for fill in chain.ledger)
    assert filled == Counter(signals)
    sent = Counter(transaction_hash(tx_bytes) for tx_bytes in chain.sent)
    refused = [body["tx_hash"] for _, _, body in journal.replay(Kind.RESOLVED) if body["code"] == 13]
    assert [sent[tx_hash] for tx_hash in refused] == [1] * len(refused)
    books = recovered(journal).books
    expected = Inventory()
    for fill in chain.ledger:
        expected = expected.after(fill)
    assert books.held["oracle", MARKET.key] == expected
    assert books.gas_paid == len(chain.included) * Decimal("0.000016")


def test_an_answer_of_unknown_is_kept_apart_from_a_refusal() -> None:
    assert Submission(Sent.UNKNOWN) != Submission(Sent.REJECTED)


@pytest.mark.parametrize("kind", [OrderKind.MARKET, OrderKind.LIMIT])
async def test_an_included_order_that_no_answer_names_is_what_fills_and_book_make_of_it(
    kind: OrderKind,
) -> None:
    chain = FakeChain()
    execution = an_execution(chain, MemoryJournal())
    transaction = await execution.submit([an_order("c1", kind)])
    chain.make_block()
    chain.included[transaction.tx_hash] = replace(chain.included[transaction.tx_hash], orders=())
    await execution.settle()
    assert execution.books.net.get(MARKET.key, Inventory()).quantity == (kind is OrderKind.MARKET)
    order = execution.books.orders["c1"]
    assert order.state is (OrderState.DONE if kind is OrderKind.MARKET else OrderState.OPEN)
    await settled(execution, chain)
    assert not execution.books.unresolved


async def resting(chain: FakeChain, journal: MemoryJournal, order: ApprovedOrder | None = None) -> Execution:
    execution = an_execution(chain, journal)
    await execution.submit([order or an_order("c1", OrderKind.LIMIT, blocks=10**9)])
    chain.make_block()
    await execution.settle()
    return execution


async def test_no_block_is_read_for_an_order_that_rests_as_it_was_placed() -> None:
    chain, asked = FakeChain(), list[str]()
    execution = await resting(chain, MemoryJournal())
    chain.step = asked.append
    for _ in range(50):
        chain.height += 92
        await execution.settle()
    assert "fills" not in asked
    assert execution.books.scanned_height == chain.height
    chain.height += 92
    chain.fill("c1", "0xh", MARKET, Side.BUY, Decimal("0.25"))
    chain.resting["c1"] = replace(chain.resting["c1"], remaining=Decimal("0.75"))
    for _ in range(3):
        await execution.settle()
    assert asked.count("fills") == 1
    assert execution.books.orders["c1"].filled == Decimal("0.25")


async def test_the_markets_that_a_look_left_out_are_asked_for_before_their_blocks_are_passed_over() -> None:
    chain, other = FakeChain(), replace(MARKET, market_id="other")
    request = replace(an_order("c1", OrderKind.LIMIT).request, market=other)
    execution = await resting(chain, MemoryJournal(), ApprovedOrder(request, 10**9, NOON))
    chain.height += 50
    await execution.counting.reconcile(await chain.portfolio([MARKET]), [MARKET])
    assert execution.books.scanned_height == chain.height
    assert execution.books.orders["c1"].live
    chain.height += 50
    del chain.resting["c1"], chain.expiries["c1"]
    chain.fill("c1", "0xh", other, Side.BUY, Decimal(1))
    await execution.counting.reconcile(await chain.portfolio([MARKET]), [MARKET])
    assert execution.books.orders["c1"].state is OrderState.DONE


async def test_what_was_read_of_a_long_absence_is_kept_when_the_rest_cannot_be_read() -> None:
    chain, journal, asked = FakeChain(), MemoryJournal(), list[str]()
    execution = await resting(chain, journal)
    began = execution.books.scanned_height
    chain.height += 2 * SPAN_BLOCKS + 5
    chain.fill("c1", "0xh", MARKET, Side.BUY, Decimal(1))
    del chain.resting["c1"], chain.expiries["c1"]

    def down(name: str) -> None:
        asked.append(name)
        if asked.count("fills") == 2:
            raise Unavailable("injective", "down")

    chain.step = down
    with pytest.raises(Unavailable):
        await execution.settle()
    chain.step = str
    again = an_execution(chain, journal)
    assert again.books.scanned_height == began + SPAN_BLOCKS
    await again.settle()
    assert again.books.orders["c1"].state is OrderState.DONE
    spans = [(body["first_height"], body["last_height"]) for _, _, body in journal.replay(Kind.FILLS)]
    assert all(after == last + 1 for (_, last), (after, _) in pairwise(spans))
