import pytest

from defi_analytics.cli.common import Common, NetworkName, Output


def common(**changed):
    values = {
        "config": [], "network": None, "output": Output.AUTO, "json": False, "no_header": False, "no_color": False,
        "no_input": False, "quiet": False, "verbose": 0, "timeout": None, "log_file": None, "log_format": None,
    }  # fmt: skip
    return Common(**{**values, **changed})


def test_the_form_is_a_table_for_a_terminal_and_plain_for_a_pipe(monkeypatch):
    import sys

    monkeypatch.setitem(vars(sys.stdout), "isatty", lambda: True)
    assert common().format is Output.TABLE
    monkeypatch.setitem(vars(sys.stdout), "isatty", lambda: False)
    assert common().format is Output.PLAIN


@pytest.mark.parametrize("output", list(Output)[1:])
def test_a_form_that_is_asked_for_is_used_and_json_wins(output):
    assert common(output=output).format is output
    assert common(output=output, json=True).format is Output.JSON


def test_two_forms_at_once_are_refused(bare):
    ran = bare("version", "--json", "--output", "csv")
    assert ran.code == 2
    assert "--json and --output csv" in ran.err
    assert bare("version", "--json", "-o", "json").code == 0


def test_only_options_that_were_given_override_settings(tmp_path):
    assert common().flags() == {}
    given = common(network=NetworkName.TESTNET, timeout=2.5, log_file=tmp_path / "a.log")
    assert given.flags() == {
        "injective.network": "testnet",
        "http.deadline_s": "2.5",
        "logging.file_path": str(tmp_path / "a.log"),
    }


def test_shared_options_reach_every_command(bare):
    for path in (["scan"], ["market", "book"], ["config", "show"], ["version"]):
        out = bare(*path, "--help").out
        for option in (
            "--config",
            "--network",
            "--output",
            "--json",
            "--no-header",
            "--no-color",
            "--quiet",
            "--timeout",
        ):
            assert option in out
