from dataclasses import replace
from pathlib import Path

import pytest

from defi_analytics.app.opening import (
    _shared_limits,
    allora_key,
    injective_network,
    opened_app,
    policy_of,
    trusted,
)
from defi_analytics.config.load import load
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import LoggingSettings
from defi_analytics.errors import Unavailable
from defi_analytics.sandbox.server import Request, Response, serve
from defi_analytics.venues.injective.networks import MAINNET, TESTNET

ENV = {"HOME": "/nonexistent"}


def _network(**flags: str):
    return injective_network(load(None, ENV, flags).settings)


def test_a_network_is_spoken_to_at_its_own_addresses() -> None:
    assert _network() is MAINNET
    assert _network(network="testnet") is TESTNET


def test_an_address_that_is_set_replaces_only_itself() -> None:
    network = _network(**{"injective.lcd_url": "https://lcd.example.org/x/", "network": "testnet"})
    assert network.lcd_url == "https://lcd.example.org/x"
    assert network.indexer_url == TESTNET.indexer_url
    assert network.chart_urls == TESTNET.chart_urls
    assert network.chain_id == TESTNET.chain_id
    assert network.tm_url == TESTNET.tm_url
    assert _network(**{"injective.tm_url": "https://tm.example.org"}).tm_url == "https://tm.example.org"


def test_a_chart_address_gets_the_path_of_the_chart_service() -> None:
    assert _network(**{"injective.chart_url": "https://c.example.org"}).chart_urls == (
        "https://c.example.org/api/chart/v1",
    )


def test_the_sandbox_is_looked_for_on_its_port() -> None:
    assert _network(network="sandbox", **{"sandbox.port": "4321"}).lcd_url == "http://127.0.0.1:4321"


def test_injective_is_asked_at_most_as_often_as_it_allows() -> None:
    policy = policy_of(load(None, ENV, {}).settings)
    assert policy.rate("sentry.lcd.injective.network") == 20
    assert policy.rate("127.0.0.1") == 1000


def test_without_a_key_there_is_nothing_to_reveal() -> None:
    assert allora_key(load(None, ENV, {}), {}) == (None, ())


def test_a_key_from_the_environment_is_revealed_only_when_called() -> None:
    reveal, warnings = allora_key(load(None, ENV, {}), {"ALLORA_API_KEY": "UP-0123456789abcdef"})
    assert reveal is not None
    assert reveal() == "UP-0123456789abcdef"
    assert "safer" in warnings[0]


def test_a_placeholder_key_is_warned_of_and_not_used() -> None:
    reveal, warnings = allora_key(load(None, ENV, {}), {"ALLORA_API_KEY": "your_api_key"})
    assert reveal is None
    assert "placeholder" in warnings[0]


def test_the_keyring_is_asked_only_where_the_settings_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("defi_analytics.keys.api.system_keyring", lambda service, name: "UP-from-the-keyring")
    reveal, _ = allora_key(load(None, ENV, {"allora.use_keyring": "true"}), {})
    assert reveal is not None
    assert reveal() == "UP-from-the-keyring"
    assert allora_key(load(None, ENV, {}), {}) == (None, ())


def test_a_settings_file_found_in_the_folder_cannot_say_where_keys_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "allora:\n  base_url: https://allora.example.org/v2\n  allow_custom_host: true\n"
    for name in ("settings.yaml", "mine.yaml"):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    assert trusted(load(None, ENV, {})).allora.allow_custom_host is False
    (tmp_path / "settings.yaml").unlink()
    assert trusted(load([tmp_path / "mine.yaml"], ENV, {})).allora.allow_custom_host is True


def _written(folder: Path, text: str, name: str = "settings.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("theirs", ["base_url: https://allora.example.org/v2", "allow_custom_host: true"])
def test_either_half_from_the_folders_file_is_enough_to_keep_the_key_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theirs: str
) -> None:
    monkeypatch.chdir(tmp_path)
    _written(tmp_path, f"allora:\n  {theirs}\n")
    ours = {"DEFI_ALLORA__ALLOW_CUSTOM_HOST": "true"} if "base_url" in theirs else {}
    assert trusted(load(None, ENV | ours, {})).allora.allow_custom_host is False


def test_ones_own_environment_may_allow_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _written(tmp_path, "scan:\n  top: 3\n")
    ours = {
        "DEFI_ALLORA__ALLOW_CUSTOM_HOST": "true",
        "DEFI_ALLORA__BASE_URL": "https://allora.example.org/v2",
    }
    assert trusted(load(None, ENV | ours, {})).allora.allow_custom_host is True


@pytest.mark.parametrize("place", ["/nonexistent/.bashrc", "../.bashrc", "logs/../../.bashrc"])
def test_the_folders_file_cannot_choose_a_log_outside_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _written(tmp_path, f"logging:\n  file_path: {place}\n")
    assert trusted(load(None, ENV, {})).logging.file_path == LoggingSettings().file_path
    path.unlink()
    mine = _written(tmp_path, f"logging:\n  file_path: {place}\n", "mine.yaml")
    assert trusted(load([mine], ENV, {})).logging.file_path == place


def test_a_log_below_home_may_be_named_by_the_folders_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _written(tmp_path, "logging:\n  file_path: logs/other.log\n  level: DEBUG\n")
    own = trusted(load(None, ENV, {})).logging
    assert (own.file_path, own.level) == ("logs/other.log", "DEBUG")
    flagged = trusted(load(None, ENV, {"logging.file_path": "/nonexistent/a.log"})).logging
    assert flagged.file_path == "/nonexistent/a.log"


async def test_no_sandbox_is_started_beside_one_that_is_too_busy_to_answer(tmp_path: Path) -> None:
    async def busy(request: Request) -> Response:
        return Response(503)

    async with serve(busy) as server:
        port = server.url.rpartition(":")[2]
        flags = {
            "injective.network": "sandbox",
            "sandbox.port": port,
            "home": str(tmp_path),
            "http.attempts": "1",
        }
        settings = load(None, {}, flags).settings
        with pytest.raises(Unavailable):
            async with opened_app(Loaded(settings, {}), {}):
                pass


def test_a_sandbox_leaves_no_limits_behind(tmp_path: Path) -> None:
    settings = load(None, ENV | {"DEFI_HOME": str(tmp_path)}, {}).settings
    assert _shared_limits(settings) == tmp_path / "hosts"
    sandbox = replace(settings, injective=replace(settings.injective, network="sandbox"))
    assert _shared_limits(sandbox) is None
