import base64
import copy
import os
import pickle
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defi_analytics.errors import AuthError
from defi_analytics.keys.api import (
    FileSecret,
    Secret,
    any_key,
    is_placeholder,
    looks_like_key,
    may_receive_key,
    resolve,
    system_keyring,
    variable_file,
)

KEY = "UP-0123456789abcdef"
HEX = "3f" * 32
WORDS = "abandon ability able about above absent absorb abstract absurd abuse access accident"


def none(service, name):
    return None


def key_file(tmp_path, text=KEY + "\n", mode=0o600):
    path = tmp_path / "key"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def test_a_secret_shows_itself_to_reveal_alone():
    secret = Secret(KEY)
    shown = [repr(secret), str(secret), f"{secret:>40}", f"{secret!r}", str([secret]), str({"key": secret})]
    assert not any(KEY in text for text in shown)
    assert pickle.loads(pickle.dumps(secret)).reveal() == "***"  # noqa: S301  - our own bytes
    assert secret.reveal() == copy.copy(secret).reveal() == copy.deepcopy(secret).reveal() == KEY
    assert not hasattr(secret, "__dict__")


def test_the_environment_comes_first_and_says_that_it_can_be_read(tmp_path):
    environ = {"ALLORA_API_KEY": f" {KEY} ", variable_file("allora"): str(key_file(tmp_path, "UP-file"))}
    found = resolve("allora", environ, keyring=none)
    assert (found.secret.reveal(), found.origin) == (KEY, "ALLORA_API_KEY")
    assert len(found.warnings) == 1
    found = resolve("allora", {"DEFI_ALLORA__API_KEY": KEY}, keyring=none)
    assert (found.secret.reveal(), found.origin) == (KEY, "DEFI_ALLORA__API_KEY")


def test_a_private_file_comes_second(tmp_path):
    environ = {variable_file("allora"): str(key_file(tmp_path))}
    found = resolve("allora", environ, keyring=lambda *_: "UP-ring")
    assert (found.secret.reveal(), found.origin, found.warnings) == (KEY, "DEFI_ALLORA__API_KEY_FILE", ())


def test_the_keyring_comes_third():
    in_file = FileSecret(Secret("UP-yaml"), "settings.yaml:2", 0o600)
    found = resolve("allora", {}, in_file, keyring=lambda service, name: f"UP-{service}-{name}")
    assert (found.secret.reveal(), found.origin, found.warnings) == ("UP-defi-allora", "keyring", ())


def test_a_settings_file_comes_last_and_warns():
    found = resolve("allora", {}, FileSecret(Secret(KEY), "settings.yaml:2", 0o600), keyring=none)
    assert (found.secret.reveal(), found.origin) == (KEY, "settings.yaml:2")
    assert "settings.yaml:2" in found.warnings[0]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_settings_file_others_may_read_gives_no_key(mode):
    with pytest.raises(AuthError) as error:
        resolve("allora", {}, FileSecret(Secret(KEY), "settings.yaml:2", mode), keyring=none)
    assert error.value.hint == "run `chmod 600 settings.yaml`"
    assert KEY not in str(error.value)


def test_no_key_anywhere_is_fine():
    assert resolve("allora", {}, keyring=none) == (None, "", ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "…",
        "your_allora_api_key",
        "YOUR-KEY",
        "<key>",
        "${KEY}",
        "xxxx",
        "changeme",
        "change-me",
        "none",
        "TODO",
        "***",
        "insert key here",
    ],
)
def test_what_templates_hold_is_a_placeholder(text):
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["UP-86455f53320d4ee48a958cc0", "yourself", "x", "abc.def"])
def test_what_could_be_a_key_is_no_placeholder(text):
    assert not is_placeholder(text)


def test_nothing_is_a_placeholder():
    assert is_placeholder(None)


def test_a_placeholder_in_the_environment_is_passed_over_with_a_warning():
    found = resolve("allora", {"ALLORA_API_KEY": "your_key", "DEFI_ALLORA__API_KEY": KEY}, keyring=none)
    assert found.secret.reveal() == KEY
    assert found.warnings[0] == "ALLORA_API_KEY holds a placeholder and is ignored"


