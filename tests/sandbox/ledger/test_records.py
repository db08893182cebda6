import pytest

from defi_analytics.sandbox.ledger.records import Execution, OrderType, Stage


@pytest.mark.parametrize("kind", OrderType)
def test_an_order_type_is_what_its_name_says(kind):
    assert kind.is_buy is ("BUY" in kind.name)
    assert kind.is_conditional is kind.name.startswith(("STOP", "TAKE"))
    assert kind.is_post_only is kind.name.endswith("PO")
    assert kind.is_atomic is kind.name.endswith("ATOMIC")


def test_stops_to_buy_and_takes_to_sell_wait_for_higher_prices():
    above = {kind for kind in OrderType if kind.triggers_above}
    assert above == {OrderType.STOP_BUY, OrderType.TAKE_SELL}


def test_who_waited_in_the_book_is_the_maker():
    assert {one for one in Execution if one.is_maker} == {Execution.LIMIT_FILL, Execution.MATCH_RESTING}


def test_two_stages_wait_for_the_mark_price():
    assert {one for one in Stage if one.conditional} == {Stage.CONDITIONAL_LIMIT, Stage.CONDITIONAL_MARKET}
