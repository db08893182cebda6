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
