from defi_analytics.risk.codes import Denial
from defi_analytics.risk.explained import DENIALS, LIMITS
from defi_analytics.risk.limits import RiskLimits


def test_every_code_and_every_limit_is_explained():
    assert DENIALS.keys() == set(Denial) - {Denial.NONE}
    assert tuple(LIMITS) == RiskLimits._fields
    for told in DENIALS.values():
        assert told.meaning.endswith(".")
        assert told.advice.endswith(".")


def test_a_limit_is_in_the_unit_of_its_code():
    differing = {
        name
        for name, told in LIMITS.items()
        if told.code is not Denial.NONE and DENIALS[told.code].unit != told.unit
    }
    assert differing == {"min_liquidation_distance"}


def test_a_limit_without_a_code_refuses_nothing_by_itself():
    silent = {name for name, told in LIMITS.items() if told.code is Denial.NONE}
    assert silent == {"stop_loss", "exit_width", "max_resting_blocks", "max_failed_exits"}
