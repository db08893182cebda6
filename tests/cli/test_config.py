import json
import os
import stat

import pytest

from defi_analytics.cli.config import COLUMNS
from defi_analytics.config.load import load
from tests.cli.forms import FORMS, assert_form, cells


def shown(ran):
    return {row["name"]: row for row in ran.rows}


@pytest.mark.parametrize("form", [form for form in FORMS if form != "table"])
def test_settings_are_rows_where_a_form_is_asked_for(bare, form):
    count = len(bare("config", "show", "--json").rows)
    assert count > 50
    assert_form(bare("config", "show", "-o", form), form, COLUMNS, count)


@pytest.mark.parametrize("args", [[], ["-o", "table"], ["--origin"]])
def test_what_show_prints_loads_to_the_same_settings(bare, home, args):
    ran = bare("config", "show", *args)
    assert (ran.code, ran.err) == (0, "")
    (home / "again.yaml").write_text(ran.out)
    assert load([home / "again.yaml"], {}, {}).settings == load(None, os.environ, {}).settings


def test_origin_says_who_won(bare, home, monkeypatch):
    (home / "settings.yaml").write_text("scan:\n  top: 7\n  min_z: 2\n")
    monkeypatch.setenv("DEFI_SCAN__TOP", "9")
    rows = shown(bare("config", "show", "--network", "testnet", "--json"))
    assert (rows["scan.top"]["value"], rows["scan.top"]["origin"]) == ("9", "DEFI_SCAN__TOP")
    assert (rows["scan.min_z"]["value"], rows["scan.min_z"]["origin"]) == ("2", "settings.yaml:3")
    assert rows["injective.network"]["value"] == "testnet"
    assert rows["scan.max_candidates"]["origin"] == "default"
    assert "  top: 9  # DEFI_SCAN__TOP\n" in bare("config", "show", "--origin").out


def test_a_value_is_a_text_a_number_or_json_and_never_python(bare, home):
    (home / "settings.yaml").write_text(
        "scan: {sizes: [100, 2.5]}\ninjective: {markets: [{id: INJ/USDT}]}\nrates: {USDC/USDT: '1.0'}\n"
    )
    rows = shown(bare("config", "show", "--json"))
    value = {name: row["value"] for name, row in rows.items()}
    assert value["injective.network"] == "mainnet"
    assert value["home"] == str(home / "state")
    assert value["scan.gas_cost_inj"] == "0.000048"
    assert value["rates.USDC/USDT"] == "1"
    assert value["allora.use_keyring"] == "false"
    assert value["scan.min_edge_bps"] == "null"
    assert value["assets"] == "{}"
    assert json.loads(value["scan.against"]) == ["hyperliquid", "binance", "okx"]
    assert json.loads(value["scan.sizes"]) == ["100", "2.5"]
    (market,) = json.loads(value["injective.markets"])
    assert market["id"] == "INJ/USDT"


def test_a_key_is_never_part_of_what_is_shown(bare, home, monkeypatch):
    monkeypatch.setenv("ALLORA_API_KEY", "UP-0123456789abcdef01234567")
    for form in ("json", "plain", "table"):
        ran = bare("config", "show", "-o", form)
        assert "0123456789abcdef" not in ran.out + ran.err


def test_values_are_counted_by_where_they_are_from(bare, home, monkeypatch):
    (home / "settings.yaml").write_text("scan:\n  top: 7\n")
    ran = bare("config", "validate", "-n", "testnet")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "defi: settings are valid (1 value of files, 1 of DEFI_* variables, 1 of options)\n"
    (home / "settings.yaml").write_text("")
    monkeypatch.delenv("DEFI_HOME")
    assert bare("config", "validate").err == "defi: settings are valid (0 values of files)\n"


def test_who_wants_quiet_or_a_document_gets_it(bare, home):
    assert bare("config", "validate", "--quiet").err == ""
    assert bare("config", "validate", "--json").document["ok"] is True


