import contextlib
import os
import subprocess
import sys
from decimal import Decimal
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from defi_analytics.config.load import candidate_paths, default_home, load, load_least
from defi_analytics.config.settings import ALLORA_URL, VENUES, Settings, VenueSettings
from defi_analytics.errors import ConfigError

ORIGINAL = """\
injective:
  network: "testnet"
  api_key: "..."
  markets:
    - id: "INJ/USDT"
      min_trade_size: 100
      max_trade_size: 10000
      risk_parameters:
        max_position_size: 5000
        max_slippage: 0.01
        stop_loss: 0.02
allora:
  api_key: "..."
  model_id: "price_prediction_v1"
  base_url: "https://api.allora.com/v1"
  confidence_level: 0.95
  prediction_settings:
    min_confidence: 0.8
    time_horizon: 3600
    update_interval: 300
monitoring:
  update_interval: 60
  min_profit_threshold: 0.01
  max_active_positions: 3
  risk_management:
    portfolio_stop_loss: 0.05
    max_daily_trades: 50
    cooldown_period: 300
logging:
  level: "INFO"
  file_path: "logs/trading.log"
  rotation: "1 day"
  retention: "30 days"
"""
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def env(tmp_path):
    return {"HOME": str(tmp_path / "user")}


def written(text, path="settings.yaml", mode=0o600):
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    file.chmod(mode)
    return file


def violations(env, flags=None, paths=None):
    with pytest.raises(ConfigError) as error:
        load(paths, env, flags or {})
    assert error.value.exit_code == 3
    return error.value.violations


def test_the_original_file_loads_and_every_key_arrives(env):
    written(ORIGINAL)
    settings = load(None, env, {}).settings
    market = settings.injective.markets[0]
    assert settings.network == "testnet"
    assert (market.id, market.min_trade_size, market.max_trade_size) == ("INJ/USDT", 100, 10000)
    assert (market.risk_parameters.max_position_size, market.risk_parameters.max_slippage) == (
        5000,
        Decimal("0.01"),
    )
    assert market.risk_parameters.stop_loss == Decimal("0.02")
    assert settings.allora.confidence_level == Decimal("0.95")
    assert settings.allora.prediction_settings.min_confidence == Decimal("0.8")
    assert settings.allora.prediction_settings.time_horizon == 3600
    assert settings.monitoring.update_interval == 60
    assert settings.min_edge == Decimal("0.01")
    assert (
        settings.risk.portfolio_stop_loss,
        settings.risk.max_daily_trades,
        settings.risk.cooldown_period,
    ) == (
        Decimal("0.05"),
        50,
        300,
    )
    assert settings.logging.file_path == "logs/trading.log"


def test_what_the_original_file_got_wrong_is_replaced_with_one_warning_each(env):
    written(ORIGINAL)
    loaded = load(None, env, {})
    assert loaded.settings.allora.base_url == ALLORA_URL
    assert loaded.settings.allora.model_id == "auto"
    assert loaded.secrets == {}
    wheres = [warning.split(": ")[:2] for warning in loaded.warnings]
    assert wheres == [
        ["settings.yaml:3", "injective.api_key"],
        ["settings.yaml:13", "allora.api_key"],
        ["settings.yaml:14", "allora.model_id"],
        ["settings.yaml:15", "allora.base_url"],
    ]


