import pytest

from defi_analytics.domain.decision import (
    BUY,
    IDLE,
    MOST_CASH,
    MOST_LOTS,
    SELL,
    Grid,
    Holding,
    Intent,
    OrderKind,
    Why,
)


def test_a_cash_unit_is_one_tick_of_one_lot() -> None:
    assert Grid(0.5, 0.25, 0.0, 0.001, 1, 0, perpetual=False).unit == 0.125


def test_a_side_is_the_sign_of_what_it_adds() -> None:
    assert (BUY, SELL) == (1, -1)


def test_kinds_and_purposes_keep_their_numbers_because_journals_and_compiled_code_hold_them() -> None:
    assert [(k.name, k.value) for k in OrderKind] == [
        ("MARKET", 1),
        ("LIMIT", 2),
        ("POST_ONLY", 3),
        ("STOP", 4),
    ]
    assert [(w.name, w.value) for w in Why] == [
        ("NOTHING", 0),
        ("ENTRY", 1),
        ("EXIT_CONVERGED", 2),
        ("EXIT_STOP", 3),
        ("EXIT_TIME", 4),
        ("EXIT_REDUCE", 5),
    ]


def test_what_a_holding_is_counted_in_fits_64_bits() -> None:
    """Shares of a cost multiply two numbers of lots, sums add two amounts of cash."""
    assert MOST_LOTS**2 < 2**63 <= (MOST_LOTS + 2) ** 2 * 2
    assert 2 * MOST_CASH - 1 < 2**63 <= 2 * MOST_CASH
    assert MOST_LOTS == 2**31 - 1


def test_a_market_nobody_traded_is_held_at_nothing() -> None:
    assert Holding() == (0, 0, 0.0, 0.0, 0, 0)


@pytest.mark.parametrize("intent", [Intent(), IDLE])
def test_to_want_nothing_is_no_order_at_all(intent: Intent) -> None:
    assert intent == (0, OrderKind.MARKET, 0, 0, 0, False, Why.NOTHING)