BAD = "scan:\n  top: many\n  unheard_of: 1\nhttp:\n  attempts: 0\n"


def test_all_violations_are_named_with_file_and_line(bare, home):
    (home / "bad.yaml").write_text(BAD)
    ran = bare("config", "validate", "bad.yaml")
    assert (ran.code, ran.out) == (3, "")
    lines = [line for line in ran.err.splitlines() if line.startswith("defi: error: ")]
    assert len(lines) == 3
    for number in (2, 3, 5):
        assert any(f"bad.yaml:{number}" in line for line in lines)


def test_violations_are_in_the_json_document(bare, home):
    (home / "bad.yaml").write_text(BAD)
    ran = bare("config", "validate", "bad.yaml", "--json")
    assert (ran.code, ran.error["code"], ran.error["exit_code"]) == (3, "CONFIG_INVALID", 3)
    assert len(ran.error["violations"]) == 3


def test_a_file_that_is_named_must_exist(bare):
    ran = bare("config", "validate", "nowhere.yaml")
    assert ran.code == 3
    assert "nowhere.yaml" in ran.err


def test_paths_are_told_weakest_first_and_whether_they_are_there(bare, home):
    (home / "settings.yaml").write_text("")
    (home / "more.yaml").write_text("")
    ran = bare("config", "path", "-c", "more.yaml", "-c", "absent.yaml")
    assert (ran.code, ran.err) == (0, "")
    lines = [tuple(line) for line in cells(ran.out, "plain")]
    assert lines == [
        (str(home / ".config" / "defi" / "config.yaml"), "missing"),
        (str(home / "settings.yaml"), "found"),
        (str(home / "more.yaml"), "found"),
        (str(home / "absent.yaml"), "missing"),
    ]


def test_paths_are_rows_in_json(bare, home):
    rows = bare("config", "path", "--json").rows
    assert [row["name"] for row in rows] == [
        str(home / ".config" / "defi" / "config.yaml"),
        str(home / "settings.yaml"),
    ]


def test_init_writes_a_file_for_this_user_alone_that_is_valid_and_changes_nothing(bare, home):
    before = bare("config", "show").out
    ran = bare("config", "init")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "defi: wrote settings.yaml; next: defi config validate settings.yaml\n"
    assert stat.S_IMODE((home / "settings.yaml").stat().st_mode) == 0o600
    assert bare("config", "validate").code == 0
    assert bare("config", "show").out == before


def test_init_makes_the_folders_it_needs_and_can_be_quiet(bare, home):
    ran = bare("config", "init", "a/b/c.yaml", "--quiet")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (home / "a" / "b" / "c.yaml").is_file()


def test_init_never_overwrites_unless_told_to(bare, home):
    path = home / "settings.yaml"
    path.write_text("scan: {top: 7}\n")
    ran = bare("config", "init", "--json")
    assert (ran.code, ran.error["code"]) == (9, "WRONG_STATE")
    assert "--force" in ran.error["hint"]
    assert path.read_text() == "scan: {top: 7}\n"
    assert bare("config", "init", "--force").code == 0
    assert path.read_text().startswith("# Settings of `defi`.")


@pytest.mark.parametrize("name", ["file/new.yaml", "file/below/new.yaml"])
@pytest.mark.parametrize("force", [[], ["--force"]])
def test_init_below_a_file_says_so_and_not_that_it_exists(bare, home, name, force):
    (home / "file").write_text("")
    ran = bare("config", "init", name, *force)
    assert ran.code == 9
    assert ran.err == f"defi: error: {name}: Not a directory\n  choose another place\n"


def test_init_over_a_folder_fails_even_by_force(bare, home):
    (home / "folder").mkdir()
    ran = bare("config", "init", "folder", "--force")
    assert (ran.code, ran.out) == (9, "")
    assert "Is a directory" in ran.err
