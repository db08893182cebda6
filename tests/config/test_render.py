import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from defi_analytics.config.load import load
from defi_analytics.config.render import default_file, render_yaml, values
from defi_analytics.config.settings import MarketSettings, RiskParameters, Settings

HOME = Path("/state")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def loaded_from(text, tmp_path):
    path = tmp_path / "shown.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return load([path], {"HOME": "/nowhere"}, {})


def unusual():
    plain = Settings(home=HOME)
    market = MarketSettings(
        "0x" + "ab" * 32, Decimal("0.5"), None, RiskParameters(max_slippage=Decimal("0.01"))
    )
    return replace(
        plain,
        injective=replace(plain.injective, network="sandbox", markets=(market, MarketSettings("INJ/USDT"))),
        scan=replace(
            plain.scan, sizes=(Decimal(100), Decimal("1E+3")), against=(), min_edge_bps=Decimal("2.5")
        ),
        rates={"USDC/USDT": Decimal("0.9999")},
        assets={"ibc/C4CFF46FD6DE35CA4CF4CE031E643C8FDC9BA4B99AE598E9B0ED98FE3A2319F9": "ATOM"},
        allora=replace(plain.allora, allow_custom_host=True, topics={"BTC": 14}),
        logging=replace(plain.logging, file_path='odd "name" #1: é.log'),
    )


@pytest.mark.parametrize("settings", [Settings(home=HOME), unusual()], ids=["defaults", "unusual"])
@pytest.mark.parametrize("origins", [None, {"scan.top": "--top"}])
def test_what_is_shown_loads_to_the_same_settings(tmp_path, settings, origins):
    assert loaded_from(render_yaml(settings, origins), tmp_path).settings == settings


def test_every_line_of_a_value_tells_its_origin():
    text = render_yaml(
        Settings(home=HOME), {"scan.top": "settings.yaml:3", "venues.okx.url": "DEFI_VENUES__OKX__URL"}
    )
    assert "  top: 20  # settings.yaml:3\n" in text
    assert '    url: "https://www.okx.com"  # DEFI_VENUES__OKX__URL\n' in text
    assert text.count("# default") == len(list(values(Settings(home=HOME)))) - 2


def test_the_project_file_is_the_generated_one():
    assert (ROOT / "settings.yaml").read_text() == default_file(), (
        "regenerate settings.yaml from default_file()"
    )


def test_the_default_file_changes_nothing_and_warns_of_nothing(tmp_path):
    loaded = loaded_from(default_file(), tmp_path)
    assert (loaded.settings, loaded.warnings, loaded.origins) == (
        load(None, {"HOME": "/nowhere"}, {}).settings,
        (),
        {},
    )


def test_uncommenting_every_line_of_the_default_file_changes_nothing_either(tmp_path):
    text = re.sub(r"(?m)^( +)# ([\w-]+: )", r"\1\2", default_file())
    loaded = loaded_from(text, tmp_path)
    assert loaded.settings == load(None, {"HOME": "/nowhere"}, {}).settings
    assert len(loaded.origins) > 50


def test_every_setting_is_explained():
    lines = [line for line in default_file().splitlines() if re.match(r" +# [\w-]+: ", line)]
    silent = [line for line in lines if line.count("#") < 2 and "{" not in line]
    assert silent == []
