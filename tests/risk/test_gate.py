import ast
import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import defi_analytics
from defi_analytics.backtest.compiled import compiled
from defi_analytics.domain.decision import Grid, OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import ApprovedOrder
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.gate import Approved, Refused, judge
from defi_analytics.risk.halting import apply
from defi_analytics.risk.limits import LARGER_IS_TIGHTER, RiskLimits
from defi_analytics.risk.losses import RiskState
from defi_analytics.risk.views import AccountFacts, MarketFacts, OrderFacts
from tests.fakes import NOON
from tests.risk.accounts import ATOM, MARKETS, OTHER, PERP, SPOT, account, balance, position, request
from tests.risk.contexts import EXPECTED, FACTS, LIMITS, STATE, answers, context
from tests.risk.facts import ACCOUNT, MARKET, ORDER, code

FIELDS = [
    name
    for view in (OrderFacts, MarketFacts, AccountFacts, Grid)
    for name in view._fields
    if view.__annotations__[name] in (float, int) and name not in {"price_tick", "quantity_tick"}
]
UNUSED = {"maker_fee", "taker_fee", "maintenance_margin"}
"""Of the facts no rule reads them itself: they went into others."""


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("field", sorted(set(FIELDS) - UNUSED))
def test_a_fact_that_is_no_finite_number_never_passes(field, wrong):
    assert code(**{field: wrong}) is not Denial.NONE


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "name",
    sorted(
        set(RiskLimits._fields)
        - {"stop_loss", "exit_width", "max_resting_blocks", "max_leg_imbalance", "max_failed_exits"}
    ),
)
def test_nor_does_anything_under_a_limit_that_is_none(name, wrong):
    nobody_asked = name == "max_loss" and wrong == math.inf
    assert (code(LIMITS._replace(**{name: wrong})) is Denial.NONE) is nobody_asked


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_nor_an_exit_of_no_known_width(wrong):
    reducing = {"side": -1, "reduce_only": True, "position_lots": 4_000}
    assert code(LIMITS._replace(exit_width=wrong), **reducing) is not Denial.NONE


NUMBERS = st.one_of(
    st.floats(),
    st.floats(-1, 1),
    st.floats(0, 1e4),
    st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf]),
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_tightening_a_limit_never_lets_more_pass(data):
    changes = data.draw(st.dictionaries(st.sampled_from(sorted(set(FIELDS) - {"lots"})), NUMBERS, max_size=3))
    loose = LIMITS._replace(
        **data.draw(st.dictionaries(st.sampled_from(LIMITS._fields), st.floats(0, 1e5), max_size=6))
    )
    name = data.draw(st.sampled_from(LIMITS._fields))
    value = getattr(loose, name)
    tight = loose._replace(**{name: value * (1.5 if name in LARGER_IS_TIGHTER else 0.5)})
    reducing = data.draw(st.sampled_from([{}, {"side": -1, "reduce_only": True, "position_lots": 4_000}]))
    if code(loose, **reducing | changes) is not Denial.NONE:
        assert code(tight, **reducing | changes) is not Denial.NONE