def test_without_anything_to_read_the_defaults_come_without_pydantic_or_yaml(tmp_path):
    program = (
        "import sys; from defi_analytics.config.load import load\n"
        f"loaded = load(None, {{'HOME': {str(tmp_path)!r}}}, {{'network': None}})\n"
        "assert loaded.settings.network == 'mainnet' and not loaded.origins and not loaded.warnings\n"
        "print(sorted(set(sys.modules) & {'pydantic', 'pydantic_settings', 'yaml', 'logging', 'msgspec', 'httpx'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_each_layer_wins_over_the_ones_below_and_origins_say_who(env):
    env["XDG_CONFIG_HOME"] = os.fspath(Path("xdg").absolute())
    user = written(
        "scan: {top: 1, max_candidates: 1, min_z: 1, min_profit: 1}\nhttp: {attempts: 1, rate_per_s: 1}",
        "xdg/defi/config.yaml",
    )
    written("scan: {max_candidates: 2, min_z: 2, min_profit: 2}\nhttp: {attempts: 2, rate_per_s: 2}")
    env["DEFI_CONFIG"] = os.fspath(
        written("scan: {min_z: 3, min_profit: 3}\nhttp: {attempts: 3, rate_per_s: 3}", "three.yaml")
    )
    four = written("scan: {min_profit: 4}\nhttp: {attempts: 4, rate_per_s: 4}", "four.yaml")
    env["DEFI_HTTP__ATTEMPTS"] = "2"
    env["DEFI_HTTP__RATE_PER_S"] = "5"
    loaded = load([four], env, {"http.rate_per_s": 6})
    scan, http = loaded.settings.scan, loaded.settings.http
    assert (scan.top, scan.max_candidates, scan.min_z, scan.min_profit, http.attempts, http.rate_per_s) == (
        1,
        2,
        3,
        4,
        2,
        6,
    )
    assert loaded.origins == {
        "scan.top": f"{user}:1".replace("xdg", env["XDG_CONFIG_HOME"], 1),
        "scan.max_candidates": "settings.yaml:1",
        "scan.min_z": "three.yaml:1",
        "scan.min_profit": "four.yaml:1",
        "http.attempts": "DEFI_HTTP__ATTEMPTS",
        "http.rate_per_s": "--rate-per-s",
    }


def test_the_last_config_file_wins_and_every_named_one_must_exist(env):
    one, two = written("scan: {top: 1}", "one.yaml"), written("scan: {top: 2}", "two.yaml")
    assert load([one, two], env, {}).settings.scan.top == 2
    assert violations(env, paths=[Path("nowhere.yaml")]) == (
        "nowhere.yaml: cannot be read: No such file or directory",
    )
    env["DEFI_CONFIG"] = "gone.yaml"
    assert violations(env) == ("gone.yaml: cannot be read: No such file or directory",)


def test_candidates_are_listed_lowest_first(env, tmp_path):
    env["DEFI_CONFIG"] = "x.yaml"
    assert [(str(each.path), each.required) for each in candidate_paths(env, [Path("y.yaml")])] == [
        (f"{tmp_path}/user/.config/defi/config.yaml", False),
        ("settings.yaml", False),
        ("x.yaml", True),
        ("y.yaml", True),
    ]


@pytest.mark.parametrize("name", ["settings.yaml", "./settings.yaml", "{folder}/settings.yaml"])
def test_the_folders_file_is_read_once_and_as_asked_for_where_it_is_named(env, tmp_path, name):
    path = Path(name.format(folder=tmp_path))
    assert [each.path for each in candidate_paths(env, [path])][1:] == [path]
    written("scan: {top: 3}")
    assert load([path], env, {}).unasked == ""
    assert load(None, env, {}).unasked == "settings.yaml"
    env["DEFI_CONFIG"] = str(path)
    assert load(None, env, {}).unasked == ""


def test_a_file_that_merely_lies_in_the_folder_cannot_move_state_and_logs(env, tmp_path):
    written("scan: {top: 3}\nhome: elsewhere\n")
    with pytest.raises(ConfigError) as caught:
        load(None, env, {})
    (line,) = caught.value.violations
    assert line.startswith("settings.yaml:2: home: ")
    assert "--config settings.yaml" in caught.value.hint
    assert "DEFI_HOME" in caught.value.hint
    assert load([Path("settings.yaml")], env, {}).settings.home == tmp_path / "elsewhere"
    assert load(None, env | {"DEFI_HOME": "mine"}, {}).settings.home == tmp_path / "mine"


def test_a_file_of_ones_own_may_move_state_and_logs(env, tmp_path):
    written("home: elsewhere", "user/.config/defi/config.yaml")
    assert load(None, env, {}).settings.home == tmp_path / "elsewhere"


def test_the_folders_file_may_say_where_state_is_anyhow(env):
    written(f"home: {default_home(env)}")
    assert load(None, env, {}).settings.home == default_home(env)


@pytest.mark.parametrize(
    ("environ", "home"),
    [
        ({"HOME": "/u"}, "/u/.local/state/defi"),
        ({"HOME": "/u", "XDG_STATE_HOME": "/s"}, "/s/defi"),
        ({"HOME": "/u", "XDG_STATE_HOME": "relative"}, "/u/.local/state/defi"),
        ({}, "/.local/state/defi"),
    ],
)
def test_state_lives_where_xdg_says(environ, home):
    assert default_home(environ) == Path(home)


def test_home_and_network_have_short_variables_and_the_long_name_wins(env, tmp_path):
    env |= {"DEFI_HOME": "state", "DEFI_NETWORK": "testnet"}
    settings = load(None, env, {}).settings
    assert (settings.home, settings.network) == (tmp_path / "state", "testnet")
    env["DEFI_INJECTIVE__NETWORK"] = "sandbox"
    assert load(None, env, {}).settings.network == "sandbox"
    assert load(None, env, {"network": "mainnet"}).origins["injective.network"] == "--network"


class Point:
    """An installed package's entry."""

    name = "theirs"


@pytest.fixture
def installed(monkeypatch):
    asked = []
    monkeypatch.setattr(metadata, "entry_points", lambda group: asked.append(group) or [Point()])
    return asked


def test_an_installed_venue_can_be_named_once_its_fees_are_given(env, installed):
    written("scan: {against: [binance, theirs]}\nvenues: {theirs: {taker_fee: 0.002, maker_fee: 0}}")
    settings = load(None, env, {}).settings
    assert settings.scan.against == ("binance", "theirs")
    assert settings.venues["theirs"] == VenueSettings("", Decimal("0.002"), Decimal(0), 10)
    assert set(installed) == {"defi_analytics.venues"}
    env["DEFI_VENUES__THEIRS__URL"] = "https://theirs.example.org"
    assert load(None, env, {}).settings.venues["theirs"].url == "https://theirs.example.org"


def test_an_installed_venue_without_fees_is_refused(env, installed):
    written("scan: {against: [theirs]}")
    (line,) = violations(env)
    assert line.startswith(
        "settings.yaml:1: scan.against[0]: theirs: its fees are not known: set venues.theirs"
    )
    written("venues: {theirs: {taker_fee: 0.002}}")
    assert violations(env) == ("settings.yaml:1: venues.theirs.maker_fee: is required",)


def test_a_venue_nobody_offers_is_answered_with_the_nearest_of_all(env, installed):
    written("scan: {against: [theirss]}")
    (line,) = violations(env)
    assert line.endswith("okx-perp, theirs, got theirss (did you mean theirs?)")
    written("venues: {theirss: {taker_fee: 0, maker_fee: 0}}")
    assert "did you mean theirs?" in violations(env)[0]


def test_names_of_ours_ask_no_installed_package(env, installed):
    written("scan: {against: [okx]}\nvenues: {okx: {taker_fee: 0.001}}")
    load(None, env, {"scan.against": ["binance"]})
    assert installed == []


def test_venues_that_are_no_group_are_refused(env):
    written("venues: 5")
    assert violations(env) == ("settings.yaml:1: venues: must be a group of keys",)


def test_lists_in_variables_are_separated_by_commas_and_venues_keep_their_other_defaults(env):
    env |= {
        "DEFI_SCAN__AGAINST": "okx, binance",
        "DEFI_VENUES__OKX_PERP__TAKER_FEE": "-0.0001",
        "DEFI_ALLORA__ALLOW_CUSTOM_HOST": "true",
    }
    settings = load(None, env, {"scan.sizes": ["100", Decimal(5000)], "scan.kinds": ()}).settings
    assert settings.scan.against == ("okx", "binance")
    assert settings.scan.sizes == (100, 5000)
    assert settings.scan.kinds == ()
    assert settings.venues["okx-perp"].taker_fee == Decimal("-0.0001")
    assert settings.venues["okx-perp"].maker_fee == VENUES["okx-perp"].maker_fee
    assert settings.venues["binance"] == VENUES["binance"]
    assert settings.allora.allow_custom_host is True
    assert load(None, {}, {"allora.allow_custom_host": True}).settings.allora.allow_custom_host is True


def test_the_tests_own_variable_and_the_keys_are_none_of_its_business(env):
    env |= {
        "DEFI_SHARED": "x",
        "DEFI_ALLORA__API_KEY": "UP-1",
        "DEFI_ALLORA__API_KEY_FILE": "f",
        "OTHER": "y",
    }
    loaded = load(None, env, {})
    assert loaded.settings == Settings(home=default_home(env))


def test_a_file_of_comments_and_empty_groups_is_the_defaults(env):
    written("# nothing\nscan:\ninjective: {}\nallora:\n  prediction_settings:\n")
    assert load(None, env, {}) == load(None, {**env, "XDG_CONFIG_HOME": "/x"}, {})
    assert load(None, env, {}).settings == Settings(home=default_home(env))


def test_a_null_asks_for_the_default_where_there_may_be_none(env):
    written("scan: {min_edge_bps: null}\nallora: {prediction_settings: {time_horizon: ~}}")
    assert load(None, env, {}).settings.scan.min_edge_bps is None


def test_edges_are_fractions_inside_and_bps_on_the_outside(env):
    assert load(None, env, {"scan.min_edge_bps": 25}).settings.min_edge == Decimal("0.0025")


def test_an_api_key_in_a_file_is_set_apart_and_never_in_settings(env):
    written("allora:\n  api_key: UP-canary-1234567890\n", mode=0o640)
    loaded = load(None, env, {})
    secret = loaded.secrets["allora"]
    assert (secret.secret.reveal(), secret.where, secret.mode) == (
        "UP-canary-1234567890",
        "settings.yaml:2",
        0o640,
    )
    assert "canary" not in repr(loaded)
    assert loaded.settings == Settings(home=default_home(env))


def test_a_key_that_is_not_text_is_a_violation(env):
    written("allora: {api_key: [a, b]}")
    assert violations(env)[0].startswith("settings.yaml:1: allora.api_key: ")


def test_five_violations_are_told_at_once_in_the_order_of_the_file(env):
    written("scan:\n  top: 0\n  min_z: x\nhttp:\n  attempt: 3\nlogging: {level: LOUD}\n")
    env["DEFI_SCAN__TOPP"] = "3"
    assert violations(env, {"scan.max_candidates": 0}) == (
        "settings.yaml:2: scan.top: must be between 1 and 10000, got 0",
        "settings.yaml:3: scan.min_z: must be a number, got x",
        "settings.yaml:5: http.attempt: unknown key (did you mean attempts?)",
        "settings.yaml:6: logging.level: must be one of DEBUG, INFO, WARNING, ERROR, got LOUD",
        "--max-candidates: must be between 1 and 10000, got 0",
        "DEFI_SCAN__TOPP: unknown variable (did you mean DEFI_SCAN__TOP?)",
    )


def test_violations_of_several_files_are_told_at_once(env):
    written("a: 010")
    assert len(violations(env, paths=[written("b: 010", "b.yaml"), written("c: 010", "c.yaml")])) == 3


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("DEFI_NETWROK", "DEFI_NETWROK: unknown variable (did you mean DEFI_NETWORK?)"),
        ("DEFI_SCAN__MIN_EDGE_BP", "DEFI_SCAN__MIN_EDGE_BP: unknown variable (did you mean DEFI_SCAN__MIN_EDGE_BPS?)"),
        ("DEFI_VENUES__BINANCE_PERP__TAKER_FE", "DEFI_VENUES__BINANCE_PERP__TAKER_FE: unknown variable (did you mean DEFI_VENUES__BINANCE_PERP__TAKER_FEE?)"),
        ("DEFI_SCAN", "DEFI_SCAN: unknown variable (did you mean DEFI_SCAN__TOP?)"),
        ("DEFI_ZZZZZZZZZZZ", "DEFI_ZZZZZZZZZZZ: unknown variable"),
        ("DEFI_VENUES", "DEFI_VENUES: unknown variable"),
        ("DEFI_SCAN__TOP", "DEFI_SCAN__TOP: must be a whole number, got 1_0"),
        ("DEFI_INJECTIVE__MARKETS", "DEFI_INJECTIVE__MARKETS: must be a group of keys"),
    ],
)  # fmt: skip
def test_a_wrong_variable_is_named_with_the_nearest_right_one(env, name, line):
    env[name] = "1_0"
    found = violations(env)
    assert len(found) == 1
    assert found[0].startswith(line)


