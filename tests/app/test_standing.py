from defi_analytics.app.accounts import Account
from defi_analytics.app.standing import Standing, maintenance
from defi_analytics.domain.market import MarketKind
from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState
from tests.builders import a_market
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock


def stood(ledger, unreadable="", told=""):
    return Standing(Account("sandbox"), ledger, unreadable, told, RiskLimits(), None)


def test_what_cannot_be_read_is_halted():
    found = stood(None, "it is damaged")
    assert (found.trading, found.code) == (TradingState.HALTED, Denial.RISK_STATE_UNKNOWN)
    assert repr(found.risk) == repr(RiskState())


def test_a_file_halts_and_the_journals_own_code_comes_first():
    ledger = Ledger(MemoryJournal(), FakeClock())
    assert (stood(ledger).trading, stood(ledger).code) == (TradingState.ACTIVE, Denial.NONE)
    found = stood(ledger, told="the file is there")
    assert (found.trading, found.code) == (TradingState.HALTED, Denial.HALTED)
    ledger.write("risk.halt", {"code": "DRAWDOWN_HARD", "reason": "", "by": "risk"})
    assert stood(ledger, told="the file is there").code is Denial.DRAWDOWN_HARD


def test_only_a_perpetual_has_a_margin_to_keep():
    perpetual = a_market(kind=MarketKind.PERPETUAL, market_id="perp")
    assert maintenance([a_market(), perpetual]) == {perpetual.key: 0.05}
