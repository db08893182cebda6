import json

import pytest

from defi_analytics.cli.schema import envelope_schema
from defi_analytics.cli.schema_names import SCHEMAS
from tests.cli.json_schema import violations

COMMANDS = [
    ("scan", ["scan", "--include-rejected"]),
    ("scan", ["scan", "INJ/USDT", "--size", "500", "--explain"]),
    ("scan", ["scan", "--exit-code", "--min-edge-bps", "9000"]),
    ("predict", ["predict", "BTC", "ETH", "DOGE", "--with-market"]),
    ("topics", ["topics", "list"]),
    ("topics", ["topics", "show", "14"]),
    ("market", ["market", "list"]),
    ("market", ["market", "show", "INJ/USDT PERP"]),
    ("book", ["market", "book", "INJ/USDT"]),
    ("candles", ["market", "candles", "INJ/USDT", "--count", "3"]),
    ("funding", ["market", "funding", "INJ/USDT PERP", "--count", "3"]),
    ("run", ["run", "--plan"]),
    ("venue", ["venue", "list"]),
    ("ping", ["venue", "ping"]),
    ("doctor", ["doctor"]),
    ("explain", ["explain"]),
    ("config", ["config", "show"]),
    ("config", ["config", "path"]),
    ("config", ["config", "validate"]),
    ("config", ["config", "init", "new.yaml"]),
    ("version", ["version"]),
    ("error", ["scan", "NONSENSE/USDT"]),
    ("error", ["scan", "--bogus"]),
    ("error", ["predict", "DOGE"]),
    ("error", ["explain", "NONSENSE"]),
    ("error", ["topics", "list", "--asset", "DOGE"]),
]


@pytest.mark.parametrize(
    ("name", "args"), COMMANDS, ids=lambda value: "-".join(value) if isinstance(value, list) else value
)
def test_what_json_prints_is_what_the_schema_says(defi, name, args):
    schema = json.loads(defi("schema", name).out)
    document = defi(*args, "--json").document
    assert list(violations(document, schema, schema)) == []
    assert document["ok"] is (name != "error")


def test_the_check_itself_finds_what_is_wrong(defi):
    schema = envelope_schema("scan")
    document = defi("scan", "INJ/USDT", "--json").document
    broken = {**document, "ok": "yes", "generated_at": "noon", "schema": "defi.scan/0", "more": 1}
    broken["data"] = [{**document["data"][0], "net_edge": 0.1, "sizes": [{}]}]
    found = list(violations(broken, schema, schema))
    assert len(found) == 9


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_refers_only_to_what_it_defines(name):
    text = json.dumps(envelope_schema(name))
    defined = envelope_schema(name)["$defs"]
    assert all(reference.split('"')[0] in defined for reference in text.split("#/$defs/")[1:])


def test_every_schema_is_held_against_a_command():
    assert {name for name, _ in COMMANDS} == SCHEMAS.keys()
