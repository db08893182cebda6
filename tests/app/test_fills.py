import pytest

from defi_analytics.app.fills import executed
from defi_analytics.domain.edge import Side
from defi_analytics.errors import Mismatch
from tests.engine.memory_journal import MemoryJournal
from tests.engine.start_states import PERP, SPOT, Account
from tests.fakes import NOON


def test_a_fill_knows_its_order_and_one_of_a_stranger_only_itself() -> None:
    account = Account()
    order_id = account.place(SPOT, Side.BUY, 2_000)
    account.trade(SPOT, order_id, Side.BUY, SPOT.quantity(1_000))
    account.trade(PERP, "web", Side.SELL, SPOT.quantity(500))
    account.count()
    own, other = executed(account.journal)
    assert (own.strategy, own.tx_hash, own.market) == ("convergence", "T1", SPOT)
    assert (other.strategy, other.tx_hash, other.market) == ("", "", None)


def test_a_record_that_is_not_whole_is_a_mismatch() -> None:
    journal = MemoryJournal()
    journal.append("fills", NOON, {})
    with pytest.raises(Mismatch):
        list(executed(journal))
