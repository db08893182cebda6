from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.order import Fill
from tests.fakes import NOON

KEY = MarketKey("injective", "0x1")


def a_fill(side: Side, quantity: str, price: str, fee: str = "0", minute: int = 0) -> Fill:
    at = NOON + timedelta(minutes=minute)
    return Fill("f", KEY, "c", "0xh", side, Decimal(price), Decimal(quantity), Decimal(fee), at, 1)


def test_buying_twice_averages_the_cost_and_keeps_the_first_time() -> None:
    held = Inventory().after(a_fill(Side.BUY, "1", "10")).after(a_fill(Side.BUY, "3", "14", minute=5))
    assert (held.quantity, held.cost, held.entered_at) == (Decimal(4), Decimal(52), NOON)


def test_selling_a_part_realises_that_part_at_average_cost() -> None:
    held = Inventory().after(a_fill(Side.BUY, "4", "13")).after(a_fill(Side.SELL, "1", "15", "0.01"))
    assert (held.quantity, held.cost, held.realised) == (Decimal(3), Decimal(39), Decimal(2))
    assert held.fees == Decimal("0.01")
    assert held.exited_at is None


def test_selling_most_of_it_takes_that_share_of_the_cost() -> None:
    held = Inventory().after(a_fill(Side.BUY, "4", "13")).after(a_fill(Side.SELL, "3", "15"))
    assert (held.quantity, held.cost, held.realised, held.cash) == (1, 13, 6, -7)


def test_a_short_gains_when_it_is_bought_back_cheaper() -> None:
    held = Inventory().after(a_fill(Side.SELL, "2", "10")).after(a_fill(Side.BUY, "2", "9", minute=3))
    assert (held.quantity, held.cost, held.realised) == (Decimal(0), Decimal(0), Decimal(2))
    assert (held.entered_at, held.exited_at) == (NOON, NOON + timedelta(minutes=3))


def test_a_fill_larger_than_the_position_turns_it_around() -> None:
    held = Inventory().after(a_fill(Side.BUY, "1", "10")).after(a_fill(Side.SELL, "3", "12", minute=2))
    assert (held.quantity, held.cost, held.realised) == (Decimal(-2), Decimal(24), Decimal(2))
    assert held.entered_at == held.exited_at == NOON + timedelta(minutes=2)


def test_a_part_of_a_short_is_bought_back_at_its_average_price() -> None:
    held = Inventory().after(a_fill(Side.SELL, "4", "10")).after(a_fill(Side.BUY, "1", "7", minute=3))
    assert (held.quantity, held.cost, held.realised) == (Decimal(-3), Decimal(30), Decimal(3))
    assert (held.entered_at, held.exited_at) == (NOON, None)
    assert held.cash == Decimal(33)


def test_what_was_left_and_entered_again_remembers_both_times() -> None:
    held = Inventory().after(a_fill(Side.BUY, "1", "10")).after(a_fill(Side.SELL, "1", "9", minute=1))
    again = held.after(a_fill(Side.SELL, "2", "11", minute=2))
    assert (again.entered_at, again.exited_at) == (NOON + timedelta(minutes=2), NOON + timedelta(minutes=1))
    assert (again.realised, again.cost, again.cash) == (Decimal(-1), Decimal(22), Decimal(21))


def test_a_strategy_that_never_traded_has_nothing() -> None:
    assert Inventory() == Inventory(*[Decimal(0)] * 4, None, None)
    assert (Inventory().cash, Inventory().worth(Decimal(9))) == (Decimal(0), Decimal(0))


def test_funding_is_settled_by_a_fill_for_what_was_held_before_it() -> None:
    held = Inventory().after(replace(a_fill(Side.BUY, "2", "10"), funding_index=Decimal("0.5")))
    assert (held.funding, held.funding_index) == (0, Decimal("0.5"))
    more = held.after(replace(a_fill(Side.BUY, "1", "10"), funding_index=Decimal("0.75")))
    assert (more.funding, more.gained, more.cash) == (Decimal("0.5"), Decimal("-0.5"), Decimal("-30.5"))
    out = more.after(replace(a_fill(Side.SELL, "3", "10"), funding_index=Decimal(1)))
    assert (out.funding, out.cash, out.gained) == (Decimal("1.25"), Decimal("-1.25"), Decimal("-1.25"))


def test_a_fill_whose_index_is_not_told_settles_nothing() -> None:
    held = Inventory().after(replace(a_fill(Side.BUY, "2", "10"), funding_index=Decimal(1)))
    after = held.after(a_fill(Side.SELL, "2", "10"))
    assert (after.funding, after.funding_index) == (0, None)


def test_a_short_of_less_than_one_has_the_cash_it_was_sold_for() -> None:
    held = Inventory().after(a_fill(Side.SELL, "0.5", "10"))
    assert (held.cash, held.worth(Decimal(8))) == (Decimal(5), Decimal(1))


def test_funding_is_known_where_nothing_is_held_or_both_indices_are_told() -> None:
    untold = Inventory().after(a_fill(Side.BUY, "2", "10"))
    told = Inventory().after(replace(a_fill(Side.BUY, "2", "10"), funding_index=Decimal(0)))
    assert [held.knows_funding(Decimal(1)) for held in (Inventory(), untold, told)] == [True, False, True]
    assert [held.knows_funding(None) for held in (Inventory(), untold, told)] == [True, False, False]


def test_thirds_are_shared_to_sixty_digits() -> None:
    held = Inventory().after(a_fill(Side.BUY, "3", "1")).after(a_fill(Side.BUY, "4", "0.25"))
    part = held.after(a_fill(Side.SELL, "1", "1"))
    assert abs(part.cost * 7 - 4 * 6) < Decimal("1e-57")


def amounts() -> st.SearchStrategy[Decimal]:
    return st.decimals("0.001", "1000", places=3)


fills = st.lists(st.tuples(st.sampled_from(Side), amounts(), amounts(), amounts()), max_size=20)


@given(fills)
def test_cash_is_what_was_received_less_what_was_paid(
    history: list[tuple[Side, Decimal, Decimal, Decimal]],
) -> None:
    held, cash, quantity = Inventory(), Decimal(0), Decimal(0)
    for side, size, price, fee in history:
        held = held.after(a_fill(side, str(size), str(price), str(fee)))
        sign = 1 if side is Side.BUY else -1
        cash -= sign * size * price + fee
        quantity += sign * size
    assert held.quantity == quantity
    assert abs(held.cash - cash) < Decimal("1e-40")
    assert abs(held.worth(Decimal(7)) - (cash + 7 * quantity)) < Decimal("1e-40")
    assert held.cost >= 0
    assert bool(held.cost) == bool(held.quantity)
