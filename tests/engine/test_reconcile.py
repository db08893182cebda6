from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill, OpenOrder
from defi_analytics.engine.differences import Code, Difference
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.reconcile import Compared, Reconciliation, journalled_fills, unexplained
from defi_analytics.errors import Mismatch, Stale
from tests.engine.memory_journal import MemoryJournal
from tests.engine.start_states import PERP, SPOT, Account, effects, signed
from tests.engine.trading import World, an_agent
from tests.fakes import NOON, FakeClock

ONE = Decimal(1)
Told = set[tuple[str, str, Decimal]]
TWO_LOTS = 2_000


def lived(seed: int) -> Account:
    """With a past of a few orders on both markets, all of it counted."""
    account = Account(seed)
    for _ in range(account.random.randint(1, 4)):
        market = account.random.choice((SPOT, PERP))
        side = account.random.choice(tuple(Side))
        order_id = account.place(market, side, TWO_LOTS)
        for _ in range(account.random.randint(1, 2)):
            account.trade(market, order_id, side, ONE)
        if order_id in account.open and account.random.random() < 0.5:
            account.cancel(order_id)
        account.count()
        if order_id not in account.open and account.ledger.books.orders[order_id].live:
            account.close(order_id)
    return account


def nothing(account: Account) -> Told:
    return set()


def reported_twice(account: Account) -> Told:
    account.reports = [*account.fills_made, *account.fills_made]
    return set()


def reported_in_another_order(account: Account) -> Told:
    account.reports = account.random.sample(account.fills_made, len(account.fills_made))
    return set()


