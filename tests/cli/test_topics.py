import msgspec
import pytest

from defi_analytics.cli.schemas import TopicRow
from defi_analytics.cli.topics import COLUMNS
from defi_analytics.predictors.allora.topics import bundled_registry
from defi_analytics.sandbox.allora import TOPICS
from tests.cli.forms import FORMS, assert_form, cells


def test_topics_are_listed_without_asking_anyone(bare):
    rows = bare("topics", "list", "--json").rows
    assert {"BTC", "ETH"} <= {row["asset"] for row in rows}
    assert all(row["network"] == "mainnet" for row in rows)


def test_an_asset_narrows_the_list_in_any_case(bare):
    rows = bare("topics", "list", "--asset", "btc", "--json").rows
    assert {row["asset"] for row in rows} == {"BTC"}


def test_an_asset_without_topics_is_not_found(bare):
    ran = bare("topics", "list", "--asset", "DOGE")
    assert ran.code == 8
    assert ran.out == ""
    assert "DOGE" in ran.err


def test_a_refresh_asks_the_network(defi):
    rows = defi("topics", "list", "--refresh", "--json").rows
    assert {row["topic_id"] for row in rows} == {1, 2, 3, 9, 10, 14}


def test_one_topic_is_shown(bare):
    ran = bare("topics", "show", "14", terminal=True)
    assert "BTC/USD - Price Prediction - 8h" in ran.out
    assert "Next: defi predict --topic 14" in ran.err


def test_an_unknown_topic_is_not_found(bare):
    ran = bare("topics", "show", "99999")
    assert ran.code == 8
    assert "see: defi topics list" in ran.err


@pytest.mark.parametrize("form", FORMS)
def test_topics_are_listed_in_every_form(bare, form):
    assert_form(bare("topics", "list", "-o", form), form, COLUMNS, len(bundled_registry().topics("mainnet")))


@pytest.mark.parametrize("form", FORMS)
def test_one_topic_is_shown_in_every_form(bare, form):
    assert_form(bare("topics", "show", "14", "-o", form), form, COLUMNS, 1)


def test_an_id_means_another_topic_on_the_other_network(bare, monkeypatch):
    (row,) = msgspec.convert(bare("topics", "show", "14", "--json").rows, list[TopicRow])
    assert (row.network, row.asset, row.kind, row.horizon_s) == ("mainnet", "BTC", "price", 28800)
    monkeypatch.setenv("DEFI_ALLORA__NETWORK", "testnet")
    ran = bare("topics", "show", "14", "--json")
    assert (ran.document["network"], ran.rows[0]["horizon_s"]) == ("testnet", 300)


def test_the_sandbox_lists_only_what_it_can_be_asked_for(defi, monkeypatch):
    # Whichever network the settings prefer: the sandbox imitates mainnet's topics.
    monkeypatch.setenv("DEFI_ALLORA__NETWORK", "testnet")
    ran = defi("topics", "list", "--json")
    assert {row["topic_id"] for row in ran.rows} == TOPICS.keys()
    assert ran.document["network"] == "mainnet"
    assert defi("topics", "show", "18").code == 8


def test_only_a_refresh_costs_requests(defi, sandbox):
    def asked():
        return sum(count for path, count in sandbox.server.requests.items() if path.startswith("/allora/"))

    before = asked()
    defi("topics", "list")
    assert asked() == before
    defi("topics", "list", "--refresh")
    assert asked() > before + len(TOPICS)


def test_a_playground_is_said_to_be_no_signal(bare, monkeypatch):
    monkeypatch.setenv("DEFI_ALLORA__NETWORK", "testnet")
    lines = cells(bare("topics", "list", "-o", "csv").out, "csv")
    expected = [topic.playground for topic in bundled_registry().topics("testnet")]
    assert True in expected
    assert [line[-1] == "playground: no signal" for line in lines[1:]] == expected


