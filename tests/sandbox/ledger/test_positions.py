from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.sandbox.ledger.numbers import EXACT
from defi_analytics.sandbox.ledger.positions import (
    applied,
    beyond_bankruptcy,
    funded,
    liquidatable,
    liquidation_price,
    margin_threshold,
    profit,
)
from defi_analytics.sandbox.ledger.records import Position, PositionDelta

D = Decimal
WHERE = ("sub", "market")


def position(is_long=True, quantity="2", entry="10", margin="4", funding="0"):
    return Position(*WHERE, is_long, D(quantity), D(entry), D(margin), D(funding))


def delta(is_long, quantity, price, margin="0"):
    return PositionDelta(is_long, D(quantity), D(margin), D(price))


def test_a_first_fill_opens_at_its_price_with_its_margin():
    result = applied(None, delta(False, 3, 10, 6), WHERE, D("0.5"))
    assert result.position == position(False, "3", "10", "6", "0.5")
    assert (result.collateral, result.payout, result.pnl) == (6, 0, 0)


def test_a_fill_in_the_same_direction_averages_the_entry():
    result = applied(position(), delta(True, 1, 13, 5), WHERE, D(0))
    assert result.position == position(quantity="3", entry="11", margin="9")
    assert (result.collateral, result.payout) == (5, 0)


@pytest.mark.parametrize(("is_long", "price", "pnl"), [(True, 11, 1), (True, 9, -1), (False, 9, 1)])
def test_reducing_pays_out_profit_and_a_share_of_the_margin(is_long, price, pnl):
    result = applied(position(is_long), delta(not is_long, 1, price, 7), WHERE, D(0))
    assert result.position == position(is_long, "1", "10", "2")
    assert (result.collateral, result.payout, result.pnl) == (0, pnl + 2, pnl)


def test_closing_exactly_leaves_no_position():
    result = applied(position(), delta(False, 2, "7.5"), WHERE, D(0))
    assert result.position is None
    assert (result.payout, result.pnl) == (-1, -5)


def test_flipping_closes_first_and_opens_the_rest_with_its_share_of_the_margin():
    result = applied(position(), delta(False, 6, 11, 9), WHERE, D(0))
    assert result.position == position(False, "4", "11", "6")
    assert (result.collateral, result.payout, result.pnl) == (6, 6, 2)


def test_longs_pay_funding_out_of_their_margin_and_shorts_get_it():
    assert funded(position(funding="1"), D("1.25")).margin == D("3.5")
    assert funded(position(False, funding="1"), D("1.25")).margin == D("4.5")
    assert funded(position(funding="1"), D("1.25")).cumulative_funding_entry == D("1.25")


def test_liquidation_prices():
    assert liquidation_price(position(), D(0)) == 8
    assert liquidation_price(position(False), D(0)) == 12
    assert liquidation_price(position(), D("0.2")) == 10
    assert liquidation_price(position(), D(0), D(2)) == 7
    assert liquidatable(position(), D(0), D(8))
    assert not liquidatable(position(), D(0), D("8.01"))
    assert liquidatable(position(False), D(0), D(12))
    assert not liquidatable(position(False), D(0), D("11.99"))


def test_closing_beyond_bankruptcy_counts_the_fee():
    assert beyond_bankruptcy(position(), D("8.01"), D("0.01"), D(0))
    assert not beyond_bankruptcy(position(), D("8.1"), D("0.01"), D(0))
    assert beyond_bankruptcy(position(False), D("11.99"), D("0.01"), D(0))
    assert not beyond_bankruptcy(position(False), D("11.8"), D("0.01"), D(0))


def test_margin_thresholds():
    assert margin_threshold(True, D(20), D(2), (D(4), D("0.2"))) == 10
    assert margin_threshold(False, D(20), D(2), (D(4), D("0.2"))) == 10


sizes = st.decimals("0.001", "1000", places=3)
prices = st.decimals("0.01", "100000", places=2)
margins = st.decimals("0", "100000", places=6)
fills = st.tuples(st.booleans(), sizes, prices, margins)


@given(st.lists(fills, max_size=12))
def test_the_counterparty_gets_exactly_what_the_trader_loses(rows):
    """Cash in, cash out and what is held balance the profits but for the chain's own rounding."""
    with localcontext(EXACT):
        held, paid_in, paid_out, gains = None, D(0), D(0), D(0)
        for is_long, quantity, price, margin in rows:
            result = applied(held, PositionDelta(is_long, quantity, margin, price), WHERE, D(0))
            held = result.position
            paid_in, paid_out, gains = (
                paid_in + result.collateral, paid_out + result.payout, gains + result.pnl,
            )  # fmt: skip
            assert held is None or held.quantity > 0
        margin_left = held.margin if held else D(0)
        assert abs(paid_in + gains - paid_out - margin_left) < D("1e-12")


@given(st.booleans(), sizes, prices, prices)
def test_profit_of_a_long_is_the_loss_of_a_short(is_long, quantity, entry, price):
    long, short = position(True, quantity, entry), position(False, quantity, entry)
    assert profit(long, price, quantity) == -profit(short, price, quantity)
