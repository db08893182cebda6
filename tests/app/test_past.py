from typing import Any

import pytest

from defi_analytics.app.past import events
from defi_analytics.risk.codes import Denial
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import CALM, World, an_agent
from tests.fakes import NOON


async def refused() -> MemoryJournal:
    """The journal of a round in which an entry was too small to be allowed."""
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal, limits=CALM._replace(min_trade_size=400.0))
    world.show(25.0, away=25.3)
    await agent.cycle()
    return journal


async def test_a_refusal_is_told_with_its_limit_and_value() -> None:
    [event] = events(await refused())
    assert (event.kind, event.code, event.limit) == ("denial", Denial.TRADE_SIZE_MIN.name, 400.0)
    assert event.value is not None
    assert 0 < event.value < 400
    assert (event.about, event.unit, event.by) == ("INJ/USDT buy", "account currency", "convergence")


async def test_amounts_are_told_with_what_they_are() -> None:
    journal = MemoryJournal()
    journal.append("risk.flow", NOON, {"amount": 5.0, "reason": "it is on other markets"})
    journal.append("risk.capital", NOON, {"equity": 9.0, "amount": 7.0})
    journal.append("risk.capital", NOON, {"equity": 9.0})
    journal.append("risk.carried", NOON, {"equity": 9.0})
    found = [(event.kind, event.value, event.reason) for event in events(journal)]
    whole = "what is risked; without an amount, the whole account"
    assert found == [
        ("flow", 5.0, "it is on other markets"),
        ("capital", 7.0, whole),
        ("capital", None, whole),
        ("carried", None, "the losses of the journal before"),
    ]
    assert {event.unit for event in events(journal)} == {"account currency"}


def test_a_price_that_is_missing_is_told() -> None:
    journal = MemoryJournal()
    journal.append("risk.unvalued", NOON, {"missing": "WETH"})
    [event] = events(journal)
    assert (event.kind, event.reason) == ("unvalued", "no price of WETH: nothing is entered")


@pytest.mark.parametrize("packed", [None, "AAAA", "eJwrKgIAAVQA5g==", b"", b"AAAA"])
async def test_a_refusal_whose_decision_is_not_whole_is_told_without_figures(packed: Any) -> None:
    whole = MemoryJournal()
    for at, kind, body in (await refused()).replay():
        whole.append(kind, at, body | ({"packed": packed} if kind == "decision" else {}))
    [event] = events(whole)
    assert (event.code, event.limit) == (Denial.TRADE_SIZE_MIN.name, None)
