from defi_analytics.cli.schema_names import SCHEMAS
from defi_analytics.cli.schemas_risk import RISK_SCHEMAS


def test_every_row_of_risk_has_its_schema_under_a_name_that_says_so():
    assert RISK_SCHEMAS.items() <= SCHEMAS.items()
    assert all(name == "risk" or name.startswith("risk-") for name in RISK_SCHEMAS)