def filled_since(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    account.trade(SPOT, order_id, Side.BUY, ONE)
    return set()


def traded_by_hand_since(account: Account) -> Told:
    fill = account.trade(SPOT, "web", Side.SELL, ONE)
    return {("FILL_FOREIGN", fill.fill_id, -ONE)}


def unproven_and_in_a_block(account: Account) -> Told:
    account.place(SPOT, Side.SELL, TWO_LOTS, proven=False)
    return set()


def cancelled_by_a_transaction_without_proof_yet(account: Account) -> Told:
    order_id = account.place(SPOT, Side.SELL, TWO_LOTS)
    account.cancel(order_id, proven=False)
    return set()


def expired(account: Account) -> Told:
    order_id = account.place(SPOT, Side.SELL, TWO_LOTS, blocks=5)
    account.height += 5
    del account.open[order_id]
    return set()


def missed_fill(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    fill = account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count(without=[fill])
    return {("FILL_MISSING", fill.fill_id, ONE), ("ORDER_REMAINING", order_id, -ONE), *effects(SPOT, fill)}


def partly_filled_and_cancelled_elsewhere(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count()
    del account.open[order_id]
    return {("ORDER_MISSING", order_id, -ONE)}


def over_by_the_journal_alone(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    account.count()
    account.close(order_id)
    return {("ORDER_NOT_OVER", order_id, Decimal(2))}


def an_order_of_somebody_else(account: Account) -> Told:
    account.open["web"] = OpenOrder(SPOT.key, "0xweb", "", Side.BUY, OrderKind.LIMIT, ONE, ONE, ONE)
    return {("ORDER_FOREIGN", "0xweb", ONE)}


def position_turned_around_by_hand(account: Account) -> Told:
    before = account.positions.get(PERP.key, (Decimal(0),))[0]
    quantity = abs(before) + 3
    side = Side.SELL if before > 0 else Side.BUY
    fill = account.trade(PERP, "web", side, quantity)
    held_by_now = account.positions[PERP.key]
    account.count(without=[fill])
    gap = signed(fill)
    told = {("FILL_MISSING", fill.fill_id, gap), ("POSITION", PERP.ticker, gap)}
    assert held_by_now[0] == before + gap
    found = {each for each in account.told() if each[1] != "USDT"}
    assert found == told
    return account.told() - found | told


def older_than_the_window(account: Account) -> Told:
    fill = account.trade(SPOT, "web", Side.BUY, ONE)
    account.count(without=[fill])
    account.height += 1_000
    return effects(SPOT, fill)


def counted_twice(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, 5_000)
    fill = account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count(twice=[fill])
    return {("FILL_TWICE", fill.fill_id, -ONE)}


def a_fill_the_venue_does_not_have(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    fill = account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count()
    account.reports = [each for each in account.fills_made if each != fill]
    return {("FILL_UNKNOWN", fill.fill_id, -ONE)}


def a_fill_at_another_price(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    fill = account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count()
    account.reports = [replace(f, price=f.price + 1) if f == fill else f for f in account.fills_made]
    return {("FILL_CHANGED", fill.fill_id, -ONE)}


def a_fill_of_another_size(account: Account) -> Told:
    order_id = account.place(SPOT, Side.BUY, TWO_LOTS)
    fill = account.trade(SPOT, order_id, Side.BUY, ONE)
    account.count()
    account.reports = [replace(f, quantity=2 * ONE) if f == fill else f for f in account.fills_made]
    return {("FILL_CHANGED", fill.fill_id, ONE)}


def a_deposit(account: Account) -> Told:
    account.balances["USDT"] += Decimal("250.000001")
    return {("RECEIVED", "USDT", Decimal("250.000001"))}


def a_withdrawal_of_what_pays_for_gas(account: Account) -> Told:
    account.balances["INJ"] -= 3
    return {("BALANCE", "INJ", Decimal(-3))}


SCENES: tuple[Callable[[Account], Told], ...] = (
    nothing,
    reported_twice,
    reported_in_another_order,
    filled_since,
    traded_by_hand_since,
    unproven_and_in_a_block,
    cancelled_by_a_transaction_without_proof_yet,
    expired,
    missed_fill,
    partly_filled_and_cancelled_elsewhere,
    over_by_the_journal_alone,
    an_order_of_somebody_else,
    position_turned_around_by_hand,
    older_than_the_window,
    counted_twice,
    a_fill_the_venue_does_not_have,
    a_fill_at_another_price,
    a_fill_of_another_size,
    a_deposit,
    a_withdrawal_of_what_pays_for_gas,
)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_start_state_comes_out_as_its_exact_difference_or_clean(
    scene: Callable[[Account], Told], seed: int
) -> None:
    account = lived(seed)
    assert account.told() == set()
    expected = scene(account)
    account.restart()
    assert account.told() == expected
    assert account.reconciled().clean is (
        {code for code, _, _ in expected} <= {"FILL_FOREIGN", "PERPETUAL_CASH", "FILL_TWICE", "RECEIVED"}
    )


def test_a_mismatch_refuses_to_start_and_says_the_first_difference() -> None:
    account = lived(0)
    account.reconciled().require()
    account.balances["INJ"] -= 3
    with pytest.raises(Mismatch, match=r"1 points, first BALANCE INJ: .* here, .* INJ there") as error:
        account.reconciled().require()
    assert error.value.exit_code == 22


def test_what_was_traded_before_the_story_began_is_part_of_its_beginning() -> None:
    account = Account()
    for height in (account.height, account.height + 1):
        before = Fill(f"web-{height}", SPOT.key, "", "0x", Side.BUY, ONE, ONE, ONE, NOON, height)
        account.fills_made.append(before)
    account.height += 1
    account.balances["INJ"] += ONE
    account.balances["USDT"] -= 2
    assert account.told() == {("FILL_FOREIGN", "web-1001", ONE)}
    account.height += 5
    account.count()
    assert account.told() == set()


@pytest.mark.parametrize(
    ("paid", "code"), [("0.011", "GAS_FOREIGN"), ("0.0111", "BALANCE"), ("-1", "RECEIVED")]
)
@pytest.mark.parametrize("counted", [True, False])
def test_gas_that_others_may_have_paid_for_their_trades_is_told_and_refuses_nobody(
    paid: str, code: str, counted: bool
) -> None:
    account = Account()
    fill = account.trade(PERP, "", Side.BUY, ONE)
    if counted:
        account.count()
    account.balances["INJ"] -= Decimal(paid)
    told = account.told() - {("FILL_FOREIGN", fill.fill_id, ONE)}
    assert told == {(code, "INJ", -Decimal(paid))}
    assert account.reconciled().clean is (code != "BALANCE")
    assert unexplained(account.reconciled(), "INJ", -Decimal(paid))


@pytest.mark.parametrize("counted", [True, False])
def test_gas_of_an_order_of_ours_that_a_journal_put_back_does_not_tell_of_refuses_nobody(
    counted: bool,
) -> None:
    account = Account()
    fill = account.trade(PERP, "defi-0123", Side.BUY, ONE)
    if counted:
        account.count()
    account.balances["INJ"] -= Decimal("0.001")
    told = account.told() - {("FILL_FOREIGN", fill.fill_id, ONE)}
    assert told == {("GAS_FOREIGN", "INJ", Decimal("-0.001"))}
    assert account.reconciled().clean


@pytest.mark.parametrize(("paid", "code"), [("0.0001", "GAS_FOREIGN"), ("0.0101", "BALANCE")])
@pytest.mark.parametrize("forgotten", [False, True])
def test_gas_of_what_an_owner_does_by_hand_refuses_nobody_and_more_is_a_difference(
    forgotten: bool, paid: str, code: str
) -> None:
    """A grant that is given anew, say, is charged to the account that is traded."""
    account = Account()
    if forgotten:
        # Of an order that is over for so long that the books have forgotten it: its own gas was counted.
        order_id = account.place(PERP, Side.BUY, 1_000)
        account.trade(PERP, order_id, Side.BUY, ONE)
        account.count()
        del account.ledger.books.orders[order_id]
    account.balances["INJ"] -= Decimal(paid)
    assert account.told() == {(code, "INJ", -Decimal(paid))}


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ((Code.BALANCE, Code.POSITION, Code.ORDER_FOREIGN), "cancel it where it was placed"),
        ((Code.BALANCE, Code.POSITION), "close it where it was opened"),
        ((Code.FILL_FOREIGN, Code.BALANCE), "defi reconcile --accept-flow USDT=-1"),
        ((Code.ORDER_MISSING,), "move the journal aside"),
    ],
)
def test_a_mismatch_says_what_to_do_by_what_has_to_go_first(codes: tuple[Code, ...], said: str) -> None:
    differences = tuple(Difference(code, "USDT", Decimal(2), ONE, "USDT") for code in codes)
    with pytest.raises(Mismatch) as error:
        Reconciliation(1, differences, Compared(0, 0, 0, 0), (1, 0)).require()
    assert said in error.value.hint


def test_what_was_compared_is_counted() -> None:
    account = Account()
    account.height += 300
    order_id = account.place(PERP, Side.BUY, TWO_LOTS)
    account.trade(PERP, order_id, Side.BUY, ONE)
    account.count()
    found = account.reconciled()
    assert found.compared == (1, 1, 2, 1)
    assert found.blocks == (found.height - 199, found.height)
    assert (found.unread, found.unproven) == (0, ())


def test_blocks_that_nobody_counted_are_told_while_an_order_could_have_been_filled_in_them() -> None:
    account = Account()
    account.place(SPOT, Side.BUY, TWO_LOTS, blocks=10_000)
    account.count()
    account.height += 300
    assert account.reconciled().unread == 100


def test_a_transaction_in_no_block_is_told_and_costs_nothing_yet() -> None:
    account = Account()
    account.place(SPOT, Side.BUY, TWO_LOTS, proven=False)
    account.included.clear()
    account.balances["INJ"] = Decimal(100)
    account.open.clear()
    found = account.reconciled()
    assert (found.differences, found.unproven) == ((), ("T1",))


def test_an_asset_that_the_venue_was_not_asked_about_is_not_compared() -> None:
    account = Account()
    account.ledger.write("baseline", {"height": 1, "balances": {"WETH": "5"}})
    assert account.ledger.baseline == {"INJ": "100", "USDT": "1000000", "WETH": "5"}
    assert account.told() == set()


def test_a_node_that_lags_behind_the_journal_proves_nothing() -> None:
    account = lived(1)
    account.height -= 1
    with pytest.raises(Stale):
        account.reconciled()


def test_what_a_person_declares_must_be_exactly_what_is_unexplained_and_then_it_is_explained() -> None:
    account = lived(3)
    account.balances["INJ"] += Decimal("1.5")
    found = account.reconciled()
    with pytest.raises(Mismatch, match=r"1\.5 INJ are unexplained, not 1\.4"):
        unexplained(found, "INJ", Decimal("1.4"))
    with pytest.raises(Mismatch, match="nothing of USDT"):
        unexplained(found, "USDT", Decimal(1))
    flow = unexplained(found, "INJ", Decimal("1.5"))
    body = {"amount": 0.0, "asset": flow.about, "quantity": str(flow.gap)}
    account.ledger.write("risk.flow", body)
    assert account.told() == set()
    account.restart()
    assert account.told() == set()


@pytest.mark.parametrize("body", [{"asset": "INJ"}, {"asset": "INJ", "quantity": "much"}])
def test_a_flow_that_cannot_be_read_is_a_mismatch(body: dict[str, str]) -> None:
    with pytest.raises(Mismatch, match="flow of INJ"):
        Account().ledger.write("risk.flow", {"amount": 1.0, **body})


def test_a_fill_record_that_is_not_whole_is_a_mismatch() -> None:
    journal = MemoryJournal()
    journal.append("fills", FakeClock().now(), {"fills": [{}]})
    with pytest.raises(Mismatch):
        journalled_fills(journal)


async def test_a_paper_account_agrees_with_its_own_journal_and_looking_takes_nothing_from_it() -> None:
    from defi_analytics.engine.reconcile import reconcile

    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    agent.ledger.write("baseline", {"height": 1, "balances": {"USDT": "1000", "INJ": "0"}})
    world.show(25.0, away=25.3)
    await agent.cycle()
    found = await reconcile(agent.ledger, agent.execution.chain, [world.home])
    assert (found.differences, found.blocks) == ((), (1, 0))
    assert found.compared.fills == 1


class Reports(RuleBasedStateMachine):
    """Fills are shuffled, repeated and dropped on their way to the journal, and the process restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.dropped: list[Fill] = []

    @rule(side=st.sampled_from(Side), lots=st.integers(1, 50))
    def place(self, side: Side, lots: int) -> None:
        self.account.place(SPOT, side, lots * 100, blocks=10_000)

    @precondition(lambda self: self.account.open)
    @rule(data=st.data())
    def trade(self, data: st.DataObject) -> None:
        order = data.draw(st.sampled_from(sorted(self.account.open.values(), key=lambda o: o.order_hash)))
        lots = data.draw(st.integers(1, int(order.remaining * 10)))
        self.account.reports = None
        self.account.trade(SPOT, order.client_order_id, order.side, Decimal(lots) / 10)

    @rule(side=st.sampled_from(Side), lots=st.integers(1, 20))
    def trade_by_hand(self, side: Side, lots: int) -> None:
        self.account.reports = None
        self.account.trade(SPOT, "web", side, Decimal(lots) / 10)

    @rule()
    def count(self) -> None:
        self.account.count()

    @rule()
    def drop_the_last(self) -> None:
        fresh = [f for f in self.account.fills_made if f.height > self.account.ledger.books.scanned_height]
        self.account.count(without=fresh[-1:])
        self.dropped += fresh[-1:]

    @rule(data=st.data())
    def report_in_any_order_and_twice(self, data: st.DataObject) -> None:
        made = self.account.fills_made
        self.account.reports = data.draw(st.permutations([*made, *made[-3:]]))

    @rule()
    def restart(self) -> None:
        self.account.restart()

    def by_hand(self) -> list[Fill]:
        """Not counted yet, of no order that the journal knows."""
        counted = self.account.ledger.books.scanned_height
        return [f for f in self.account.fills_made if f.client_order_id == "web" and f.height > counted]

    @invariant()
    def differences_are_exactly_the_dropped_and_the_foreign_fills(self) -> None:
        told = self.account.told()
        recent = self.account.height - 200
        for code, fills in (("FILL_MISSING", self.dropped), ("FILL_FOREIGN", self.by_hand())):
            expected = {(f.fill_id, signed(f)) for f in fills if f.height > recent}
            assert {(about, gap) for found, about, gap in told if found == code} == expected
        base = sum((signed(f) for f in self.dropped), Decimal(0))
        cash = sum((-signed(f) * f.price - f.fee for f in self.dropped), Decimal(0))
        gaps = {about: gap for code, about, gap in told if code in ("BALANCE", "RECEIVED")}
        assert gaps == {asset: gap for asset, gap in (("INJ", base), ("USDT", cash)) if gap}

    @invariant()
    def quantities_are_the_sum_of_what_was_counted(self) -> None:
        counted = journalled_fills(self.account.journal)
        held = self.account.ledger.books.net.get(SPOT.key)
        assert (held.quantity if held else 0) == sum(map(signed, counted))

    @invariant()
    def no_fill_is_counted_twice(self) -> None:
        ids = [fill.fill_id for fill in journalled_fills(self.account.journal)]
        assert len(ids) == len(set(ids))

    @invariant()
    def the_books_are_those_of_a_restart(self) -> None:
        assert Ledger.opened(self.account.journal, FakeClock()).books == self.account.ledger.books


Reports.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestReports = Reports.TestCase


def test_what_a_person_names_is_found_in_any_case_of_letters_where_only_one_is_meant() -> None:
    told = [Difference(Code.BALANCE, about, ONE, Decimal(2), about) for about in ("hINJ", "USDT", "usdt")]
    found = Reconciliation(1, tuple(told), Compared(0, 0, 0, 0), (1, 0))
    assert [unexplained(found, one, ONE).about for one in ("hINJ", "HINJ", "usdt")] == [
        "hINJ",
        "hINJ",
        "usdt",
    ]
    with pytest.raises(Mismatch, match="1 hINJ are unexplained, not 2") as error:
        unexplained(found, "hinj", Decimal(2))
    assert error.value.hint == "defi reconcile --accept-flow hINJ=1"
    with pytest.raises(Mismatch, match="nothing of Usdt is unexplained"):
        unexplained(found, "Usdt", ONE)
