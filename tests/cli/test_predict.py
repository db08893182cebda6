import pytest

from defi_analytics.storage.journal import SqliteJournal


@pytest.mark.parametrize("text", ["", "h", "0h", "-1h", "8 weeks", "30s"])
def test_a_horizon_is_a_duration_of_a_minute_or_more(bare, text):
    ran = bare("predict", f"--horizon={text}")
    assert ran.code == 2
    assert "--horizon" in ran.err


def test_a_prediction_tells_its_age_base_and_interval(defi):
    (row,) = defi("predict", "btc", "--horizon", "8h", "--json").rows
    assert row["asset"] == "BTC"
    assert row["horizon_s"] == 28_800
    assert row["base_price"] is not None
    assert float(row["interval"]["low"]) < float(row["value"]) < float(row["interval"]["high"])
    assert not row["stale"]


def test_a_topic_can_be_asked_for_by_its_id(defi):
    (row,) = defi("predict", "--topic", "14", "--json").rows
    assert row["topic_id"] == 14


def test_what_was_predicted_is_kept_for_scoring(defi, home):
    defi("predict", "BTC", "ETH")
    with SqliteJournal(home / "state" / "journal.sqlite") as journal:
        kept = [body["prediction"]["topic"]["asset"] for _, _, body in journal.replay("prediction")]
    assert sorted(kept) == ["BTC", "ETH"]


def test_an_asset_nobody_predicts_is_not_covered_and_the_covered_are_named(defi, home):
    ran = defi("predict", "INJ", "--json")
    assert ran.code == 8
    assert ran.error["code"] == "NOT_COVERED"
    assert "covered: BTC, ETH" in ran.error["message"]
    assert not (home / "state" / "journal.sqlite").exists()


def test_a_horizon_nobody_predicts_names_those_there_are(defi):
    ran = defi("predict", "BTC", "--horizon", "3d")
    assert (ran.code, ran.out) == (8, "")
    assert ran.err == "defi: error: allora: no topic of Allora's mainnet for BTC in 3d, only 8h\n"


def test_one_that_is_not_covered_does_not_hide_the_others(defi):
    ran = defi("predict", "BTC", "DOGE", "--json")
    assert ran.code == 0
    assert [row["asset"] for row in ran.rows] == ["BTC"]
    assert [warning["code"] for warning in ran.document["warnings"]] == ["NOT_COVERED"]


def test_several_failures_are_each_said(defi):
    ran = defi("predict", "DOGE", "INJ")
    assert ran.code == 8
    assert "DOGE" in ran.err
    assert "INJ" in ran.err
    assert "Traceback" not in ran.err


def test_a_person_is_told_what_the_interval_is(defi):
    ran = defi("predict", "BTC", terminal=True)
    assert "57" in ran.out
    assert "how far the workers disagree" in ran.err


def test_a_duration_that_is_none_is_usage_before_anyone_is_asked(bare):
    ran = bare("predict", "BTC", "--horizon", "soon", "--json")
    assert ran.code == ran.error["exit_code"] == 2


def test_assets_and_topics_can_be_asked_for_together(defi):
    rows = defi("predict", "eth", "--topic", "14", "--topic", "10", "--json").rows
    assert [(row["asset"], row["topic_id"]) for row in rows] == [("ETH", 9), ("BTC", 14), ("SOL", 10)]


def test_a_topic_that_does_not_exist_is_not_found(defi):
    ran = defi("predict", "--topic", "9999", "--json")
    assert (ran.code, ran.error["code"]) == (8, "NOT_FOUND")
    assert defi("predict", "--topic", "0").code == 2


def test_the_settings_horizon_holds_unless_another_is_asked_for(defi, monkeypatch):
    monkeypatch.setenv("DEFI_ALLORA__PREDICTION_SETTINGS__TIME_HORIZON", "7200")
    assert defi("predict", "BTC").code == 8
    assert defi("predict", "BTC", "--horizon", "8h").code == 0


@pytest.mark.parametrize(("columns", "shown"), [("40", True), ("60", False), ("140", True)])
def test_the_interval_is_explained_where_it_is_shown(defi, monkeypatch, columns, shown):
    monkeypatch.setenv("COLUMNS", columns)
    ran = defi("predict", "BTC", "-o", "table")
    assert ("Interval" in ran.out, "The interval" in ran.err) == (shown, shown)
