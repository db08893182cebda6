from defi_analytics.domain.decision import Grid


def test_a_cash_unit_is_one_tick_of_one_lot() -> None:
    assert Grid(0.5, 0.25, 0.0, 0.001, 1, 0, perpetual=False).unit == 0.125
