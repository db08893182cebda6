import json

from defi_analytics.cli.schema_names import SCHEMAS


def test_a_schema_is_printed_as_json_and_scans_is_the_default(bare):
    ran = bare("schema")
    assert ran.code == 0
    assert json.loads(ran.out)["title"] == "defi.scan/1"


def test_an_unknown_schema_lists_the_known_ones(bare):
    ran = bare("schema", "nonsense")
    assert ran.code == 2
    assert all(name in ran.err for name in SCHEMAS)
