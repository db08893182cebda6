import json
import os
import stat
import sys
import tracemalloc
from contextlib import suppress
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defi_analytics.errors import AuthError, ConfigError, WrongState
from defi_analytics.keys import keystore
from defi_analytics.keys.api import Secret
from defi_analytics.keys.keystore import COST, Keystore
from defi_analytics.keys.libraries import library
from defi_analytics.keys.mnemonic import private_key_of
from tests.keys.sealed import ADDRESS, HEX, PHRASE, file, store


@pytest.fixture(autouse=True)
def sealed_beforehand():
    """While encrypting is still the real thing."""
    file()


@pytest.fixture
def quick(monkeypatch):
    """Encrypting that costs nothing, where only the file system is looked at."""
    made = SimpleNamespace(create_keyfile_json=lambda secret, passphrase, **_: json.loads(file()))
    monkeypatch.setattr(keystore, "library", lambda name: made)


def refusing(monkeypatch):
    """Deriving anything would be a failure."""
    found = SimpleNamespace(decode_keyfile_json=lambda *_: pytest.fail("derived"))
    monkeypatch.setattr(keystore, "library", lambda name: found)


def changed(**changes):
    """The file with values replaced, by dotted name."""
    content = json.loads(file())
    for name, value in changes.items():
        *trail, last = name.split("__")
        place = content
        for part in trail:
            place = place[part]
        place[last] = value
    return json.dumps(content).encode()


def test_a_key_comes_back_as_it_went_in(tmp_path):
    own = store(tmp_path)
    assert own.opened("agent", Secret(PHRASE)) == bytes.fromhex(HEX)
    assert own.found("agent").address == ADDRESS


def test_the_file_is_what_other_wallets_read_and_costs_what_it_should():
    """Version 3 with the passphrase in UTF-8, opened here by the standard's reference in plain calls."""
    content = json.loads(file())
    cost = content["crypto"]["kdfparams"]
    assert (content["version"], cost["n"], cost["r"], cost["p"], cost["dklen"]) == (3, 2**18, 8, 1, 32)
    assert HEX not in file().decode()
    assert library("eth_keyfile").decode_keyfile_json(content, PHRASE.encode()).hex() == HEX


@pytest.mark.parametrize("written_by", ["us", "the library"])
def test_a_key_whose_vector_begins_with_zeros_opens_too(tmp_path, monkeypatch, written_by):
    """The library that encrypts leaves them out: one key in 256 could never be read again."""
    eth_keyfile = library("eth_keyfile")
    random = eth_keyfile.keyfile.Random
    monkeypatch.setattr(random, "get_random_bytes", lambda size: bytes(2) + b"\x07" * (size - 2))
    own = Keystore(tmp_path / "keys")
    own.add("agent", bytearray.fromhex(HEX), Secret(PHRASE))
    path = tmp_path / "keys" / "agent.json"
    content = json.loads(path.read_bytes())
    vector = content["crypto"]["cipherparams"]
    assert vector["iv"] == "0000" + 14 * "07"
    if written_by == "the library":
        vector["iv"] = 14 * "07"
        path.write_text(json.dumps(content))
    assert own.opened("agent", Secret(PHRASE)) == bytes.fromhex(HEX)


def test_a_new_key_is_a_private_file_in_a_private_folder(tmp_path, quick):
    previous = os.umask(0)
    try:
        made = Keystore(tmp_path / "home" / "keys").add("agent", private_key_of(HEX), Secret(PHRASE))
    finally:
        os.umask(previous)
    assert (made.name, made.address) == ("agent", ADDRESS)
    assert made.path == tmp_path / "home" / "keys" / "agent.json"
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    assert list(made.path.parent.iterdir()) == [made.path]


