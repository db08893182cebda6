"""The owner of a key, at a terminal that is none: what is asked is noted and answered."""

from collections.abc import Mapping
from typing import Any

from defi_analytics import log
from defi_analytics.keys import process, terminal
from tests.keys import sealed


class Owner:
    """`answers` by a word of the question; any other question gets the passphrase."""

    def __init__(self, monkeypatch: Any) -> None:
        self.asked: list[str] = []
        self.answers: Mapping[str, str] = {"mnemonic": sealed.HEX, "last": sealed.ADDRESS[-6:]}
        self.hardened = 0
        monkeypatch.setattr(log, "_secrets", [])
        monkeypatch.setattr(terminal, "is_there", lambda: True)
        monkeypatch.setattr(terminal, "typed", self._typed)
        # It would last for all other tests.
        monkeypatch.setattr(process, "harden", self._harden)

    def _typed(self, question: str, *, hidden: bool) -> str:
        self.asked.append(question)
        assert hidden is ("last" not in question)
        return next((text for word, text in self.answers.items() if word in question), sealed.PHRASE)

    def _harden(self) -> None:
        assert self.hardened or not self.asked, "asked for a secret first"
        self.hardened += 1
