from decimal import Decimal
from importlib import metadata

import pytest

from defi_analytics.app.venues import VENUES, pick
from defi_analytics.config.settings import VENUES as SETTINGS
from defi_analytics.config.settings import VenueSettings
from defi_analytics.errors import UsageError
from tests.fakes import FakeClock, FakeHttp


@pytest.mark.parametrize("name", sorted(VENUES))
def test_every_venue_is_made_under_its_own_name_and_fees(name):
    own = VenueSettings("https://venue.test", Decimal("0.002"), Decimal("0.001"), Decimal(1))
    made = VENUES[name](own, FakeHttp({}), FakeClock())
    assert made.venue == name
    assert (made.base_url, made.taker_fee, made.maker_fee) == (own.url, own.taker_fee, own.maker_fee)


def test_every_venue_has_settings_and_every_settings_a_venue():
    assert VENUES.keys() == SETTINGS.keys()


class Point:
    """An installed package's entry."""

    name = "theirs"

    def load(self):
        return "their factory"


@pytest.fixture
def installed(monkeypatch):
    asked = []
    monkeypatch.setattr(metadata, "entry_points", lambda group: asked.append(group) or [Point()])
    return asked


def test_an_installed_package_may_add_one(installed):
    assert pick("venues", {"ours": "our factory"}, "theirs") == "their factory"
    assert installed == ["defi_analytics.venues"]


def test_ours_come_first_and_ask_nobody(installed):
    assert pick("venues", {"theirs": "our factory"}, "theirs") == "our factory"
    assert installed == []


def test_an_unknown_one_lists_ours_and_theirs(installed):
    with pytest.raises(UsageError, match="unknown venue 'nonsense'") as caught:
        pick("venues", {"ours": "x"}, "nonsense")
    assert caught.value.hint == "known: ours, theirs"
    with pytest.raises(UsageError, match=r"unknown venue 'theirss' \(did you mean theirs\?\)"):
        pick("venues", {"ours": "x"}, "theirss")
