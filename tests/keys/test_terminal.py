import os
import pty

import pytest

from defi_analytics.errors import AuthError
from defi_analytics.keys import terminal


@pytest.fixture
def screen(monkeypatch):
    """A terminal in the place of /dev/tty; what a person sees and types is at the other end."""
    person, own = pty.openpty()
    monkeypatch.setattr(terminal, "_TERMINAL", os.ttyname(own))
    yield person
    os.close(own)
    os.close(person)


def test_a_process_without_a_terminal_has_nobody_to_ask(monkeypatch, tmp_path):
    monkeypatch.setattr(terminal, "_TERMINAL", str(tmp_path / "tty"))
    assert not terminal.is_there()
    with pytest.raises(AuthError, match="nothing was typed"):
        terminal.typed("Sure? ", hidden=False)


def test_a_question_is_asked_on_the_terminal_itself(screen, capfd):
    assert terminal.is_there()
    os.write(screen, b"  vkec \n")
    assert terminal.typed("The last 6: ", hidden=False) == "vkec"
    seen = b""
    while b"The last 6: " not in seen:
        seen += os.read(screen, 1000)
    assert capfd.readouterr() == ("", "")


def test_the_end_of_input_is_no_answer(screen):
    os.write(screen, b"\x04")
    with pytest.raises(AuthError, match="nothing was typed"):
        terminal.typed("The last 6: ", hidden=False)


def test_a_hidden_answer_is_asked_for_by_getpass(monkeypatch):
    monkeypatch.setattr(terminal.getpass, "getpass", lambda question: f"to {question}")
    assert terminal.typed("secret? ", hidden=True) == "to secret? "