@pytest.mark.parametrize("taken", ["file", "link", "dangling link"])
def test_a_key_is_never_overwritten(tmp_path, monkeypatch, taken):
    own = store(tmp_path, b"precious")
    path = own.folder / "agent.json"
    if taken != "file":
        target = own.folder / "target"
        path.rename(target)
        path.symlink_to(target if taken == "link" else own.folder / "gone")
    monkeypatch.setattr(keystore, "library", lambda name: pytest.fail("encrypted"))
    with pytest.raises(WrongState, match="exists"):
        own.add("agent", private_key_of(HEX), Secret(PHRASE))
    assert taken == "dangling link" or path.read_bytes() == b"precious"


def test_a_wrong_passphrase_is_one_line_that_does_not_repeat_it(tmp_path):
    with pytest.raises(AuthError) as error:
        store(tmp_path).opened("agent", Secret("incorrect horse"))
    assert error.value.message == "the passphrase does not open key agent, or its file was changed"
    assert "incorrect" not in error.value.message + error.value.hint
    assert error.value.exit_code == 4


@pytest.mark.parametrize("name", ["crypto__ciphertext", "crypto__mac", "crypto__kdfparams__salt"])
def test_a_file_with_a_flipped_bit_does_not_open(tmp_path, name):
    *trail, last = name.split("__")
    value = json.loads(file())
    for part in (*trail, last):
        value = value[part]
    flipped = f"{int(value, 16) ^ 1:0{len(value)}x}"
    with pytest.raises(AuthError, match="does not open"):
        store(tmp_path, changed(**{name: flipped})).opened("agent", Secret(PHRASE))


@pytest.mark.parametrize(
    "changes",
    [{"address": "f39fd6e51aad88f6f4ce6ab8827279cfffb92266"}, {"crypto__cipherparams__iv": "0" * 32}],
    ids=["address", "iv"],
)
def test_what_the_mac_leaves_out_is_proven_by_the_address(tmp_path, changes):
    """The standard's MAC covers neither the address nor the initial vector."""
    with pytest.raises(AuthError, match="does not belong to the address"):
        store(tmp_path, changed(**changes)).opened("agent", Secret(PHRASE))


HOSTILE = [
    {"crypto__kdfparams__n": 2**30},
    {"crypto__kdfparams__n": 2**21},
    {"crypto__kdfparams__n": 2**17},
    {"crypto__kdfparams__n": COST + 1},
    {"crypto__kdfparams__n": 0},
    {"crypto__kdfparams__n": -COST},
    {"crypto__kdfparams__n": float(COST)},
    {"crypto__kdfparams__n": 10**40},
    {"crypto__kdfparams__r": 2**30},
    {"crypto__kdfparams__r": 1},
    {"crypto__kdfparams__p": 2**30},
    {"crypto__kdfparams__dklen": 2**30},
    {"crypto__kdfparams__dklen": 16},
    {"crypto__kdfparams__salt": ""},
    {"crypto__kdfparams__salt": "00" * 65},
    {"crypto__kdfparams__salt": "zz"},
    {"crypto__kdf": "pbkdf2"},
    {"crypto__kdf": "argon2"},
    {"crypto__cipher": "none"},
    {"crypto__ciphertext": "00" * 31},
    {"crypto__ciphertext": "00" * 33},
    {"crypto__mac": "0" * 63},
    {"crypto__cipherparams__iv": "0" * 31},
    {"version": 4},
    {"version": "3"},
    {"address": "inj1"},
    {"crypto": None},
]


