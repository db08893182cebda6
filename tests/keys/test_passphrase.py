import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from defi_analytics.errors import AuthError
from defi_analytics.keys import terminal
from defi_analytics.keys.passphrase import (
    CREDENTIAL,
    CREDENTIALS,
    VARIABLE,
    Sources,
    passphrase,
    read_descriptor,
)
from defi_analytics.log import hide
from tests.cli.harness import process_environment
from tests.keys.person import talk

TEXT = "correct horse battery"


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    """No terminal and no keyring, unless a test has one."""
    monkeypatch.setattr(terminal, "is_there", lambda: False)
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda service, name: None))


def credential(folder, text=TEXT, mode=0o600):
    (folder / CREDENTIAL).write_text(text)
    (folder / CREDENTIAL).chmod(mode)
    return {CREDENTIALS: str(folder)}


def piped(content):
    reader, writer = os.pipe()
    os.write(writer, content)
    os.close(writer)
    return reader


def answering(monkeypatch, *answers):
    asked, left = [], list(answers)

    def typed(question, *, hidden):
        assert hidden
        asked.append(question)
        return left.pop(0)

    monkeypatch.setattr(terminal, "is_there", lambda: True)
    monkeypatch.setattr(terminal, "typed", typed)
    return asked


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_descriptor_comes_first(tmp_path, monkeypatch, end):
    answering(monkeypatch)
    environ = {**credential(tmp_path, "another one"), VARIABLE: "another one"}
    given = passphrase(Sources("agent", piped(TEXT.encode() + end), use_keyring=True), environ)
    assert (given.secret.reveal(), given.warning) == (TEXT, "")


def test_the_service_managers_credential_comes_second(tmp_path, monkeypatch):
    answering(monkeypatch)
    environ = {**credential(tmp_path), VARIABLE: "another one"}
    assert passphrase(Sources("agent", use_keyring=True), environ).secret.reveal() == TEXT


def test_a_credential_that_the_service_manager_grants_by_acl_is_read(tmp_path):
    """Its group bits are the ACL's mask then."""
    assert passphrase(Sources("agent"), credential(tmp_path, mode=0o440)).secret.reveal() == TEXT


def test_a_credential_the_world_may_read_is_refused(tmp_path):
    with pytest.raises(AuthError, match="others may read"):
        passphrase(Sources("agent"), credential(tmp_path, mode=0o604))


def test_a_folder_of_credentials_without_ours_is_passed_over(tmp_path):
    environ = {CREDENTIALS: str(tmp_path), VARIABLE: TEXT}
    assert passphrase(Sources("agent"), environ).secret.reveal() == TEXT


def test_the_keyring_comes_third_and_only_where_the_settings_ask_for_it(monkeypatch):
    asked = answering(monkeypatch, TEXT)
    ring = SimpleNamespace(get_password=lambda service, name: f"{service} {name}")
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert passphrase(Sources("agent", use_keyring=True), {}).secret.reveal() == "defi-key agent"
    assert not asked
    assert passphrase(Sources("agent"), {}).secret.reveal() == TEXT


def test_a_person_at_the_terminal_comes_fourth(monkeypatch):
    asked = answering(monkeypatch, TEXT)
    assert passphrase(Sources("agent", use_keyring=True), {VARIABLE: "another one"}).secret.reveal() == TEXT
    assert asked == ["Passphrase of key agent: "]


def test_a_new_passphrase_is_typed_twice(monkeypatch):
    asked = answering(monkeypatch, TEXT, TEXT)
    assert passphrase(Sources("agent", new=True), {}).secret.reveal() == TEXT
    assert len(asked) == 2
    assert "at least 8 characters" in asked[0]


def test_a_slip_in_a_new_passphrase_is_asked_for_again_but_not_without_end(monkeypatch):
    asked = answering(monkeypatch, "short", TEXT, f"{TEXT}?", TEXT, TEXT)
    assert passphrase(Sources("agent", new=True), {}).secret.reveal() == TEXT
    assert "at least 8 characters. Once more" in asked[1]
    assert "differ. Once more" in asked[3]
    assert TEXT not in "".join(asked)
    answering(monkeypatch, *[TEXT, f"{TEXT}?"] * 3)
    with pytest.raises(AuthError, match="differ"):
        passphrase(Sources("agent", new=True), {})


def test_whether_a_short_passphrase_is_right_only_its_key_tells():
    assert passphrase(Sources("agent", piped(b"wrong")), {}).secret.reveal() == "wrong"


@pytest.mark.parametrize("text", ["", "a", "abc"])
def test_what_the_log_could_not_hide_is_no_passphrase(text):
    with pytest.raises(AuthError, match="at least 8 characters"):
        passphrase(Sources("agent", piped(text.encode())), {})
    with pytest.raises(ValueError, match="too short"):
        hide(text)


def test_the_environment_comes_last_and_with_a_warning(monkeypatch):
    asked = answering(monkeypatch)
    given = passphrase(Sources("agent", may_ask=False), {VARIABLE: TEXT})
    assert given.secret.reveal() == TEXT
    assert VARIABLE in given.warning
    assert TEXT not in given.warning
    assert not asked


def test_no_source_is_said_to_be_missing():
    with pytest.raises(AuthError, match="no source has one") as error:
        passphrase(Sources("agent"), {})
    assert "--passphrase-fd" in error.value.hint


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"short", b"seven77\n", b"two lines\nof text", b"escape \x1b[2J", b"\xff" * 9]
)
def test_what_cannot_be_a_passphrase_is_refused_without_repeating_it(raw):
    with pytest.raises(AuthError, match="--passphrase-fd: ") as error:
        passphrase(Sources("agent", piped(raw), new=True), {})
    assert "seven77" not in error.value.message + error.value.hint


@pytest.mark.parametrize("descriptor", [987, 2**40])
def test_a_descriptor_that_is_not_open_is_one_line(descriptor):
    with pytest.raises(AuthError, match="cannot be read"):
        passphrase(Sources("agent", descriptor), {})


def test_a_descriptor_is_not_read_without_end():
    with Path("/dev/zero").open("rb") as endless, pytest.raises(AuthError, match="more than 1024 bytes"):
        read_descriptor(endless.fileno(), 1024)


ASKING = """
import os
from defi_analytics.keys.passphrase import Sources, passphrase
given = passphrase(Sources("agent", new=True), os.environ)
print("as typed", given.secret.reveal() == "correct horse battery", given.secret)
"""


def test_at_a_real_terminal_a_passphrase_is_asked_for_twice_and_never_shown(tmp_path):
    answers = {"Passphrase of key agent, at least 8 characters: ": TEXT, "The same again: ": TEXT}
    said = talk([sys.executable, "-c", ASKING], answers, process_environment(), str(tmp_path))
    assert (said.code, said.screen.splitlines()[-1]) == (0, "as typed True ***")
    assert TEXT not in said.screen
