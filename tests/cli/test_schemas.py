import json

import pytest

from defi_analytics.cli.schema import envelope_schema
from defi_analytics.cli.schema_names import SCHEMAS
from defi_analytics.cli.schemas_audit import AUDIT_SCHEMAS
from tests.cli.json_schema import violations
from tests.keys import sealed

GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
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
    ("key", ["key", "list"]),
    ("grant", ["key", "grant", "--granter", GRANTER, "--market", "INJ/USDT"]),
    ("grant", ["key", "revoke", "--granter", GRANTER]),
    ("version", ["version"]),
    ("risk", ["risk"]),
    ("risk", ["risk", "status", "--account", "paper"]),
    ("risk-limits", ["risk", "limits"]),
    ("risk-check", ["risk", "check", "--order", "order.yaml"]),
    ("risk-action", ["risk", "halt"]),
    ("risk-action", ["risk", "reduce"]),
    ("risk-action", ["risk", "flatten"]),
    ("risk-history", ["risk", "history"]),
    ("risk-stress", ["risk", "stress", "--shock", "-20%"]),
    ("error", ["risk", "resume", "--ack", "nonsense"]),
    ("error", ["scan", "NONSENSE/USDT"]),
    ("error", ["scan", "--bogus"]),
    ("error", ["predict", "DOGE"]),
    ("error", ["explain", "NONSENSE"]),
    ("error", ["topics", "list", "--asset", "DOGE"]),
]


@pytest.mark.parametrize(
    ("name", "args"), COMMANDS, ids=lambda value: "-".join(value) if isinstance(value, list) else value
)
def test_what_json_prints_is_what_the_schema_says(defi, home, name, args):
    (home / "order.yaml").write_text("{market: INJ/USDT, side: buy, price: 17.03, quantity: 1}")
    sealed.store(home / "state")
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
    assert {name for name, _ in COMMANDS} == SCHEMAS.keys() - AUDIT_SCHEMAS.keys()