@pytest.mark.parametrize("text", [HEX, "0x" + HEX.upper(), WORDS, "a b", "ké", "k\x1b[2J", "k" * 513])
def test_a_text_that_is_no_api_key_is_refused_without_repeating_it(text, tmp_path):
    with pytest.raises(AuthError) as error:
        resolve("allora", {"ALLORA_API_KEY": text}, keyring=none)
    assert text not in str(error.value) + error.value.hint


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [(KEY, 0o644, "others may read"), (KEY, 0o660, "others may read"), ("k" * 5000, 0o600, "too large"), (b"\xff", 0o600, "does not hold a key"), (b"", 0o600, "not an API key")],
)  # fmt: skip
def test_a_key_file_that_is_not_private_or_holds_no_key_is_refused(tmp_path, text, mode, message):
    with pytest.raises(AuthError, match=message) as error:
        resolve("allora", {variable_file("allora"): str(key_file(tmp_path, text, mode))}, keyring=none)
    assert KEY not in str(error.value)


def test_a_key_file_may_not_be_a_link_a_folder_a_fifo_or_missing(tmp_path):
    link, fifo = tmp_path / "link", tmp_path / "fifo"
    link.symlink_to(key_file(tmp_path))
    os.mkfifo(fifo, 0o600)
    for path in (link, fifo, tmp_path, tmp_path / "gone", "a\0b", "~nobody-here/key"):
        with pytest.raises(AuthError):
            resolve("allora", {variable_file("allora"): str(path)}, keyring=none)


def test_a_key_file_of_someone_else_is_refused(tmp_path, monkeypatch):
    path = key_file(tmp_path)
    if os.geteuid() == 0:
        os.chown(path, 12345, -1)  # root's own files are accepted from everyone
    else:
        monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(AuthError, match="someone else"):
        resolve("allora", {variable_file("allora"): str(path)}, keyring=none)


def test_a_missing_or_broken_keyring_is_no_keyring(monkeypatch):
    def broken(service, name):
        raise RuntimeError("no backend")

    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=broken))
    assert system_keyring("defi", "allora") is None
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert system_keyring("defi", "allora") is None


def test_the_systems_keyring_is_asked(monkeypatch):
    monkeypatch.setitem(
        sys.modules, "keyring", SimpleNamespace(get_password=lambda service, name: f"UP-{service}-{name}")
    )
    assert resolve("allora", {}).secret.reveal() == "UP-defi-allora"
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda service, name: None))
    assert resolve("allora", {}).secret is None


@given(st.binary(min_size=32, max_size=32))
def test_every_private_key_is_recognised(raw):
    for text in (raw.hex(), raw.hex().upper(), f"0x{raw.hex()}", f" '{raw.hex()}'\n"):
        assert looks_like_key(text)
        assert any_key(["scan", text])
        assert any_key([f"--key={text.strip()}"])
    assert not looks_like_key(f"0x{raw.hex()}", market_id=True)
    assert looks_like_key(raw.hex(), market_id=True)


def test_mnemonics_are_recognised_in_one_argument_or_in_many():
    assert looks_like_key(WORDS)
    assert looks_like_key(f"{WORDS}\n{WORDS}")
    assert any_key(["run", *WORDS.split()])
    assert any_key(["run", WORDS])


@pytest.mark.parametrize(
    "text",
    ["INJ/USDT", "0x1234", "UP-0123", base64.b64encode(b"x" * 32).decode(), "scan the market", "word " * 200],
)
def test_ordinary_text_is_no_key(text):
    assert not looks_like_key(text)


def test_an_ordinary_command_line_holds_no_key():
    assert not any_key(["scan", "--top", "5", "INJ/USDT", "--against", "okx", "binance"])
    assert not any_key([])
    assert not any_key(["scan", "0x" + HEX], market_id=True)


@pytest.mark.parametrize(
    ("url", "custom", "may"),
    [
        ("https://api.allora.network/v2", False, True),
        ("https://api.upshot.xyz/v2", False, True),
        ("https://allora.network", False, True),
        ("http://127.0.0.1:8080", False, True),
        ("http://localhost/v2", False, True),
        ("http://[::1]:1/", False, True),
        ("https://api.allora.com/v1", False, False),
        ("https://evilallora.network", False, False),
        ("https://allora.network.evil.example", False, False),
        ("http://api.allora.network/v2", False, False),
        ("https://proxy.example.org", False, False),
        ("https://proxy.example.org", True, True),
        ("http://proxy.example.org", True, False),
        ("", True, False),
    ],
)
def test_the_key_goes_to_allora_and_to_this_machine_alone(url, custom, may):
    assert may_receive_key(url, allow_custom_host=custom) is may
