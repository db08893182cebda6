from dataclasses import replace
from decimal import Decimal

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill, OpenOrder
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.differences import Code, Difference, Journalled, Told, differences
from tests.builders import a_market
from tests.engine.start_states import PERP, SPOT
from tests.fakes import NOON

ONE = Decimal(1)
MARKETS = {SPOT.key: SPOT, PERP.key: PERP}
FILL = Fill("f", SPOT.key, "c", "0xc", Side.BUY, Decimal(25), ONE, Decimal(0), NOON, 5)


def told(*fills: Fill, balances: tuple[Balance, ...] = (), **more: object) -> Told:
    own = {balance.denom: balance for balance in balances}
    return Told(replace(Portfolio("inj1", NOON, 10, own), **more), fills, 1, 10)


def found(own: Journalled, there: Told) -> list[tuple[Code, str, Decimal, str]]:
    return [(d.code, d.about, d.gap, d.unit) for d in differences(own, there, MARKETS)]


def counted(*fills: Fill, **more: object) -> Journalled:
    return Journalled(Bookkeeping(scanned_height=10), fills, **more)


def test_two_empty_sides_agree() -> None:
    assert found(counted(), told()) == []


def test_a_fill_on_a_market_that_nobody_knows_is_told_and_explains_no_balance() -> None:
    strange = replace(FILL, key=a_market(base="ABC").key)
    there = told(strange, balances=(Balance("usdt", "USDT", ONE, ONE),))
    own = counted(baseline={"USDT": ONE})
    assert found(own, there) == [(Code.FILL_MISSING, "f", ONE, "base")]
    changed = replace(strange, price=Decimal(26))
    assert found(counted(strange), told(changed)) == [(Code.FILL_CHANGED, "f", -ONE, "quote")]


def test_an_asset_whose_start_is_not_known_is_not_compared() -> None:
    there = told(FILL, balances=(Balance("usdt", "USDT", ONE, ONE),))
    assert found(counted(FILL), there) == []


def test_an_asset_the_venue_does_not_list_is_nothing() -> None:
    assert found(counted(baseline={"INJ": ONE}), told()) == [(Code.BALANCE, "INJ", -ONE, "INJ")]


def test_less_than_the_chains_unit_is_no_difference_and_the_unit_is_one() -> None:
    for gap, count in (("0.0000009", 0), ("0.000001", 1)):
        there = told(balances=(Balance("usdt", "USDT", ONE, ONE + Decimal(gap)),))
        assert len(found(counted(baseline={"USDT": ONE}), there)) == count


def test_two_denoms_of_one_asset_are_added_and_a_denom_nobody_vouches_for_is_not() -> None:
    balances = (
        Balance("a", "USDT", ONE, ONE),
        Balance("b", "USDT", ONE, ONE),
        Balance("c", "", ONE, ONE),
    )
    assert found(counted(baseline={"USDT": Decimal(2)}), told(balances=balances)) == []


def test_an_open_order_is_known_by_its_hash_and_a_stranger_by_what_it_has() -> None:
    order = OpenOrder(SPOT.key, "0xh", "web-7", Side.BUY, OrderKind.LIMIT, ONE, ONE, ONE)
    bare = replace(order, client_order_id="", order_hash="0xbare")
    assert found(counted(), told(open_orders=(order, bare))) == [
        (Code.ORDER_FOREIGN, "web-7", ONE, "base"),
        (Code.ORDER_FOREIGN, "0xbare", ONE, "base"),
    ]


def test_a_position_nobody_opened_is_told_and_one_on_another_market_is_not_ours_to_judge() -> None:
    other = a_market(base="ABC").key
    positions = {
        PERP.key: Position(PERP.key, -ONE, Decimal(25), Decimal(25)),
        other: Position(other, ONE, Decimal(25), Decimal(25)),
    }
    assert found(counted(), told(positions=positions)) == [(Code.POSITION, PERP.ticker, -ONE, "INJ")]


OPENED = replace(FILL, key=PERP.key, funding_index=ONE)
"""A long of one, whose market's funding index was 1."""


def of_a_perpetual(index: Decimal | None, cash: str, *more: Fill) -> list[tuple[Code, str, Decimal, str]]:
    """Now, with a margin of 5 from which what is due is taken off as the venue tells it."""
    position = Position(PERP.key, ONE, Decimal(25), Decimal(5) - (index or ONE) + ONE, None, index)
    cash_there = Balance("u", "USDT", Decimal(0), Decimal(cash))
    there = told(OPENED, *more, positions={PERP.key: position}, balances=(cash_there,))
    return found(counted(OPENED, *more, baseline={"USDT": Decimal(100)}), there)


def test_funding_that_is_due_but_not_settled_is_explained() -> None:
    assert of_a_perpetual(Decimal("1.25"), "95") == []


def test_funding_that_a_fill_settled_is_explained_and_a_unit_less_is_not() -> None:
    again = replace(OPENED, fill_id="g", side=Side.SELL, quantity=ONE / 2, funding_index=Decimal(3), height=6)
    half = Position(PERP.key, ONE / 2, Decimal(25), Decimal(2), None, Decimal(3))
    for cash, gap in (("96", []), ("95.999999", [(Code.BALANCE, "USDT", Decimal("-0.000001"), "USDT")])):
        there = told(
            OPENED, again, positions={PERP.key: half}, balances=(Balance("u", "USDT", ONE, Decimal(cash)),)
        )
        assert found(counted(OPENED, again, baseline={"USDT": Decimal(100)}), there) == gap


def test_what_funding_nobody_told_may_explain_is_told_and_keeps_nobody_from_starting() -> None:
    assert of_a_perpetual(None, "94") == [(Code.PERPETUAL_CASH, "USDT", Decimal(-1), "USDT")]
    again = replace(OPENED, fill_id="g", funding_index=None, height=6)
    assert of_a_perpetual(ONE, "94", again)[-1][:2] == (Code.PERPETUAL_CASH, "USDT")


def test_the_gap_is_exact_whatever_its_size() -> None:
    small, large = Decimal("0.000000000000000001"), Decimal(10) ** 24
    assert Difference(Code.BALANCE, "INJ", small, large, "INJ").gap == Decimal(
        "999999999999999999999999.999999999999999999"
    )
