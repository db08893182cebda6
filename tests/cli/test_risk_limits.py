from defi_analytics.app.limits import risk_limits
from defi_analytics.config.settings import Settings
from defi_analytics.engine.decisions import STARTED, terms_told
from defi_analytics.engine.terms import Terms
from tests.cli.holding import market_at
from tests.cli.risk_desk import LIVE, PAPER, items, written


def begun(state, key=None, **limits):
    """A run that was told to be stricter than the settings, on one market stricter still."""
    general = risk_limits(Settings(home=state))._replace(**limits)
    own = {key: general._replace(max_trade_size=5.0)} if key else {}
    written(state, (STARTED, {"terms": terms_told(Terms((), general, own)), "mode": "paper"}))


def test_a_running_agents_own_limits_are_listed_and_said_to_be_its_own(bare, state, monkeypatch):
    monkeypatch.setenv("DEFI_NETWORK", "sandbox")
    begun(state, max_trade_size=7.0)
    rows = {row["name"]: row for row in bare("risk", "limits", "--json").rows}
    assert rows["max_trade_size"]["value"] == "500"
    with PAPER.lock(state):
        rows = {row["name"]: row for row in bare("risk", "limits", "--json").rows}
    assert rows["max_trade_size"]["value"] == "7"
    assert rows["max_trade_size"]["origin"].startswith("the run of process ")
    assert rows["max_slippage"]["origin"] == "default"


def test_of_several_accounts_the_settings_limits_are_meant_unless_one_is_named(bare, state, monkeypatch):
    monkeypatch.setenv("DEFI_NETWORK", "sandbox")
    begun(state, max_trade_size=7.0)
    written(state, account=LIVE)
    with PAPER.lock(state):
        for words, value in (([], "500"), (["--account", "paper"], "7")):
            rows = {row["name"]: row for row in bare("risk", "limits", *words, "--json").rows}
            assert rows["max_trade_size"]["value"] == value
    assert bare("risk", "limits", "--account", "nobody").code == 2


def test_status_measures_against_the_limits_of_the_agent_that_runs(defi, state, sandbox, background):
    market = background.call(market_at(sandbox.url, "INJ/USDT"))
    begun(state, market.key, max_daily_loss=0.01, max_trade_size=7.0)
    assert items(defi("risk", "--json"))["limits", ""]["value"] == "the settings"
    with PAPER.lock(state):
        found = items(defi("risk", "--json"))
    assert found["limits", ""]["value"].startswith("process ")
    assert found["day_loss", ""]["limit"] == "0.01"
    assert found["largest_order", ""]["value"] == "7"
    assert found["largest_order", "INJ/USDT"]["value"] == "5"


def test_capital_is_listed_where_it_is_set_and_so_is_what_it_bounds(bare, monkeypatch):
    assert "capital" not in {row["name"] for row in bare("risk", "limits", "--json").rows}
    monkeypatch.setenv("DEFI_MONITORING__RISK_MANAGEMENT__CAPITAL", "1000")
    rows = {row["name"]: row for row in bare("risk", "limits", "--json").rows}
    setting = "monitoring.risk_management.capital"
    assert (rows["capital"]["value"], rows["capital"]["setting"]) == ("1000", setting)
    assert (rows["max_exposure_total"]["value"], rows["max_exposure_total"]["setting"]) == ("1000", setting)
    assert rows["max_exposure_asset"]["setting"] != setting


def test_the_most_a_run_may_lose_is_listed_and_measured_where_it_was_asked_for(
    defi, state, sandbox, background
):
    market = background.call(market_at(sandbox.url, "INJ/USDT"))
    begun(state, market.key, max_loss=20.0)
    written(state, *[("risk.equity", {"equity": worth}) for worth in (1_015.0, 1_040.0)])
    assert "max_loss" not in {row["name"] for row in defi("risk", "limits", "--json").rows}
    assert ("day_lost", "") not in items(defi("risk", "--json"))
    with PAPER.lock(state):
        listed = {(row["name"], row["market"]): row for row in defi("risk", "limits", "--json").rows}
        found = items(defi("risk", "--json"))["day_lost", ""]
    told = listed["max_loss", ""]
    assert (told["value"], told["code"], told["setting"]) == ("20", "MAX_LOSS", "")
    assert told["origin"].startswith("the run of process ")
    assert (found["value"], found["limit"], found["room"], found["unit"]) == (
        "15", "20", "5", "account currency",
    )  # fmt: skip
