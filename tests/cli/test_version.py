import platform

import pytest

from defi_analytics import __version__
from defi_analytics.cli.version import COLUMNS, PACKAGES, installed
from tests.cli.forms import FORMS, assert_form


def test_versions_of_what_it_runs_on_are_shown(bare):
    rows = {row["name"]: row["version"] for row in bare("version", "--json").rows}
    assert rows["defi"] == __version__
    assert rows["python"] == platform.python_version()
    assert rows["httpx"][0].isdigit()


def test_a_package_that_is_missing_is_said_to_be():
    assert installed("no-such-package-anywhere") == "not installed"


@pytest.mark.parametrize("form", FORMS)
def test_versions_come_in_every_form(bare, form):
    assert_form(bare("version", "-o", form), form, COLUMNS, len(PACKAGES) + 2)
