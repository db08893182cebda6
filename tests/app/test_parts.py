from dataclasses import replace
from datetime import timedelta

import pytest

from defi_analytics.app.parts import App, pinned_topics
from defi_analytics.config.settings import AlloraSettings, InjectiveSettings, PredictionSettings, Settings
from defi_analytics.domain.market import MarketKind
from defi_analytics.errors import ConfigError, DefiError, NotCovered, UnknownMarket, UsageError
from defi_analytics.mispricing.limits import Limits
from defi_analytics.predictors.allora.api import ApiSource
from defi_analytics.predictors.allora.lcd import LcdSource
from defi_analytics.predictors.allora.predictor import TopicChoice
from defi_analytics.predictors.allora.topics import bundled_registry
from defi_analytics.venues.injective.networks import MAINNET
from tests.builders import NOON, a_prediction, a_scope, a_snapshot, a_topic
from tests.fakes import FakeClock, FakeHttp


@pytest.fixture
def app(tmp_path):
    return App(Settings(home=tmp_path), FakeHttp({}), FakeClock(), MAINNET)


@pytest.fixture
def sandboxed(app):
    settings = replace(app.settings, injective=InjectiveSettings(network="sandbox"))
    return App(settings, app.http, app.clock, MAINNET)


def test_a_venue_is_made_once(app):
    assert app.venue("okx-perp") is app.venue("okx-perp")
    assert app.venue("okx") is not app.venue("okx-perp")


def test_a_venue_whose_fees_nobody_told_is_refused(app):
    app.settings = replace(app.settings, venues={})
    with pytest.raises(UsageError, match="has no settings"):
        app.venue("binance")


def test_the_sandbox_has_only_what_it_imitates(sandboxed):
    assert sandboxed.default_against() == ("hyperliquid", "binance")
    assert sandboxed.venue("binance").venue == "binance"
    with pytest.raises(UsageError, match="does not imitate"):
        sandboxed.venue("okx")


def test_elsewhere_the_settings_say_what_is_compared(app):
    assert app.default_against() == app.settings.scan.against


def test_without_a_key_allora_is_asked_on_its_chain(app):
    assert isinstance(app.predictor()._source, LcdSource)


def test_with_a_key_it_is_asked_through_its_interface_but_never_in_the_sandbox(app, sandboxed):
    app.allora_key = sandboxed.allora_key = lambda: lambda: "UP-sesame"
    assert isinstance(app.predictor()._source, ApiSource)
    assert isinstance(sandboxed.predictor()._source, LcdSource)


def test_the_predictor_that_is_reused_is_one(app):
    assert app.reused_predictor() is app.reused_predictor()


async def test_the_sandbox_knows_only_its_topics(sandboxed):
    assert sandboxed.predictor().assets() == {"BTC", "ETH", "SOL"}
    with pytest.raises(NotCovered):
        await sandboxed.predictor().predict("NEAR")


def test_a_topic_can_be_pinned_by_asset_or_as_the_model(app):
    registry = bundled_registry()
    settings = replace(app.settings, allora=AlloraSettings(topics={"ETH": 9}, model_id="14"))
    assert pinned_topics(settings, registry) == {"ETH": 9, "BTC": 14}
    assert pinned_topics(app.settings, registry) == {}


def test_a_model_nobody_knows_is_a_wrong_setting(app):
    settings = replace(app.settings, allora=AlloraSettings(model_id="99999"))
    with pytest.raises(ConfigError, match="no topic 99999"):
        pinned_topics(settings, bundled_registry())


async def test_a_market_is_found_among_all_kinds(app):
    app.http.answers = {"spot/full_markets": b'{"markets":[]}', "derivative/markets": b'{"markets":[]}'}
    with pytest.raises(UnknownMarket):
        await app.find_market("INJ/USDT")
    asked = [request for request in app.http.requests if "status=Active" in request]
    assert ["spot" in request for request in asked] == [True, False], "each list once"
    assert app.injective(frozenset({MarketKind.SPOT})).kinds == {MarketKind.SPOT}
    assert app.indexer().network is app.injective().network


def test_what_a_user_vouches_for_is_among_the_assets(app):
    app.settings = replace(app.settings, assets={"factory/inj1xyz/A": "ABC"})
    assert app.injective().assets.spot("factory/inj1xyz/A", "inj") == ("ABC", "INJ")


def test_nothing_found_is_recorded_too_but_no_predictions_make_no_journal(app, tmp_path):
    app.record_predictions(())
    assert list(tmp_path.iterdir()) == []
    app.record_scan(a_snapshot(), a_scope([]), Limits(), ())
    with app.journal() as journal:
        assert [(at, kind, body["edges"]) for at, kind, body in journal.replay()] == [(NOON, "scan", [])]


def predictions_of(app):
    with app.journal() as journal:
        return [(at, body["prediction"]["topic"]["topic_id"]) for at, _, body in journal.replay("prediction")]


def test_a_prediction_is_recorded_once_a_run_and_a_newer_one_again(app):
    made = a_prediction()
    app.record_predictions((made, made))
    app.record_predictions((made,))
    later = replace(made, usable_at=NOON + timedelta(minutes=5))
    other = replace(made, topic=a_topic(topic_id=8))
    app.record_predictions((made, later, other))
    assert predictions_of(app) == [(NOON, 7), (later.usable_at, 7), (NOON, 8)]


def test_a_prediction_that_could_not_be_recorded_is_not_taken_for_recorded(app, tmp_path):
    made, home = a_prediction(), app.settings.home
    (tmp_path / "file").write_text("")
    app.settings = replace(app.settings, home=tmp_path / "file" / "below")
    with pytest.raises(DefiError):
        app.record_predictions((made,))
    app.settings = replace(app.settings, home=home)
    app.record_predictions((made,))
    assert predictions_of(app) == [(NOON, 7)]


def test_the_settings_choose_the_topic(app):
    own = AlloraSettings(topics={"BTC": 18}, prediction_settings=PredictionSettings(time_horizon=1200))
    app.settings = replace(app.settings, allora=own)
    assert app.predictor()._choice == TopicChoice({"BTC": 18}, 1200)


def test_a_venue_the_sandbox_lacks_is_refused_before_it_is_made(sandboxed):
    with pytest.raises(UsageError, match="does not imitate") as caught:
        sandboxed.venue("nonsense")
    assert caught.value.hint == "it has hyperliquid, binance"
    assert sandboxed._venues == {}