@pytest.mark.parametrize("changes", HOSTILE, ids=str)
def test_hostile_parameters_are_refused_before_anything_is_allocated(tmp_path, monkeypatch, changes):
    refusing(monkeypatch)
    own = store(tmp_path, changed(**changes))
    tracemalloc.start()
    try:
        with pytest.raises(AuthError, match="is no key file of ours") as error:
            own.opened("agent", Secret(PHRASE))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert next(iter(changes)).rpartition("__")[2] in error.value.message


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b'"\xff"', b"[" * 4000, HEX.encode(), b'{"crypto": "' + HEX.encode() + b'"}'],
)
def test_a_file_that_is_no_key_file_is_refused_without_repeating_it(tmp_path, monkeypatch, content):
    refusing(monkeypatch)
    with pytest.raises(AuthError, match="is no key file of ours") as error:
        store(tmp_path, content).opened("agent", Secret(PHRASE))
    assert HEX not in error.value.message


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10_000), byte=st.integers(0, 255))
def test_a_damaged_file_is_refused_or_harmless_and_never_a_crash(tmp_path, place, byte):
    content = bytearray(file())
    content[place % len(content)] = byte
    own = store(tmp_path, bytes(content))
    with suppress(AuthError):
        assert own.found("agent").address.startswith("inj1")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_others_may_read_is_refused(tmp_path, mode):
    own = store(tmp_path)
    (own.folder / "agent.json").chmod(mode)
    with pytest.raises(AuthError, match="others may read") as error:
        own.found("agent")
    assert "chmod 600" in error.value.hint


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o755, 0o777])
def test_a_folder_others_may_enter_is_refused(tmp_path, quick, mode):
    own = store(tmp_path)
    own.folder.chmod(mode)
    for act in (
        own.all,
        lambda: own.found("agent"),
        lambda: own.add("new", private_key_of(HEX), Secret(PHRASE)),
    ):
        with pytest.raises(AuthError, match="others may enter") as error:
            act()
        assert "chmod 700" in error.value.hint
    assert not (own.folder / "new.json").exists()


def test_links_are_refused_for_the_folder_and_for_the_file(tmp_path):
    own = store(tmp_path)
    link = tmp_path / "link"
    link.symlink_to(own.folder)
    with pytest.raises(AuthError, match="is not a folder"):
        Keystore(link).all()
    (own.folder / "other.json").symlink_to(own.folder / "agent.json")
    with pytest.raises(AuthError, match="cannot be read"):
        own.found("other")


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path, quick):
    (tmp_path / "keys").write_text("")
    with pytest.raises(AuthError, match="cannot be made"):
        Keystore(tmp_path / "keys").add("agent", private_key_of(HEX), Secret(PHRASE))


def test_a_folder_of_someone_else_is_refused(tmp_path, monkeypatch):
    own = store(tmp_path)
    if os.geteuid() == 0:
        os.chown(own.folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(AuthError, match="belongs to someone else"):
        own.all()


@pytest.mark.parametrize(
    "name", ["", "../agent", "Agent", "a/b", ".hidden", "-a", "a-", "a" * 33, "a b", "ä", "a\n", HEX]
)
def test_a_name_cannot_lead_elsewhere(tmp_path, name):
    with pytest.raises(AuthError, match="cannot be a key's name") as error:
        Keystore(tmp_path).found(name)
    assert len(name) < 3 or name not in error.value.message


def test_a_key_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(AuthError, match="there is no key agent") as error:
        Keystore(tmp_path / "keys").found("agent")
    assert "defi key new agent" in error.value.hint


def test_all_keys_are_listed_by_name_and_a_broken_one_says_why(tmp_path):
    assert Keystore(tmp_path / "keys").all() == ()
    own = store(tmp_path, name="b")
    store(tmp_path, b"{}", name="a")
    (own.folder / "NOT A NAME.json").write_text("")
    (own.folder / "notes.txt").write_text("")
    broken, sound = own.all()
    assert (broken.name, broken.address, sound.name, sound.address, sound.problem) == (
        "a",
        "",
        "b",
        ADDRESS,
        "",
    )
    assert "no key file of ours" in broken.problem


def test_without_the_extra_keys_are_one_clear_line(tmp_path, monkeypatch):
    library.cache_clear()
    monkeypatch.setitem(sys.modules, "eth_keyfile", None)
    with pytest.raises(ConfigError, match="a signing key needs eth_keyfile"):
        store(tmp_path, file()).opened("agent", Secret(PHRASE))
    library.cache_clear()
