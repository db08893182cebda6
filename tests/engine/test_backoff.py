from defi_analytics.engine.backoff import Backoff


def test_a_failing_source_rests_twice_as_long_each_time_up_to_five_minutes() -> None:
    backoff = Backoff()
    assert [backoff.failed("okx", 100.0) for _ in range(9)] == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_a_source_that_answers_again_starts_over() -> None:
    backoff = Backoff()
    backoff.failed("okx", 100.0)
    backoff.failed("okx", 105.0)
    assert (backoff.resting(114.9), backoff.wait_s("okx", 114.0)) == ({"okx"}, 1.0)
    assert (backoff.resting(115.0), backoff.wait_s("okx", 116.0)) == (frozenset(), 0.0)
    backoff.succeeded("okx")
    assert backoff.failed("okx", 120.0) == 5
    assert backoff.wait_s("binance", 120.0) == 0


def test_a_source_that_never_answers_costs_no_number_that_is_too_large() -> None:
    backoff = Backoff()
    assert {backoff.failed("okx", 0.0) for _ in range(2_000)} >= {300.0}


def test_each_source_has_its_own_rest_and_all_are_short_while_something_is_held() -> None:
    backoff = Backoff()
    for second in range(4):
        backoff.told(["okx", "binance"], {"okx", "allora"}, 100.0 + second)
    assert backoff.resting(142.9) == {"okx"}
    assert backoff.resting(143.0) == frozenset()
    assert backoff.resting(117.9, guarding=True) == {"okx"}
    assert backoff.resting(118.0, guarding=True) == frozenset()
    assert backoff.wait_s("okx", 110.0, guarding=True) == 8.0
    backoff.told(["okx"], set(), 104.0)
    assert backoff.resting(104.0) == frozenset()


def test_a_first_rest_is_no_longer_because_something_is_held() -> None:
    backoff = Backoff()
    backoff.failed("okx", 100.0)
    assert backoff.wait_s("okx", 100.0, guarding=True) == 5.0
