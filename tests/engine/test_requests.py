from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.domain.decision import BUY, SELL, Intent
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.requests import covered, order_id, request_of, still_reserved
from tests.engine.trading import HOME, PERP
from tests.fakes import NOON


def a_portfolio(available: str) -> Portfolio:
    held = Balance("inj", "INJ", total=Decimal(100), available=Decimal(available))
    return Portfolio("inj1a", NOON, 1, {"inj": held})


def test_an_orders_name_is_derived_and_as_long_as_the_chain_allows() -> None:
    name = order_id("d1", "oracle", HOME.key)
    assert len(name) == 36
    assert name == order_id("d1", "oracle", HOME.key)
    others = [("d2", "oracle", HOME.key), ("d1", "convergence", HOME.key), ("d1", "oracle", PERP.key)]
    assert name not in {order_id(*other) for other in others}


@pytest.mark.parametrize(("available", "lots"), [("5.8425", 5_842), ("9", 5_843), ("0", 0)])
def test_a_sale_on_spot_is_cut_to_what_is_there(available: str, lots: int) -> None:
    sale = Intent(SELL, 1, 17_000, 5_843)
    assert covered(sale, HOME, a_portfolio(available), {}).lots == lots
    assert covered(sale, HOME, Portfolio("inj1a", NOON, 1), {}).lots == 0
    assert covered(sale, PERP, a_portfolio("0"), {"INJ": Decimal(100)}).lots == 5_843
    assert covered(sale._replace(side=BUY), HOME, a_portfolio("0"), {}).lots == 5_843


@pytest.mark.parametrize(("reserved", "lots"), [("94.157", 5_843), ("98", 2_000), ("101", 0)])
def test_what_is_the_accounts_own_is_not_sold(reserved: str, lots: int) -> None:
    sale = Intent(SELL, 1, 17_000, 5_843)
    assert covered(sale, HOME, a_portfolio("100"), {"INJ": Decimal(reserved)}).lots == lots


@pytest.mark.parametrize(("reserved", "lots"), [("0", 4_997), ("60", 1_999), ("99.999", 0), ("101", 0)])
def test_what_is_the_accounts_own_is_not_spent_where_it_is_a_quote(reserved: str, lots: int) -> None:
    market = replace(HOME, base="PUGGO", base_denom="puggo", quote="INJ", quote_denom="inj")
    buy = Intent(BUY, 1, 20_000, 5_843)
    whose = a_portfolio("100")
    assert covered(buy, market, whose, {"INJ": Decimal(reserved)}).lots == lots
    assert covered(buy, market, whose, {"USDT": Decimal(5)}).lots == 5_843


@pytest.mark.parametrize(
    ("side", "held", "lots"),
    [(SELL, "4", 4_000), (SELL, "9", 5_843), (BUY, "-4", 4_000), (BUY, "4", 5_843), (SELL, None, 5_843)],
)
def test_an_exit_is_cut_to_the_position_that_the_venue_tells(side: int, held: str | None, lots: int) -> None:
    """Another client may have closed a part of it, in blocks that nobody can read now."""
    there = {PERP.key: Position(PERP.key, Decimal(held), Decimal(25), Decimal(30))} if held else {}
    whose = Portfolio("inj1a", NOON, 1, positions=there)
    leaving = Intent(side, 1, 17_000, 5_843, 0, True)
    assert covered(leaving, PERP, whose, {}).lots == lots
    assert covered(leaving._replace(reduce_only=False), PERP, whose, {}).lots == 5_843


def test_gas_comes_out_of_what_the_account_had() -> None:
    reserved = {"INJ": Decimal(10), "ATOM": Decimal(3)}
    assert still_reserved(reserved, Decimal("0.25")) == {"INJ": Decimal("9.75"), "ATOM": Decimal(3)}
    assert still_reserved(reserved, Decimal(11))["INJ"] == 0
    assert still_reserved({"ATOM": Decimal(3)}, Decimal(1)) == {"ATOM": Decimal(3)}


def test_a_request_says_what_was_intended() -> None:
    request = request_of(HOME, "oracle", Intent(SELL, 4, 17_000, 5, 17_100, True, 3), "d1")
    assert (request.side.value, request.kind.name, request.reduce_only) == ("sell", "STOP", True)
    assert (request.ticks, request.lots, request.trigger_ticks) == (17_000, 5, 17_100)
