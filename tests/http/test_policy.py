import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.http.policy import Policy


def test_a_host_may_have_its_own_rate():
    policy = Policy(rate_per_s=5, rates_per_s={"a.example": 20})
    assert (policy.rate("a.example"), policy.rate("b.example")) == (20, 5)


@pytest.mark.parametrize(
    "bad",
    [
        {"attempts": 0},
        {"attempts": 5},
        {"rate_per_s": 0},
        {"rate_per_s": 1001},
        {"rates_per_s": {"a.example": 0}},
        {"breaker_failures": 0},
        {"concurrent_per_host": 0},
        {"deadline_s": 0.0},
        {"deadline_s": float("nan")},
        {"connect_s": -1.0},
        {"max_body_bytes": 0},
    ],
)
def test_limits_that_limit_nothing_are_refused(bad):
    with pytest.raises(ConfigError):
        Policy(**bad)