def test_what_nobody_predicts_is_one_json_document_too(bare):
    ran = bare("topics", "list", "--asset", "INJ", "--json")
    assert ran.code == ran.error["exit_code"] == 8
    assert "no topic of INJ on mainnet" in ran.error["message"]


def test_advice_is_for_people(bare):
    said, next_step = bare("topics", "list", "-o", "table").err.splitlines()
    assert said.startswith("The list is of 2026-09-05 04:13Z (it comes with defi); --refresh")
    assert next_step.startswith("Next: defi predict --topic ID ")
    assert bare("topics", "list").err == ""


@pytest.mark.parametrize("topic", ["0", "x", ""])
def test_an_id_is_a_positive_number(bare, topic):
    assert bare("topics", "show", topic).code == 2


@pytest.fixture
def allora(sandbox, monkeypatch):
    """Allora's mainnet is what the sandbox imitates of it."""
    monkeypatch.setenv("DEFI_ALLORA__LCD_URL", f"{sandbox.url}/allora")


def origin(ran):
    (source,) = ran.document["meta"]["sources"]
    return source["name"]


def test_a_refreshed_list_is_kept_and_used_from_then_on_until_its_file_is_deleted(bare, allora, home):
    bundled = bare("topics", "list", "--json")
    fresh = bare("topics", "list", "--asset", "BTC", "--refresh", "--json")
    kept = bare("topics", "list", "--json")
    assert (
        {row["topic_id"] for row in kept.rows} == {1, 2, 3, 9, 10, 14} < {r["topic_id"] for r in bundled.rows}
    )
    assert {row["asset"] for row in fresh.rows} == {"BTC"}
    path = home / "state" / "topics-mainnet.json"
    assert [origin(ran) for ran in (bundled, fresh, kept)] == [
        "topics, it comes with defi",
        "topics, asked just now",
        f"topics, {path}",
    ]
    assert bare("topics", "show", "18").code == 8
    assert f"({path}); --refresh asks" in bare("topics", "show", "14", "-o", "table").err
    path.unlink()
    assert bare("topics", "list", "--json").rows == bundled.rows


def test_predictions_use_the_kept_list(bare, allora, home, monkeypatch):
    bare("topics", "list", "--refresh")
    ran = bare("predict", "NEAR", "--json")
    assert ran.code == 8
    assert "covered: BTC, ETH, SOL (" in ran.error["message"]


def test_a_kept_list_that_is_damaged_is_warned_of_once_and_passed_over(bare, home):
    (home / "state").mkdir()
    (home / "state" / "topics-mainnet.json").write_text("{")
    ran = bare("topics", "list", "--json")
    assert (ran.code, origin(ran)) == (0, "topics, it comes with defi")
    assert ran.err.count("topics-mainnet.json") == 1
    assert "delete it, or renew it: defi topics list --refresh" in ran.err
    assert bare("topics", "list", "-q").err == ""


def test_a_list_that_cannot_be_kept_is_shown_all_the_same(bare, allora, home, monkeypatch):
    (home / "state" / "topics-mainnet.json").mkdir(parents=True)
    ran = bare("topics", "list", "--refresh", "--json")
    assert ran.code == ran.error["exit_code"] == 9
    assert len(ran.rows) == 6
    assert "topics-mainnet.json cannot be written" in ran.err


def test_nothing_of_the_sandbox_is_kept(defi, home):
    assert defi("topics", "list", "--refresh").code == 0
    assert not list((home / "state").glob("topics*"))
    assert origin(defi("topics", "list", "--json")) == "topics, the sandbox"


def test_an_empty_answer_replaces_no_kept_list(bare, allora, home, monkeypatch):
    bare("topics", "list", "--refresh")
    before = (home / "state" / "topics-mainnet.json").read_bytes()
    monkeypatch.setattr("defi_analytics.sandbox.allora.TOPICS", {})
    ran = bare("topics", "list", "--refresh")
    assert (ran.code, ran.out) == (8, "")
    assert (home / "state" / "topics-mainnet.json").read_bytes() == before