IN_ORDER = [
    ({"notional": math.nan}, Denial.RISK_STATE_UNKNOWN),
    ({"state": TradingState.HALTED}, Denial.HALTED),
    ({"peak_equity": 1e6}, Denial.DRAWDOWN_HARD),
    ({"day_lost": 1e6}, Denial.MAX_LOSS),
    ({"reduce_only": True}, Denial.REDUCE_ONLY),
    ({"day_low_equity": 1.0}, Denial.DAILY_LOSS),
    ({"week_low_equity": 1.0}, Denial.WEEKLY_LOSS),
    ({"status": 2}, Denial.MARKET_STATE),
    ({"clock_skew_s": 99.0}, Denial.CLOCK_SKEW),
    ({"balance_age_s": 99.0}, Denial.STALE_BALANCE),
    ({"book_age_s": 99.0}, Denial.STALE_BOOK),
    ({"oracle_age_s": 999.0}, Denial.STALE_ORACLE),
    ({"prediction_age_s": 9_999.0}, Denial.STALE_PREDICTION),
    ({"unresolved": True}, Denial.UNRESOLVED_ORDER),
    ({"duplicate": True}, Denial.DUPLICATE_ID),
    ({"trigger": 1}, Denial.GRID),
    ({"oracle": 1.0}, Denial.PRICE_BAND_ORACLE),
    ({"mid": 24_000.0, "bid": 1.0}, Denial.PRICE_BAND_MID),
    ({"slippage": 1.0}, Denial.SLIPPAGE),
    ({"net_edge": 0.0}, Denial.MIN_PROFIT),
    ({"since_exit_s": 0.0}, Denial.COOLDOWN),
    ({"trades_today": 99}, Denial.DAILY_TRADES),
    ({"orders_last_minute": 99}, Denial.RATE_LIMIT),
    ({"gas_today": 1.0}, Denial.GAS_BUDGET),
    ({"active_positions": 9}, Denial.POSITION_COUNT),
    ({"exposure_market": 1e6}, Denial.EXPOSURE_MARKET),
    ({"asset_long": 1e6}, Denial.EXPOSURE_ASSET),
    ({"exposure_total": 1e6}, Denial.EXPOSURE_TOTAL),
    ({"leverage": 9.0}, Denial.LEVERAGE),
    ({"liquidation_distance": 0.0}, Denial.LIQUIDATION_DISTANCE),
    ({"free": 0.0}, Denial.INSUFFICIENT_BALANCE),
]


@pytest.mark.parametrize("first", range(len(IN_ORDER)))
def test_the_first_objection_in_the_published_order_is_told(first):
    changes = {name: value for some, _ in reversed(IN_ORDER[first:]) for name, value in some.items()}
    assert code(**changes) is IN_ORDER[first][1]


def test_the_order_of_those_about_size():
    small = LIMITS._replace(max_trade_size=50.0, max_position_size=40.0, max_soft_drawdown=0.0)
    assert code(small._replace(min_trade_size=200.0)) is Denial.DRAWDOWN_SOFT
    small = small._replace(max_soft_drawdown=0.03)
    assert code(small._replace(min_trade_size=200.0), exposure_market=1e6) is Denial.TRADE_SIZE_MIN
    assert code(small, exposure_market=1e6) is Denial.ORDER_NOTIONAL
    assert code(small._replace(max_trade_size=500.0), exposure_market=1e6) is Denial.POSITION_SIZE


def plain(view):
    """Whole numbers and floats as such, so that compiled code is made once for all of them."""
    kinds = [view.__annotations__[name] for name in view._fields]
    return type(view)._make(v if kind is Grid else kind(v) for kind, v in zip(kinds, view, strict=True))