KEY_HEX = "3f" * 32
WORDS = "abandon ability able about above absent absorb abstract absurd abuse access accident"

MALFORMED = [
    ("scan:\n  topp: 5", "2: scan.topp: unknown key (did you mean top?)"),
    ("scna:\n  top: 5", "1: scna: unknown key (did you mean scan?)"),
    ("top: 5", "1: top: unknown key (did you mean scan.top?)"),
    ("zzzzz: 5", "1: zzzzz: unknown key"),
    ("injective:\n  markets:\n    - id: INJ/USDT\n      min_size: 5", "4: injective.markets[0].min_size: unknown key (did you mean min_trade_size?)"),
    ("injective:\n  markets:\n    - min_trade_size: 5", "3: injective.markets[0].id: is required"),
    ("injective: {markets: [{id: INJ}]}", "1: injective.markets[0].id: must be INJ/USDT, INJ/USDT PERP or a 0x… id, got INJ"),
    ("injective: {markets: 5}", "1: injective.markets: must be a list such as [a, b]"),
    ("injective: {markets: [5]}", "1: injective.markets[0]: must be a group of keys"),
    ("injective:\n  markets:\n    - {id: INJ/USDT, min_trade_size: 5, max_trade_size: 4}", "3: injective.markets[0].max_trade_size: must be ≥ min_trade_size (5), got 4"),
    ("injective:\n  markets:\n    - id: INJ/USDT\n    - id: INJ/USDT", "4: injective.markets[1].id: INJ/USDT is already listed as injective.markets[0]"),
    ("injective:\n  network: tesnet", "2: injective.network: must be one of mainnet, testnet, sandbox, got tesnet (did you mean testnet?)"),
    ("injective:\n  network:", "2: injective.network: must be one of mainnet, testnet, sandbox, got nothing"),
    ("injective:\n  lcd_url: https://testnet.sentry.lcd.injective.network", "2: injective.lcd_url: testnet.sentry.lcd.injective.network is testnet, but injective.network is mainnet"),
    ("injective: {lcd_url: 'http://lcd.example.org'}", "1: injective.lcd_url: must start with https:// (http:// only reaches this machine)"),
    ("injective: {lcd_url: 'https://user:pa55@example.org'}", "1: injective.lcd_url: must be an address such as https://host/path"),
    ("scan:\n\n  min_edge_bps: -3", "3: scan.min_edge_bps: must be ≥ 0, got -3"),
    ("scan: {min_edge_bps: ten}", "1: scan.min_edge_bps: must be a number, got ten"),
    ("scan: {min_edge_bps: 1%}", "1: scan.min_edge_bps: must be a fraction, not a percentage (1 % is 0.01), got 1%"),
    ("scan: {min_edge_bps: 1e1000000}", "1: scan.min_edge_bps: must be a number, got 1e1000000"),
    ("scan: {min_edge_bps: '١٢٣'}", "1: scan.min_edge_bps: must be a number, got ١٢٣"),
    ("scan: {min_edge_bps: '1_000'}", "1: scan.min_edge_bps: must be a number, got 1_000"),
    ("scan: {min_edge_bps: 1_000}", "1: scan.min_edge_bps: 1_000 write the number without underscores"),
    ("scan: {top: 010}", "1: scan.top: 010 is octal to some readers"),
    ("scan: {top: 0o10}", "1: scan.top: 0o10 write a decimal number"),
    ("scan: {max_age_s: 1:30}", "1: scan.max_age_s: 1:30 is base 60 to some readers"),
    ("scan: {min_profit: .nan}", "1: scan.min_profit: .nan is not a number that can be used"),
    ("scan: {min_profit: -.inf}", "1: scan.min_profit: -.inf is not a number that can be used"),
    ("scan: {min_profit: nan}", "1: scan.min_profit: must be a number, got nan"),
    ("scan: {top: 1.5}", "1: scan.top: must be a whole number, got 1.5"),
    ("scan: {top: [1]}", "1: scan.top: must be a whole number, got a list"),
    ("scan: {top: {a: 1}}", "1: scan.top: must be a whole number, got a group of keys"),
    ("scan: {oracle_deviation: 1}", "1: scan.oracle_deviation: must be < 1, got 1"),
    ("scan: {against: [binanc]}", "1: scan.against[0]: must be one of hyperliquid, binance, binance-perp, okx, okx-perp, got binanc (did you mean binance?)"),
    ("scan: 5", "1: scan: must be a group of keys"),
    ("scan:\n  top: 1\n  top: 2", "3: scan.top: is already set at settings.yaml:2"),
    ("allora: {allow_custom_host: yes}", "1: allora.allow_custom_host: yes means a boolean to some readers: write true or false"),
    ("allora: {allow_custom_host: 'yes'}", "1: allora.allow_custom_host: must be true or false, got yes"),
    ("allora: {confidence_level: 0.99}", "1: allora.confidence_level: must be ≤ 0.9544, got 0.99"),
    ("allora: {confidence_level: 0}", "1: allora.confidence_level: must be > 0, got 0"),
    ("allora: {model_id: price_prediction_v2}", "1: allora.model_id: must be auto or a topic id, got price_prediction_v2"),
    ("allora: {topics: {BTC: x}}", "1: allora.topics.BTC: must be a whole number, got x"),
    ("venues: {binanse: {taker_fee: 0}}", "1: venues.binanse: must be one of"),
    ("venues: {binance: {taker: 0}}", "1: venues.binance.taker: unknown key (did you mean taker_fee?)"),
    ("rates: {usdc: 1}", "1: rates.usdc: must be a pair such as USDC/USDT, got usdc"),
    ("rates: {USDC/USDT: 0}", "1: rates.USDC/USDT: must be > 0, got 0"),
    ("rates: [1]", "1: rates: must be a group of keys"),
    ("assets: {'peggy0xabc': 'a b'}", "1: assets.peggy0xabc: must be an asset symbol such as INJ, got a b"),
    ("logging: {rotation: often}", "1: logging.rotation: must be a duration such as 1 day or a size such as 10 MB, got often"),
    ("logging: {rotation: 9999 GB}", "1: logging.rotation: must be at most 1000 GB, got 9999 GB"),
    ("logging: {retention: 10 MB}", "1: logging.retention: must be a duration such as 30 days, got 10 MB"),
    ("logging: {retention:  }", "1: logging.retention: must be a duration such as 30 days, got nothing"),
    ('logging: {file_path: "a\\0b"}', "1: logging.file_path: must be a file name, got a\\x00b"),
    ("allora: {base_url: 'http://[x'}", "1: allora.base_url: must be an address such as https://host/path"),
    ("home: ''", "1: home: must be a folder, got nothing"),
    ("home: ~nobody-here/x", "1: home: must be a folder that exists on this machine, got ~nobody-here/x"),
    ("scan: &a {top: 1}", "1: scan: anchors and aliases (& and *) are not supported"),
    ("scan: *a", "1: scan: anchors and aliases (& and *) are not supported"),
    ("scan: {top: !!int 5}", "1: scan.top: tags (tag:yaml.org,2002:int) are not supported"),
    ("scan:\n  ? [a]\n  : b", "2: scan: a key must be short text"),
    ("scan:\n  <<: 1", "2: scan.<<: unknown key"),
    ("scan: {top: 1}\n---\nscan: {top: 2}", "2: starts a second document"),
    ("scan:\n\ttop: 1", "2: is not YAML"),
    ("scan: {top: 1", "2: is not YAML"),
    ("- scan", "1: must be a group of keys such as `scan:`"),
    ("just text", "1: must be a group of keys such as `scan:`"),
    (b"scan:\n  top: \xff", "2: is not UTF-8 text"),
    (b"scan:\n  top: \x00", "2: holds the control character U+0000"),
    ("# \x1b[2J\n", "1: holds the control character U+001B"),
    (f"private_key: {KEY_HEX}", "1: private_key: looks like a private key or mnemonic"),
    (f"scan:\n  top: '0x{KEY_HEX}'", "2: scan.top: looks like a private key or mnemonic"),
    (f"mnemonic: {WORDS}", "1: mnemonic: looks like a private key or mnemonic"),
    (f"mnemonic: [{WORDS.replace(' ', ', ')}]", "1: mnemonic: looks like a private key or mnemonic"),
    (f"injective: {{api_key: {KEY_HEX}}}", "1: injective.api_key: looks like a private key or mnemonic"),
    (f"allora: {{api_key: '{WORDS}'}}", "1: allora.api_key: looks like a private key or mnemonic"),
    (f"scan: {{sizes: [{WORDS.replace(' ', ', ')}]}}", "1: scan.sizes: looks like a private key or mnemonic"),
    (f"{KEY_HEX}: 1", "1: looks like a private key or mnemonic"),
    ("x: " + "[" * 30 + "]" * 30, "1: is nested more than 16 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line"), MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_file_gets_one_line_with_file_line_and_key(env, text, line):
    written(text)
    found = violations(env)
    assert len(found) == 1
    assert found[0].startswith(f"settings.yaml:{line}")
    for secret in (KEY_HEX, WORDS, "accident", "pa55"):
        assert secret not in found[0]


def test_there_are_at_least_forty_malformed_files():
    assert len({str(text) for text, _ in MALFORMED}) >= 40


def test_a_market_id_is_not_taken_for_a_private_key(env):
    written(f"injective: {{markets: [{{id: '0x{KEY_HEX}'}}]}}")
    assert load(None, env, {}).settings.injective.markets[0].id == f"0x{KEY_HEX}"


def test_a_value_under_a_secret_looking_name_is_not_repeated(env):
    written("scan: {top: hunter2}\nsecrets: {token: hunter3}\nallora: {api_key: {a: hunter4}}")
    assert "hunter3" not in " ".join(violations(env))
    assert "hunter4" not in " ".join(violations(env))


def test_control_characters_of_a_key_do_not_reach_the_terminal(env):
    written('"a\\e[2J": 1')
    assert violations(env) == ("settings.yaml:1: a\\x1b[2J: unknown key",)


def test_a_custom_host_gets_a_warning_that_the_key_stays_here(env):
    written("allora:\n  base_url: https://proxy.example.org/v2")
    told = load(None, env, {}).warnings
    assert [line.partition(" unless")[0] for line in told] == [
        "settings.yaml:2: allora.base_url: the key is not sent to https://proxy.example.org/v2"
    ]
    assert load(None, env, {"allora.allow_custom_host": "true"}).warnings == ()


@pytest.mark.parametrize("mode", [0o602, 0o666])
def test_a_file_others_may_write_is_refused(env, mode):
    written("scan: {top: 1}", mode=mode)
    assert "chmod go-w settings.yaml" in violations(env)[0]


@pytest.mark.parametrize("own_group", [True, False])
def test_a_group_may_write_only_where_it_is_the_owner_alone(env, monkeypatch, own_group):
    """Many systems give each user a group of the same number, and their files the mode 0664."""
    written("scan: {top: 1}", mode=0o664)
    real = os.fstat

    def told(handle):
        fields = list(real(handle))
        fields[5] = fields[4] if own_group else fields[4] + 1
        return os.stat_result(fields)

    monkeypatch.setattr("defi_analytics.config.yaml_file.os.fstat", told)
    if own_group:
        assert load(None, env, {}).settings.scan.top == 1
    else:
        assert "chmod go-w settings.yaml" in violations(env)[0]


def test_a_file_of_two_megabytes_is_refused_unread(env):
    written("# " + "x" * 2_000_000)
    assert violations(env) == ("settings.yaml: is larger than 1 MiB",)


def test_a_byte_order_mark_and_windows_lines_are_fine(env):
    written(b"\xef\xbb\xbfscan:\r\n  top: 7\r\n")
    assert load(None, env, {}).settings.scan.top == 7


@pytest.mark.parametrize("text", ["1e-3", "0.001", "'0.001'", "0.0010"])
def test_the_same_number_may_be_written_in_several_ways(env, text):
    written(f"scan: {{min_profit: {text}}}")
    assert load(None, env, {}).settings.scan.min_profit == Decimal("0.001")


@st.composite
def mutations(draw):
    raw = bytearray(ORIGINAL.encode())
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, len(raw) - 1))
        match draw(st.integers(0, 3)):
            case 0:
                raw[place] ^= 1 << draw(st.integers(0, 7))
            case 1:
                del raw[place : place + draw(st.integers(1, 40))]
            case 2:
                raw[place:place] = draw(
                    st.sampled_from(
                        [
                            b"\n",
                            b"{",
                            b"[",
                            b"&a ",
                            b"*a",
                            b"!!x ",
                            b"0",
                            b"- ",
                            b"? ",
                            b": ",
                            b"\t",
                            b'"',
                            b"%",
                            b"|",
                            b"\xc2\x85",
                        ]
                    )
                )
            case _:
                raw[place : place + 10] = draw(st.binary(max_size=10))
    return bytes(raw)


