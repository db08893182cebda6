import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.risk.exposure import (
    Line,
    LineKey,
    MarketLots,
    Marks,
    equity,
    exposures,
    inventory,
    unpriced,
    with_requests,
    worth,
)
from tests.risk.accounts import (
    ATOM,
    MARKETS,
    MARKS,
    OTHER,
    PERP,
    SPOT,
    account,
    balance,
    position,
    request,
    resting,
)

BUY, SELL = Side.BUY, Side.SELL


def lots(found, market):
    return found.lots.get(market.key, MarketLots())


def test_equity_is_balances_margins_and_unrealised_profit():
    held = account(
        balance("usdt", 1000), balance("usdc", 100), balance("inj", 10), position(2, entry=20, margin=30)
    )
    assert equity(held) == 1000 + 50 + 250 + 30 + 10
    assert equity(account(position(-2, entry=20, margin=30))) == 30 - 10
    assert equity(account()) == 0


def test_a_quote_that_is_no_account_currency_is_converted():
    perp = replace(PERP, quote="USDC")
    held = account(position(2, entry=40, margin=30), markets={perp.key: perp})
    assert equity(held) == 30 * 0.5 + 2 * (25 - 20)


@pytest.mark.parametrize(
    ("held", "names"),
    [
        (account(balance("wbtc", 1), balance("usdt", 5), balance("inj", 0)), ("WBTC",)),
        (account(position(1), marks=Marks({"USDT": 1.0}, MARKS.cash)), ("INJ",)),
        (account(position(1), marks=Marks({"INJ": 1.0}, MARKS.cash)), ("USDT",)),
        (account(position(1), markets={}), (PERP.market_id,)),
        (replace(account(balance("usdt", 5)), apart={"TIA": Decimal(3), "INJ": Decimal(0)}), ("TIA",)),
        (account(balance("factory/evil", 10**9, asset=""), balance("usdt", 5)), ()),
    ],
)
def test_what_has_no_price_is_named(held, names):
    assert unpriced(held) == names
    assert math.isnan(equity(held)) == bool(names)


def test_a_denom_nobody_vouches_for_is_worth_nothing():
    held = account(balance("factory/evil", 10**9, asset=""), balance("usdt", 5))
    assert (equity(held), exposures(held).total) == (5, 0)


@pytest.mark.parametrize(
    "held",
    [
        account(balance("wbtc", 1)),
        account(position(1), marks=Marks({"USDT": 1.0}, MARKS.cash)),
        account(position(1), marks=Marks({"INJ": 1.0}, MARKS.cash)),
        account(position(1), markets={}),
        account(position(1), markets={PERP.key: replace(PERP, quote="")}),
    ],
)
def test_what_has_no_mark_leaves_equity_unknown(held):
    assert math.isnan(equity(held))


@pytest.mark.parametrize(
    "held",
    [
        account(balance("wbtc", 1)),
        account(position(1), marks=Marks({"USDT": 1.0}, MARKS.cash)),
        account(position(1), markets={}),
        account(resting(PERP, BUY, 25, 1), markets={}),
        account(resting(PERP, BUY, 25, 1), marks=Marks({"USDT": 1.0}, MARKS.cash)),
        account(resting(PERP, SELL, 25, 1), marks=Marks({"INJ": 25.0}, MARKS.cash)),
    ],
)
def test_and_exposure_too(held):
    assert math.isnan(exposures(held).total)


def test_what_lies_apart_is_worth_nothing_whatever_its_price():
    own = balance("inj", 3), balance("usdt", 5), balance("wbtc", 1)
    held = replace(account(*own[:2]), apart={"INJ": Decimal(2), "WBTC": Decimal(0)})
    assert equity(held) == 5 + 25
    sold = replace(account(balance("inj", 1), balance("usdt", 55)), apart=held.apart)
    assert equity(sold) == 5 + 25, "the owner sold two of them: that is no gain"
    assert math.isnan(equity(replace(account(*own), apart={"WBTC": Decimal(1)})))


def test_a_balance_of_nothing_needs_no_mark():
    assert equity(account(balance("wbtc", 0))) == 0
    assert exposures(account(balance("wbtc", 0))).total == 0


def test_spot_and_perpetual_of_an_asset_net_for_the_asset_and_add_up_for_the_total():
    found = exposures(account(balance("inj", 10), position(-8), balance("atom", 3), balance("usdt", 999)))
    assert found.of_asset("INJ") == (50, 50)
    assert found.of_asset("ATOM") == (30, 30)
    assert found.of_asset("USDT") == (0, 0)
    assert found.total == 250 + 200 + 30
    assert (found.of_market(SPOT), found.of_market(OTHER), found.of_market(PERP)) == (250, 250, 200)
    assert found.active == 3
    assert lots(found, SPOT) == lots(found, OTHER) == (10_000, 0, 0)
    assert lots(found, PERP) == (-8_000, 0, 0)
    assert lots(found, ATOM) == (3_000, 0, 0)


def test_open_orders_count_as_filled_on_the_worse_side_at_the_higher_price():
    found = exposures(
        account(
            balance("inj", 10),
            resting(SPOT, BUY, 24, 4),
            resting(SPOT, BUY, 26, 1),
            resting(OTHER, SELL, 60, 2),
        )
    )
    assert found.lines == {LineKey("INJ", None): Line(250.0, 126.0, 60.0)}
    assert found.of_asset("INJ") == (376, 190)
    assert found.of_market(SPOT) == found.total == 376
    assert lots(found, SPOT) == (10_000, 5_000, 0)
    assert lots(found, OTHER) == (10_000, 0, 2_000)


