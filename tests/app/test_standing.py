from typing import Any

import pytest

from defi_analytics.app import standing as module
from defi_analytics.app.accounts import Account
from defi_analytics.app.standing import Standing, maintenance, standing
from defi_analytics.domain.market import MarketKind
from defi_analytics.engine.ledger import Ledger
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.exposure import Marks
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState
from tests.builders import a_market
from tests.engine.memory_journal import MemoryJournal
from tests.fakes import FakeClock
from tests.integration.trading import staged


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


async def test_a_price_that_is_missing_now_is_told_and_halts_no_more_than_it_does_an_agent(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "marks_of", lambda *asked: Marks({}, frozenset({"USDT"})))
    async with staged(tmp_path, hold=True) as stage:
        warned: list[str] = []
        stage.app.warn = warned.append
        found = await standing(stage.app, Account("sandbox"))
    assert found.looked is not None
    assert found.looked.known.risk.trading is TradingState.ACTIVE
    assert warned == ["what the account is worth is not known, and nothing is entered: no price of USDT"]
