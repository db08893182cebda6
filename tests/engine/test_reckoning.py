"""What an account should come to, and which of the rest somebody paid in."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.domain.edge import Side
from defi_analytics.domain.inventory import Inventory
from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.bookkeeping import Bookkeeping
from defi_analytics.engine.foreign import Known, story_of
from defi_analytics.engine.reckoning import GAS, Story, received, reckoned
from tests.builders import a_market
from tests.fakes import NOON

SPOT = replace(a_market(base="ETH"), base_decimals=18, quote_decimals=6)
PERP = replace(a_market(base="SOL"), market_id="perp", kind=MarketKind.PERPETUAL, quote_decimals=6)
MARKETS = {market.key: market for market in (SPOT, PERP)}
BEGAN = {"ETH": Decimal(10), "USDT": Decimal(1_000), "INJ": Decimal(1)}
LOT = SPOT.quantity_tick
BOUGHT = Fill("1", PERP.key, "", "0x1", Side.BUY, Decimal(100), Decimal(4), Decimal(1), NOON, 5)


def told(**amounts: str) -> Portfolio:
    own = {asset: total + Decimal(amounts.get(asset, "0")) for asset, total in BEGAN.items()}
    return Portfolio("inj1", NOON, 5, {a.lower(): Balance(a.lower(), a, t, t) for a, t in own.items()})


def came(portfolio: Portfolio, *, strayed: bool = False, **story: Any) -> dict[str, Decimal]:
    known = Story(**{"baseline": BEGAN, "held": {}, **story})
    return received(reckoned(known, portfolio, MARKETS), known, MARKETS.values(), strayed=strayed)


@pytest.mark.parametrize(
    ("moved", "found"),
    [
        ({}, set()),
        ({"ETH": "3"}, {"ETH"}),
        ({"USDT": "0.000001", "INJ": "1e-18"}, {"USDT", "INJ"}),
        ({"USDT": "0.0000009"}, set()),
        ({"ETH": "3", "USDT": "-7500"}, set()),
        ({"ETH": "-3", "USDT": "7500"}, set()),
        ({"ETH": "1e-18", "USDT": "-7500"}, {"ETH"}),
        ({"ETH": "-1e-18", "USDT": "7500"}, {"USDT"}),
        ({"ETH": "3", "INJ": "-1"}, set()),
        ({"ETH": "3", "USDT": "-0.00001"}, {"ETH"}),
        ({"ETH": "3", "USDT": "-0.000011"}, set()),
    ],
)
def test_what_came_in_is_what_nothing_was_paid_for(moved: dict[str, str], found: set[str]) -> None:
    assert set(came(told(**moved))) == found


def test_beside_a_position_that_strayed_only_less_than_a_lot_came_in() -> None:
    more = told(ETH=str(LOT), USDT="5")
    assert (set(came(more)), came(more, strayed=True)) == ({"ETH", "USDT"}, {})
    assert set(came(told(ETH=str(LOT / 2), USDT="5"), strayed=True)) == {"ETH"}


def test_the_gas_that_others_may_have_paid_pays_for_nothing() -> None:
    moved = told(ETH="3", INJ="-0.002")
    assert came(moved) == {}
    assert set(came(moved, others_gas=Decimal("0.002"))) == {"ETH"}


def test_a_coin_whose_quote_is_not_reckoned_may_have_been_bought_with_that() -> None:
    assert came(told(ETH="3"), baseline={"ETH": Decimal(10)}) == {}


@pytest.mark.parametrize(("free", "gap"), [("-521", 0), ("-471", 50), ("-600", -79)])
def test_what_a_position_keeps_and_what_its_fills_cost_is_reckoned(free: str, gap: int) -> None:
    held = {PERP.key: Inventory().after(replace(BOUGHT, funding_index=Decimal(2)))}
    there = Position(PERP.key, Decimal(4), Decimal(100), Decimal(512), None, Decimal(4))
    account = replace(told(USDT=free), positions={PERP.key: there})
    found = reckoned(Story(BEGAN, held), account, MARKETS)
    assert (found.gaps["USDT"], found.untold) == (gap, set())


@pytest.mark.parametrize(("index", "untold"), [(None, {PERP.key}), (Decimal(4), set())])
def test_cash_of_a_perpetual_whose_funding_nobody_told_is_no_gift(index: Any, untold: Any) -> None:
    held = {PERP.key: Inventory().after(BOUGHT)}
    there = Position(PERP.key, Decimal(4), Decimal(100), Decimal(400), None, index)
    account = replace(told(), positions={PERP.key: there})
    story = Story(BEGAN, held, untold)
    found = reckoned(story, account, MARKETS)
    assert (found.untold, found.gaps["USDT"]) == ({"USDT"}, 401)
    assert received(found, story, MARKETS.values(), strayed=False) == {}


def test_cash_that_may_be_with_a_position_elsewhere_is_not_reckoned() -> None:
    books = Bookkeeping(net={PERP.key: Inventory().after(BOUGHT)}, markets={PERP.key: PERP})
    known = Known(books, {"ETH": "10", "USDT": "1000", "INJ": "1"})
    assert set(story_of(known, [SPOT]).baseline) == {"ETH"}
    assert set(story_of(known, [SPOT, PERP]).baseline) == {"ETH", "USDT"}


PRICES = st.decimals(Decimal("0.1"), Decimal(999), places=3)
LOTS = st.integers(-500, 500).filter(bool)


@given(trades=st.lists(st.tuples(PRICES, LOTS), max_size=12), gift=st.integers(0, 10**9))
def test_the_gap_of_cash_is_exactly_what_was_paid_in(trades: list[tuple[Decimal, int]], gift: int) -> None:
    """However often an average price was divided on the way."""
    held, cash, base = Inventory(), Decimal(0), Decimal(0)
    for price, lots in trades:
        quantity = abs(lots) * LOT
        side = Side.BUY if lots > 0 else Side.SELL
        held = held.after(Fill("f", SPOT.key, "", "0x", side, price, quantity, Decimal("0.01"), NOON, 5))
        cash -= lots * LOT * price + Decimal("0.01")
        base += lots * LOT
    paid = Decimal(gift).scaleb(-6)
    account = told(ETH=f"{base:f}", USDT=f"{cash + paid:f}")
    found = reckoned(Story(BEGAN, {SPOT.key: held}), account, MARKETS)
    assert (found.gaps["USDT"], found.gaps["ETH"], found.gaps[GAS]) == (paid, 0, 0)
