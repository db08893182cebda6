from decimal import Decimal
from typing import Any

import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.venues.injective.chain.policy import ChainPolicy


@pytest.mark.parametrize(
    "bounds",
    [
        {"timeout_blocks": 0},
        {"timeout_blocks": 1001},
        {"gas_factor": Decimal("0.9")},
        {"base_fee_factor": Decimal(0)},
        {"min_gas_price": 0},
        {"exit_width": 0},
        {"max_fee": Decimal(0)},
        {"node_blocks": 0},
    ],
)
def test_a_bound_that_bounds_nothing_is_refused(bounds: dict[str, Any]):
    with pytest.raises(ConfigError):
        ChainPolicy(**bounds)
