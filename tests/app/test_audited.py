from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app.audited import account_of, chain_of, read_ledger
from defi_analytics.app.trading import Account
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import UsageError, WrongState
from defi_analytics.storage.journal import SqliteJournal
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock

A = "inj1" + "a" * 38


def an_app(home: Any, *accounts: str) -> Any:
    for name in accounts:
        SqliteJournal(home / "accounts" / f"{name}.sqlite").close()
    settings = SimpleNamespace(home=home, run=SimpleNamespace(paper_balances={}))
    return SimpleNamespace(
        settings=settings, network="testnet", clock=FakeClock(), injective=lambda: None, http=None
    )


@pytest.mark.parametrize(
    ("accounts", "asked", "found"),
    [
        ((), "", "paper"),
        ((f"mainnet-{A}",), "", "paper"),
        ((f"testnet-{A}", f"mainnet-{A}"), "", A),
        ((f"testnet-{A}", "testnet-paper"), A, A),
        ((f"testnet-{A}",), "paper", "paper"),
    ],
)
def test_the_only_account_is_meant_else_paper(
    tmp_path: Any, accounts: tuple[str, ...], asked: str, found: str
) -> None:
    assert account_of(an_app(tmp_path, *accounts), asked) == Account("testnet", found)


def test_a_choice_is_the_persons_and_a_name_must_be_one(tmp_path: Any) -> None:
    app = an_app(tmp_path, f"testnet-{A}", "testnet-paper")
    with pytest.raises(UsageError) as several:
        account_of(app)
    assert several.value.hint == "choose one with --account"
    with pytest.raises(UsageError, match="is no account"):
        account_of(app, "inj1b")


def test_looking_at_an_account_makes_no_journal(tmp_path: Any) -> None:
    app = an_app(tmp_path)
    with read_ledger(app, Account("testnet")) as ledger:
        assert not ledger.books.orders
    assert not list(tmp_path.iterdir())


def test_paper_is_read_and_written_and_a_live_account_is_not_yet(tmp_path: Any) -> None:
    app, ledger = an_app(tmp_path), Ledger(MemoryJournal(), FakeClock())
    assert isinstance(chain_of(app, Account("testnet"), ledger), PaperChain)
    with pytest.raises(WrongState):
        chain_of(app, Account("testnet", A), ledger)
