from decimal import Decimal

import pytest

from defi_analytics.app.limits import SETTINGS, risk_limits
from defi_analytics.config import schema
from defi_analytics.config.load import load
from defi_analytics.risk.limits import RiskLimits

VALUES = {"max_daily_trades": "7", "cooldown_period_s": "7", "max_active_positions": "7",
          "max_prediction_age_s": "7", "max_orders_per_minute": "7", "max_resting_blocks": "7",
          "max_failed_exits": "7"}  # fmt: skip


def test_every_setting_that_is_named_exists_and_every_limit_is_named_once():
    assert SETTINGS.keys() <= set(RiskLimits._fields)
    assert [key for key in SETTINGS.values() if schema.at(tuple(key.split("."))) is None] == []
    assert len(set(SETTINGS.values())) == len(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_limit_follows_the_setting_that_is_said_to_be_its_own(tmp_path, name):
    given = VALUES.get(name, "0.0123")
    variable = "DEFI_" + SETTINGS[name].upper().replace(".", "__")
    before = risk_limits(load(None, {"HOME": str(tmp_path)}, {}).settings)
    after = risk_limits(load(None, {"HOME": str(tmp_path), variable: given}, {}).settings)
    times = 3 if name == "max_prediction_age_s" else 1
    assert getattr(after, name) == float(Decimal(given)) * times
    changed = [field for field in RiskLimits._fields if getattr(after, field) != getattr(before, field)]
    assert changed == [name]