def refused_lines(env, raw):
    """What a file of these bytes is refused with; nothing if it loads."""
    written(raw)
    with contextlib.suppress(ConfigError):
        assert isinstance(load(None, env, {}).settings, Settings)
        return ()
    return violations(env)


@given(mutations())
@profile(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_loads_or_is_refused_and_nothing_else(env, raw):
    assert all(line.startswith("settings.yaml") and line.isprintable() for line in refused_lines(env, raw))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@profile(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_load_or_are_refused_and_nothing_else(env, raw):
    assert all(line.startswith("settings.yaml") and line.isprintable() for line in refused_lines(env, raw))


def test_an_endpoint_of_the_right_network_is_fine(env):
    env["DEFI_INJECTIVE__LCD_URL"] = "https://sentry.lcd.injective.network"
    assert load(None, env, {}).settings.injective.lcd_url == env["DEFI_INJECTIVE__LCD_URL"]


def least(env, flags=None, paths=None):
    return load_least(paths, env, flags or {})


def test_what_a_stop_needs_is_found_though_something_else_is_wrong(env, tmp_path):
    written("home: mine\nscan: {topp: 1}\n", "user/.config/defi/config.yaml")
    written("injective: {network: testnet}\nfoo: 1\n")
    found = least(env | {"DEFI_SCAN__NO": "1"})
    assert (found.settings.home, found.settings.network) == (tmp_path / "mine", "testnet")
    assert found.settings.scan == Settings(tmp_path).scan
    assert len(found.warnings) == 4
    assert str(tmp_path / "mine") in found.warnings[-1]
    other = least(env | {"DEFI_HOME": "other", "DEFI_NETWORK": "mainnet"}, {"injective.network": "sandbox"})
    assert (other.settings.home, other.settings.network) == (tmp_path / "other", "sandbox")


def test_settings_without_a_mistake_are_loaded_whole_for_a_stop_too(env):
    written("scan: {top: 3}")
    assert least(env) == load(None, env, {})


def test_a_stop_goes_without_files_that_cannot_be_read_and_networks_nobody_knows(env, tmp_path):
    written("a: [", "user/.config/defi/config.yaml")
    written("home: elsewhere\nmonitoring: 7")
    found = least(env | {"DEFI_NETWORK": "mars"}, paths=[Path("missing.yaml")])
    assert (found.settings.home, found.settings.network) == (default_home(env), "mainnet")


def test_a_stop_is_refused_where_home_itself_means_nothing(env):
    with pytest.raises(ConfigError):
        least(env | {"DEFI_HOME": "", "DEFI_SCAN__NO": "1"})
