import pytest

from defi_analytics.cli.key_input import RETYPED, confirmed
from defi_analytics.errors import AuthError
from defi_analytics.keys.mnemonic import private_key_of
from tests.cli.owner import Owner
from tests.keys import sealed


class Interactive:
    no_input = False
    quiet = False


def test_an_address_is_retyped_or_expected(monkeypatch):
    owner = Owner(monkeypatch)
    assert confirmed(Interactive, private_key_of(sealed.HEX), "") == sealed.ADDRESS
    assert owner.asked == [f"Type its last {RETYPED} characters: "]
    assert confirmed(Interactive, private_key_of(sealed.HEX), sealed.ADDRESS) == sealed.ADDRESS
    assert len(owner.asked) == 1


@pytest.mark.parametrize("typed", ["", sealed.ADDRESS[-5:], sealed.ADDRESS[-6:].upper(), sealed.ADDRESS])
def test_only_the_very_characters_confirm_it(monkeypatch, typed):
    owner = Owner(monkeypatch)
    owner.answers = {"last": typed}
    with pytest.raises(AuthError, match="last characters"):
        confirmed(Interactive, private_key_of(sealed.HEX), "")
