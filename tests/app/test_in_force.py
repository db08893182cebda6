from dataclasses import replace
from typing import Any

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.in_force import in_force
from defi_analytics.app.limits import risk_limits
from defi_analytics.config.settings import Settings
from defi_analytics.engine.decisions import STARTED, terms_told
from defi_analytics.engine.terms import Terms
from defi_analytics.errors import Mismatch
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.strategies.registry import STRATEGIES
from tests.builders import a_market
from tests.fakes import NOON

PAPER = Account("sandbox")
TOLD = STRATEGIES["convergence"]


def started(home: Any, **limits: float) -> None:
    terms = Terms(((TOLD, TOLD.params),), risk_limits(Settings(home=home))._replace(**limits))
    own = {a_market().key: terms.limits._replace(stop_loss=0.01)}
    with SqliteJournal(PAPER.journal(home)) as journal:
        journal.append(
            STARTED, NOON, {"terms": terms_told(replace(terms, market_limits=own)), "mode": "paper"}
        )


def test_where_nobody_trades_the_settings_decide(tmp_path: Any) -> None:
    settings = Settings(home=tmp_path)
    assert in_force(settings, PAPER) == (risk_limits(settings), None, None, (), None)
    started(tmp_path, max_trade_size=7.0)
    assert in_force(settings, PAPER).general.max_trade_size == 500.0


def test_an_agent_goes_by_what_it_was_told_at_its_last_start(tmp_path: Any) -> None:
    settings = Settings(home=tmp_path)
    with PAPER.lock(tmp_path):
        assert in_force(settings, PAPER).pid is None
        started(tmp_path, max_trade_size=7.0)
        started(tmp_path, max_trade_size=9.0)
        found = in_force(settings, PAPER)
    assert (found.general.max_trade_size, found.pid is not None) == (9.0, True)
    assert found.markets is not None
    assert found.markets[a_market().key].stop_loss == 0.01


def test_terms_that_cannot_be_read_are_not_replaced_by_looser_ones(tmp_path: Any) -> None:
    with PAPER.lock(tmp_path), SqliteJournal(PAPER.journal(tmp_path)) as journal:
        journal.append(STARTED, NOON, {"mode": "paper"})
        with pytest.raises(Mismatch, match="terms"):
            in_force(Settings(home=tmp_path), PAPER)
