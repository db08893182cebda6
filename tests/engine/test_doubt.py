from decimal import Decimal

import pytest

from defi_analytics.engine.differences import Code, Difference
from defi_analytics.engine.doubt import RECONCILER, Doubt
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import Stale, Unavailable
from defi_analytics.risk.codes import TradingState
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock

MISSING = Difference(Code.BALANCE, "INJ", Decimal(1), Decimal(2), "INJ")
OTHER = Difference(Code.BALANCE, "INJ", Decimal(1), Decimal(3), "INJ")


def a_ledger():
    return Ledger(MemoryJournal(), FakeClock())


def test_what_differs_once_is_doubted_and_twice_it_halts():
    ledger, doubt = a_ledger(), Doubt()
    with pytest.raises(Stale, match="not what its fills come to"):
        doubt.judge(ledger, [MISSING])
    assert ledger.risk.trading is not TradingState.HALTED
    doubt.judge(ledger, [MISSING])
    assert ledger.risk.trading is TradingState.HALTED


def test_a_difference_that_moves_is_still_being_read_but_not_for_ever():
    ledger, doubt = a_ledger(), Doubt()
    for seen in (MISSING, OTHER):
        with pytest.raises(Stale):
            doubt.judge(ledger, [seen])
        assert ledger.risk.trading is not TradingState.HALTED
    doubt.judge(ledger, [MISSING])
    assert (ledger.risk.trading, ledger.risk.by) == (TradingState.HALTED, RECONCILER)
    doubt.judge(ledger, [OTHER])


def test_fills_that_cannot_be_read_are_waited_for_as_long():
    ledger, doubt = a_ledger(), Doubt()
    with pytest.raises(Stale):
        doubt.judge(ledger, [MISSING])
    with pytest.raises(Unavailable):
        doubt.unread(ledger, Unavailable("injective", "pruned"))
    doubt.unread(ledger, Unavailable("injective", "pruned"))
    assert (ledger.risk.trading, ledger.risk.reason) == (TradingState.HALTED, "injective: pruned")


def test_what_is_explained_again_is_forgotten():
    ledger, doubt = a_ledger(), Doubt()
    with pytest.raises(Stale):
        doubt.judge(ledger, [MISSING])
    for _ in range(3):
        doubt.judge(ledger, [])
        with pytest.raises(Stale):
            doubt.judge(ledger, [MISSING])


def test_an_account_that_is_halted_already_is_not_halted_again():
    ledger, doubt = a_ledger(), Doubt()
    with pytest.raises(Stale):
        doubt.judge(ledger, [MISSING])
    doubt.judge(ledger, [MISSING])
    before = ledger.read
    doubt.judge(ledger, [MISSING])
    assert ledger.read == before
