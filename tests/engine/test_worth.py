"""A part of the account that nothing prices: nothing is entered, and once it lasts a person is called."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from defi_analytics.domain.market import MarketKind
from defi_analytics.domain.portfolio import Balance, Portfolio
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.worth import PATIENCE, Worth
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Account, Marks
from defi_analytics.risk.halting import resume
from defi_analytics.risk.limits import RiskLimits
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME
from tests.fakes import FakeClock

PERP = replace(HOME, market_id="perp", kind=MarketKind.PERPETUAL, base="SOL", base_denom="")
CASH = frozenset({"USDT"})
PRICED, SILENT = Marks({"USDT": 1.0, "WETH": 2_500.0}, CASH), Marks({"USDT": 1.0}, CASH)


class Watched:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.ledger = Ledger.opened(MemoryJournal(), self.clock)

    def starts_again(self) -> None:
        self.ledger = Ledger.opened(self.ledger.journal, self.clock)

    def sees(self, marks: Marks, later: timedelta = timedelta(0)) -> TradingState:
        self.clock.advance(later.total_seconds())
        own = {
            "weth": Balance("weth", "WETH", Decimal(2), Decimal(2)),
            "usdt": Balance("usdt", "USDT", Decimal(5), Decimal(5)),
        }
        account = Account(Portfolio("inj1", self.clock.now(), 1, own), {}, marks)
        Worth().observe(self.ledger, account, RiskLimits(), self.clock.now(), 0.0)
        return self.ledger.risk.trading


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_price_that_is_missing_for_a_moment_halts_nobody(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    assert watched.sees(PRICED) is TradingState.ACTIVE
    assert watched.sees(SILENT) is TradingState.ACTIVE
    assert watched.sees(SILENT, PATIENCE / 2) is TradingState.ACTIVE
    assert watched.ledger.risk.equity == 5_005.0
    assert [record.message for record in caplog.records] == [
        "what the account is worth is not known: no price of WETH; nothing is entered meanwhile"
    ]


def test_a_price_that_stays_away_halts_and_is_named(watched: Watched) -> None:
    watched.sees(SILENT)
    assert watched.sees(SILENT, PATIENCE) is TradingState.HALTED
    risk = watched.ledger.risk
    assert (risk.code, risk.by) == (Denial.RISK_STATE_UNKNOWN, "risk")
    assert risk.reason.startswith("what the account is worth is not known: no price of WETH, since ")
    assert watched.sees(SILENT, PATIENCE) is TradingState.HALTED, "and a person has to lift it"


def test_whoever_is_started_again_and_again_meanwhile_has_waited_as_long(watched: Watched) -> None:
    watched.sees(PRICED)
    for _ in range(10):
        assert watched.sees(SILENT, PATIENCE / 10) is TradingState.ACTIVE
        watched.starts_again()
    assert watched.sees(SILENT, PATIENCE / 10) is TradingState.HALTED
    kinds = [kind for _, kind, _ in watched.ledger.journal.replay()]
    assert kinds == ["risk.equity", "risk.unvalued", "risk.halt"], "and it was written down once"


def test_a_person_who_resumes_is_not_called_again_at_once(watched: Watched) -> None:
    watched.sees(SILENT)
    watched.sees(SILENT, PATIENCE)
    record = resume(Denial.RISK_STATE_UNKNOWN, "ada")
    watched.ledger.write(record.kind, record.body)
    assert watched.sees(SILENT) is TradingState.ACTIVE
    assert watched.sees(SILENT, PATIENCE) is TradingState.HALTED


def test_a_price_that_comes_back_begins_the_patience_anew(watched: Watched) -> None:
    watched.sees(SILENT)
    watched.sees(PRICED, PATIENCE * 2)
    assert watched.sees(SILENT) is TradingState.ACTIVE