def test_only_what_remains_of_an_order_counts():
    order = resting(PERP, BUY, 25, 4, remaining=Decimal(1))
    found = exposures(account(order))
    assert (found.total, lots(found, PERP)) == (25, (0, 1_000, 0))


def test_several_orders_of_one_side_add_up():
    found = exposures(account(resting(PERP, SELL, 25, 4), resting(PERP, SELL, 25, 2)))
    assert (found.total, found.of_asset("INJ"), lots(found, PERP)) == (150, (0, -150), (0, 0, 6_000))
    assert found.active == 1


def test_a_resting_order_that_only_reduces_exposes_nothing_but_takes_up_lots():
    found = exposures(account(position(4), resting(PERP, SELL, 26, 3, reduce_only=True)))
    assert (found.of_asset("INJ"), lots(found, PERP)) == ((100, 100), (4_000, 0, 3_000))


def test_a_protective_stop_takes_up_nothing():
    stop = resting(PERP, SELL, 20, 4, reduce_only=True, kind=OrderKind.STOP)
    assert lots(exposures(account(position(4), stop)), PERP) == (4_000, 0, 0)
    asked = request(PERP, SELL, 20, 4, reduce_only=True, kind=OrderKind.STOP, trigger_ticks=21_000)
    held = account(position(4))
    assert with_requests(exposures(held), held, [asked]).lots == exposures(held).lots


def test_nothing_on_a_spot_market_keeps_a_sale_from_selling_more():
    found = exposures(account(resting(SPOT, SELL, 25, 3, reduce_only=True)))
    assert found.of_asset("INJ") == (0, -75)


def test_reserves_are_no_inventory_but_equity():
    held = account(balance("inj", 10), balance("atom", 1), reserved={"INJ": Decimal(4), "ATOM": Decimal(5)})
    assert inventory(held) == {"INJ": Decimal(6)}
    assert (exposures(held).total, equity(held)) == (150, 260)
    assert inventory(account(balance("inj", 4), reserved={"INJ": Decimal(4)})) == {}


def test_two_denoms_of_one_asset_are_one_inventory():
    assert inventory(account(balance("inj", 1), balance("ibc/inj", 2, asset="INJ"))) == {"INJ": Decimal(3)}


def test_requests_count_as_pending():
    held = account(balance("inj", 10))
    found = with_requests(exposures(held), held, [request(SPOT, BUY, 24, 2), request(PERP, SELL, 26, 3)])
    assert found.lines == {
        LineKey("INJ", None): Line(250.0, 50.0, 0.0),
        LineKey("INJ", PERP.key): Line(0.0, 0.0, 78.0),
    }
    closing = request(PERP, SELL, 26, 3, reduce_only=True)
    assert with_requests(exposures(held), held, [closing]).of_asset("INJ") == (250, 250)


def test_an_order_is_worth_the_higher_of_its_price_and_the_mark():
    assert worth(account(), request(SPOT, BUY, 24, 2)) == 50
    assert worth(account(), request(SPOT, BUY, 26, 2)) == 52
    assert worth(account(), request(OTHER, BUY, 60, 2)) == 60
    for missing in ("INJ", "USDT"):
        some = {a: p for a, p in MARKS.assets.items() if a != missing}
        assert math.isnan(worth(account(marks=Marks(some, MARKS.cash)), request()))


def test_inventory_is_no_lots_of_a_perpetual():
    assert PERP.key not in exposures(account(balance("inj", 10))).lots


def test_lots_are_whole_and_a_grid_that_is_not_known_has_none():
    held = account(position("-1.0009"), balance("inj", "2.0009"))
    assert lots(exposures(held), PERP).position == -1_000
    assert lots(exposures(held), SPOT).position == 2_000
    gridless = {k: replace(m, quantity_tick=Decimal(0)) for k, m in MARKETS.items()}
    assert lots(exposures(replace(held, markets=gridless)), PERP).position == 0


@pytest.mark.parametrize("line", [Line(math.nan), Line(1, math.nan), Line(1, 1, math.nan)])
def test_a_line_with_anything_unknown_is_unknown(line):
    assert math.isnan(line.worst)


@settings(deadline=None)
@given(*[st.integers(-100, 100)] * 2, *[st.integers(0, 100)] * 2)
def test_no_outcome_of_the_pending_orders_is_worse_than_said(spot, perp, buys, sells):
    parts = [balance("inj", max(spot, 0)), position(perp)]
    parts += [resting(PERP, BUY, 25, buys), resting(PERP, SELL, 25, sells)]
    found = exposures(account(*parts))
    long, short = found.of_asset("INJ")
    for bought in (0, buys):
        for sold in (0, sells):
            net = 25 * (max(spot, 0) + perp + bought - sold)
            assert short <= net <= long
            assert 25 * (max(spot, 0) + abs(perp + bought - sold)) <= found.total


@pytest.mark.parametrize(("quantity", "whole"), [("0.5", 500), ("-0.5", -500), ("0.0009", 0)])
def test_a_position_of_less_than_one_base_has_its_lots_and_its_side(quantity, whole):
    assert lots(exposures(account(position(quantity))), PERP).position == whole


def test_a_market_that_is_not_verified_is_worth_no_known_amount_whatever_its_assets_are_called():
    strange = replace(PERP, quote="")
    held = account(position(2, margin=30), markets={strange.key: strange})
    assert math.isnan(equity(held))
    assert math.isnan(exposures(held).total)
    assert math.isnan(worth(held, request(strange)))
