from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import Mismatch, WrongState
from defi_analytics.risk.codes import TradingState
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, World, an_agent
from tests.fakes import FakeClock


async def test_trades_gas_and_exits_count_for_risk_however_often_the_journal_is_read() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    world.show(25.0, away=25.3)
    await agent.cycle()
    world.show(25.3)
    await agent.cycle()
    for ledger in (agent.ledger, Ledger.opened(journal, FakeClock())):
        assert ledger.risk.trades_today == 1
        assert ledger.risk.gas_today == pytest.approx(2 * 0.000048)
        [(market, left)] = ledger.risk.exits.items()
        assert market == "|".join(HOME.key)
        assert timedelta(0) <= world.clock.now() - left < timedelta(seconds=5)
        assert ledger.books.gas_paid == 2 * Decimal("0.000048")


def test_what_could_not_be_written_does_not_count() -> None:
    ledger = Ledger(MemoryJournal(full=True), FakeClock())
    with pytest.raises(WrongState):
        ledger.write("risk.halt", {"code": "HALTED", "reason": "told to", "by": "a person"})
    assert ledger.risk.trading is TradingState.ACTIVE


def test_what_another_process_appends_is_followed_in_the_journals_order() -> None:
    journal = MemoryJournal()
    mine, theirs = Ledger.opened(journal, FakeClock()), Ledger.opened(journal, FakeClock())
    theirs.write("risk.halt", {"code": "HALTED", "reason": "told to", "by": "a person"})
    assert mine.risk.trading is TradingState.ACTIVE
    mine.catch_up()
    assert mine.risk.trading is TradingState.HALTED
    theirs.write("risk.resume", {"ack": "HALTED", "by": "a person", "rebase": 0})
    mine.write("risk.equity", {"equity": 1000.0})
    theirs.catch_up()
    assert mine.risk == theirs.risk
    assert mine.risk.trading is TradingState.ACTIVE
    assert mine.read == theirs.read == len(journal.rows) == 3


def test_a_journal_that_cannot_be_this_accounts_story_is_not_opened() -> None:
    journal = MemoryJournal()
    journal.append("sent", FakeClock().now(), {"tx_hash": "T1", "submission": {"outcome": "accepted"}})
    with pytest.raises(Mismatch):
        Ledger.opened(journal, FakeClock())