def test_compiled_it_says_the_same(tmp_path, monkeypatch):
    """Every function of `risk` that `judge` reaches, as it stands."""
    pytest.importorskip("numba", reason="the extra `backtest` is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fast = compiled(judge)
    for changes, expected in [({}, Denial.NONE), *IN_ORDER]:
        order, market, account = (
            plain(view._replace(**{k: v for k, v in changes.items() if k in view._fields}))
            for view in (ORDER, MARKET, ACCOUNT)
        )
        found = fast(order, market, account, plain(LIMITS))
        assert found.code is expected
        assert str(found) == str(judge(order, market, account, LIMITS))
    assert len(fast.signatures) == 1


def codes(found):
    return [answer.code if isinstance(answer, Refused) else None for answer in found]


def test_an_order_that_passes_is_approved_for_a_number_of_blocks():
    (answer,) = answers([request()], context(), LIMITS._replace(max_resting_blocks=12))
    assert answer == Approved((ApprovedOrder(request(), 12, NOON),))


def test_a_refusal_says_what_broke_which_limit():
    asked = request(quantity=21)
    (answer,) = answers([asked], context())
    assert answer == Refused((asked,), Denial.ORDER_NOTIONAL, asked, 500.0, 525.0, "account currency")


def test_a_refusal_without_numbers_has_none():
    (answer,) = answers([request()], context(state=replace(STATE, trading=TradingState.HALTED)))
    assert (answer.code, answer.limit, answer.value, answer.unit) == (Denial.HALTED, None, None, "")
    (answer,) = answers([request(name="unheard")], context())
    assert (answer.code, answer.limit, answer.value) == (Denial.RISK_STATE_UNKNOWN, None, None)
    (answer,) = answers([request()], context(clock_skew_s=math.inf))
    assert (answer.code, answer.value) == (Denial.RISK_STATE_UNKNOWN, None)
    unread = {**FACTS, SPOT.key: FACTS[SPOT.key]._replace(book_age_s=math.nan)}
    (answer,) = answers([request()], context(markets=unread))
    assert (answer.code, answer.limit, answer.value, answer.unit) == (Denial.STALE_BOOK, 10.0, None, "s")
    endless = LIMITS._replace(max_book_age_s=math.inf)
    (answer,) = answers([request()], context(markets=unread), endless)
    assert (answer.code, answer.limit, answer.value) == (Denial.STALE_BOOK, None, None)
    (answer,) = answers([request()], context(), at=NOON + timedelta(minutes=1))
    assert (answer.code, answer.limit, answer.value) == (Denial.STALE_BALANCE, 30.0, 60.0)


def test_nothing_asked_nothing_answered():
    assert answers([], context()) == ()


def test_orders_of_one_snapshot_count_against_each_other():
    many = [request(PERP, name=f"c{n}", quantity=16) for n in range(1, 5)]
    assert codes(answers(many, context())) == [None, None, Denial.POSITION_SIZE, Denial.POSITION_SIZE]
    poor = apply(RiskState(), "risk.equity", NOON, {"equity": 250.0})
    free = context(balance("usdt", 250), state=poor)
    assert codes(answers([replace(r, lots=4_000) for r in many], free)) == [
        None,
        None,
        Denial.INSUFFICIENT_BALANCE,
        Denial.INSUFFICIENT_BALANCE,
    ]
    few = LIMITS._replace(max_orders_per_block=1)
    assert codes(answers([request(), request(name="c2")], context(), few)) == [None, Denial.RATE_LIMIT]
    assert codes(answers([request(), request()], context())) == [None, Denial.DUPLICATE_ID]
    one = LIMITS._replace(max_active_positions=1)
    assert codes(answers([request(), request(ATOM, price=10, name="c2")], context(), one)) == [
        None,
        Denial.POSITION_COUNT,
    ]
    daily = context(state=replace(STATE, trades_today=49))
    assert codes(answers([request(), request(name="c2")], daily)) == [None, Denial.DAILY_TRADES]


def test_what_was_refused_does_not_count():
    asked = [request(quantity=21), request(quantity=20, name="c2")]
    assert codes(answers(asked, context(state=replace(STATE, trades_today=49)))) == [
        Denial.ORDER_NOTIONAL,
        None,
    ]


def test_legs_are_approved_together_or_not_at_all():
    buy = request(SPOT, name="c1", group="g")
    sell = request(PERP, Side.SELL, name="c2", group="g")
    (answer,) = answers([buy, sell], context())
    assert [o.request for o in answer.orders] == [buy, sell]
    too_large = replace(sell, lots=40_000)
    last = request(name="c1")
    first, second = answers([buy, too_large, last], context())
    assert (first.requests, first.about, first.code) == ((buy, too_large), too_large, Denial.ORDER_NOTIONAL)
    assert isinstance(second, Approved), "the leg before the refused one left no trace, its id neither"


def test_legs_need_not_stand_side_by_side():
    legs = [request(name=f"c{n}", quantity=2, group=g) for n, g in ((1, "a"), (2, ""), (4, ""))]
    legs.insert(2, request(PERP, Side.SELL, name="c3", quantity=2, group="a"))
    found = answers(legs, context())
    named = [[o.request.client_order_id for o in a.orders] for a in found]
    assert named == [["c1", "c3"], ["c2"], ["c4"]]


def test_legs_that_do_not_hedge_each_other_are_refused_whole_and_leave_no_trace():
    buy = request(SPOT, name="c1", quantity=10, group="g")
    for sold, denial in (
        ("10", None),
        ("9.048", None),
        ("9.047", Denial.LEG_IMBALANCE),
        ("4", Denial.LEG_IMBALANCE),
    ):
        sell = request(PERP, Side.SELL, name="c2", quantity=sold, group="g")
        assert codes(answers([buy, sell], context())) == [denial]
    answer, other = answers([buy, sell, request(name="c1")], context())
    assert (answer.requests, answer.about) == ((buy, sell), buy)
    assert (answer.limit, answer.value) == (0.05, pytest.approx(6 / 14))
    assert isinstance(other, Approved)


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_legs_under_a_limit_that_is_none_are_refused(wrong):
    legs = [request(name="c1", group="g"), request(PERP, Side.SELL, name="c2", group="g")]
    found = answers(legs, context(), LIMITS._replace(max_leg_imbalance=wrong))
    assert codes(found) == [Denial.RISK_STATE_UNKNOWN]


def test_cash_among_the_legs_hedges_nothing_and_needs_no_hedge():
    cash = replace(OTHER, market_id="cash", base="USDC", base_denom="usdc", quote="USDT", quote_denom="usdt")
    seen = FACTS[SPOT.key]._replace(bid=490.0, ask=510.0, mid=500.0, oracle=500.0)
    own = account(balance("usdt", 10_000), markets={**MARKETS, cash.key: cash})
    given = context(account=own, markets={**FACTS, cash.key: seen})
    legs = [
        request(name="c1", group="g"),
        request(PERP, Side.SELL, name="c2", group="g"),
        request(cash, price="0.5", quantity=100, name="c3", group="g"),
    ]
    assert codes(answers(legs, given)) == [None]


def test_a_leg_without_its_counterpart_is_naked():
    same_way = [request(SPOT, name="c1", group="g"), request(PERP, Side.BUY, name="c2", group="g")]
    assert codes(answers(same_way, context())) == [Denial.LEG_IMBALANCE]
    assert codes(answers([request(name="c1", group="g")], context())) == [Denial.LEG_IMBALANCE]
    assert codes(answers([request(name="c1")], context())) == [None]


def test_legs_that_only_close_need_not_balance():
    held = context(position(8, margin=200))
    out = request(PERP, Side.SELL, quantity=8, reduce_only=True, group="g")
    assert codes(answers([out], held)) == [None]
    into = request(name="c2", quantity=4, group="g")
    for legs in ([out, into], [into, out]):
        assert codes(answers(legs, held)) == [Denial.LEG_IMBALANCE]


def test_requests_without_a_group_do_not_share_a_fate():
    assert codes(answers([request(quantity=21), request(name="c2")], context())) == [
        Denial.ORDER_NOTIONAL,
        None,
    ]


def test_an_exit_is_no_trade_of_the_day():
    held = context(position(8, margin=200), state=replace(STATE, trades_today=49))
    out = request(PERP, Side.SELL, reduce_only=True)
    assert codes(answers([out, request(ATOM, price=10, name="c2")], held)) == [None, None]
    both = [out, request(PERP, Side.SELL, quantity=5, reduce_only=True, name="c2")]
    assert codes(answers(both, held)) == [None, Denial.REDUCE_ONLY]


def test_a_market_of_its_own_limits_can_only_be_stricter():
    own = context(market_limits={SPOT.key: LIMITS._replace(max_trade_size=50.0, max_slippage=1.0)})
    assert codes(answers([request()], own)) == [Denial.ORDER_NOTIONAL]
    assert codes(answers([request(price="25.4")], own, LIMITS)) == [Denial.SLIPPAGE]
    assert codes(answers([request(OTHER, price=50, quantity=1)], own)) != [Denial.ORDER_NOTIONAL]


def test_on_a_market_of_its_own_limits_an_order_also_rests_no_longer():
    own = context(market_limits={SPOT.key: LIMITS._replace(max_resting_blocks=5)})
    here, there = answers([request(), request(ATOM, price=10, name="c2")], own)
    assert here.orders[0].expires_after_blocks == 5
    assert there.orders[0].expires_after_blocks == LIMITS.max_resting_blocks


def test_a_person_gets_out_of_what_is_halted():
    halted = replace(STATE, trading=TradingState.HALTED)
    out = request(PERP, Side.SELL, reduce_only=True)
    asked = {"c1": replace(EXPECTED["c1"], by_person=True)}
    assert codes(answers([out], context(position(4), state=halted))) == [Denial.HALTED]
    assert codes(answers([out], context(position(4), state=halted, expected=asked))) == [None]


def test_a_protective_stop_passes_and_leaves_room_for_the_exit():
    stop = request(PERP, Side.SELL, price="23.6", kind=OrderKind.STOP, trigger_ticks=23_750, reduce_only=True)
    out = request(PERP, Side.SELL, reduce_only=True, name="c2")
    assert codes(answers([stop, out], context(position(4, margin=100)))) == [None, None]


class Exploding(dict):
    def get(self, key, default=None):
        raise ZeroDivisionError

    __getitem__ = get


@pytest.mark.parametrize("field", ["markets", "expected", "market_limits", "unresolved", "account", "state"])
def test_whatever_fails_is_a_refusal(field):
    given = context(**{field: Exploding() if field not in {"unresolved", "account", "state"} else None})
    found = answers([request(), request(name="c2")], given)
    assert codes(found) == [Denial.RISK_STATE_UNKNOWN] * 2


def test_legs_that_could_not_be_judged_are_refused_in_the_name_of_the_first():
    legs = [request(name="c1", group="g"), request(PERP, Side.SELL, name="c2", group="g")]
    (answer,) = answers(legs, context(account=None))
    assert (answer.code, answer.about, answer.requests) == (Denial.RISK_STATE_UNKNOWN, legs[0], tuple(legs))


def test_a_leg_on_an_unknown_market_refuses_its_group_and_no_other():
    strange = request(replace(SPOT, market_id="0xff"), name="c1", group="g")
    found = answers([strange, request(name="c2")], context())
    assert codes(found) == [Denial.RISK_STATE_UNKNOWN, None]
    assert found[0].about == strange


def test_an_order_with_no_leverage_is_refused():
    assert codes(answers([request(PERP, leverage=Decimal(0))], context())) == [Denial.RISK_STATE_UNKNOWN]


def constructions(tree):
    """Calls that could make an approved order: by its name under any alias, or by unpickling its type."""
    names = {"ApprovedOrder"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {a.asname for a in node.names if a.name == "ApprovedOrder" and a.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            made = (
                [node.func, *node.args]
                if _name(node.func) in {"replace", "decode_as", "partial"}
                else [node.func]
            )
            yield from (node.lineno for part in made if _name(part) in names)


def _name(node):
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_nothing_but_the_gate_makes_an_approved_order():
    package = Path(defi_analytics.__file__).parent
    found = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for _ in constructions(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == ["risk/gate.py"]


@pytest.mark.parametrize(
    "source",
    [
        "ApprovedOrder(request, 1, at)",
        "order.ApprovedOrder(request, 1, at)",
        "from defi_analytics.domain.order import ApprovedOrder as A\nA(1)",
        "partial(ApprovedOrder, 1)",
    ],
)
def test_and_a_second_place_would_be_seen(source):
    assert len(list(constructions(ast.parse(source)))) == 1
