import json

import pytest

from defi_analytics.cli.schemas_audit import AUDIT_SCHEMAS
from tests.cli.json_schema import violations
from tests.cli.lived import live

COMMANDS = [
    ("orders", ["orders"], 0),
    ("orders", ["orders", "show", "taken-1"], 0),
    ("positions", ["positions"], 0),
    ("balances", ["balances"], 0),
    ("fills", ["fills", "export"], 0),
    ("report", ["report"], 0),
    ("reconcile", ["reconcile"], 22),
    ("agent", ["agent", "status"], 9),
    ("logs", ["agent", "logs"], 0),
    ("state", ["state", "show"], 0),
    ("verify", ["state", "verify"], 0),
]


@pytest.mark.parametrize(("name", "args", "code"), COMMANDS, ids=str)
def test_what_json_prints_is_what_the_schema_says(defi, home, name, args, code):
    live(home, balances="1001")
    defi("scan", "INJ/USDT")  # leaves a log to show
    schema = json.loads(defi("schema", name).out)
    ran = defi(*args, "--json")
    assert list(violations(ran.document, schema, schema)) == []
    assert (ran.code, ran.document["schema"]) == (code, f"defi.{name}/1")
    assert ran.rows


def test_every_schema_is_held_against_a_command():
    assert {name for name, _, _ in COMMANDS} == AUDIT_SCHEMAS.keys()
