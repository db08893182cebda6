import base64

import pytest

from defi_analytics import log
from defi_analytics.app import signing
from defi_analytics.app.signing import Asked, keystore, name_of, signer_for
from defi_analytics.config.load import load
from defi_analytics.errors import AuthError
from tests.cli.owner import Owner
from tests.keys import sealed

DEVELOPMENT = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"


@pytest.fixture
def owner(monkeypatch):
    return Owner(monkeypatch)


def settings(home, network, **keys):
    flags = {f"keys.{name}": value for name, value in keys.items()}
    return load(None, {"DEFI_HOME": str(home)}, {"injective.network": network, **flags}).settings


def signer(home, network, asked=None, environ=None, **keys):
    said = []
    made = signer_for(settings(home, network, **keys), asked or Asked(), environ or {}, said.append)
    return made.address, said


def test_the_sandbox_signs_with_the_development_key_unless_one_is_named(tmp_path, owner):
    sealed.store(tmp_path)
    assert signer(tmp_path, "sandbox") == (DEVELOPMENT, [])
    assert owner.asked == []
    assert signer(tmp_path, "sandbox", Asked("agent")) == (sealed.ADDRESS, [])
    assert signer(tmp_path, "sandbox", name="agent") == (sealed.ADDRESS, [])
    assert owner.hardened == 3


@pytest.mark.parametrize("network", ["testnet", "mainnet"])
def test_no_other_network_ever_gets_the_development_key(tmp_path, owner, network):
    with pytest.raises(AuthError, match="there is no key agent"):
        signer(tmp_path, network, Asked(may_withdraw=True))


def test_nobody_is_asked_for_the_passphrase_of_a_key_that_is_not_there(tmp_path, owner):
    own = settings(tmp_path, "testnet")
    with pytest.raises(AuthError, match="there is no key agent"):
        signing.opened(own, "agent", Asked("agent"), {}, lambda said: None)
    assert owner.asked == []


def test_testnet_takes_any_key(tmp_path, owner):
    sealed.store(tmp_path)
    assert signer(tmp_path, "testnet") == (sealed.ADDRESS, [])


@pytest.mark.parametrize("granter", ["", sealed.ADDRESS])
def test_mainnet_refuses_a_key_that_can_withdraw_before_asking_for_anything(tmp_path, owner, granter):
    sealed.store(tmp_path)
    with pytest.raises(AuthError, match="can withdraw everything") as error:
        signer(tmp_path, "mainnet", granter=granter)
    assert "--i-understand-this-key-can-withdraw" in error.value.hint
    assert owner.asked == []
    assert signer(tmp_path, "mainnet", Asked(may_withdraw=True), granter=granter) == (sealed.ADDRESS, [])


def test_mainnet_takes_a_key_that_trades_for_another_account(tmp_path, owner):
    sealed.store(tmp_path)
    assert signer(tmp_path, "mainnet", granter=DEVELOPMENT) == (sealed.ADDRESS, [])


def test_a_warning_of_the_passphrases_source_is_passed_on(tmp_path, owner):
    sealed.store(tmp_path)
    _, said = signer(tmp_path, "testnet", Asked(may_ask=False), {"DEFI_PASSPHRASE": sealed.PHRASE})
    assert len(said) == 1
    assert owner.asked == []


def test_from_then_on_the_log_hides_key_and_passphrase(tmp_path, owner):
    sealed.store(tmp_path)
    signer(tmp_path, "testnet")
    raw = bytes.fromhex(sealed.HEX)
    for text in (
        sealed.HEX,
        sealed.HEX[:12],
        base64.b64encode(raw).decode(),
        sealed.PHRASE,
        base64.b64encode(sealed.PHRASE.encode()).decode(),
    ):
        assert text not in log.shown(f"said {text}, twice {text}")


def test_a_key_is_named_by_the_command_then_by_the_settings(tmp_path):
    assert name_of(settings(tmp_path, "testnet")) == signing.DEFAULT_NAME
    assert name_of(settings(tmp_path, "testnet", name="main")) == "main"
    assert name_of(settings(tmp_path, "testnet", name="main"), "other") == "other"
    assert keystore(settings(tmp_path, "testnet")).folder == tmp_path / "keys"
