import math
import zlib
from base64 import b64encode
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from defi_analytics.domain.edge import EdgeKind
from defi_analytics.engine.decisions import DECIDED, STARTED, decided_again, terms_of, terms_told
from defi_analytics.engine.packing import Unpacker
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.records import Kind
from defi_analytics.errors import Mismatch, UsageError, WrongState
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import halt
from defi_analytics.strategies.registry import STRATEGIES
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import CALM, HOME, PERP, World, an_agent
from tests.fakes import NOON


async def test_a_journal_makes_every_decision_again() -> None:
    world, journal = World(PERP, kinds=[EdgeKind.CROSS_VENUE, EdgeKind.ORACLE]), MemoryJournal()
    agent = an_agent(world, journal, names=("convergence", "oracle"), on_exit=OnExit.FLATTEN)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    for price, away in ((25.0, 25.3), (25.2, 25.3), (25.3, 25.3), (25.6, 25.2), (25.1, 25.3)):
        world.show(price, away)
        world.clock.advance(10)
        await agent.cycle()
    await agent.finish()
    assert journal.kinds.count(Kind.FILLS) > 4
    replayed = list(decided_again(journal, world.clock, STRATEGIES))
    assert len(replayed) == 6
    assert [one.written for one in replayed] == [one.again for one in replayed]
    assert sum(bool(one.written["answers"]) for one in replayed) > 3


async def test_a_decision_that_comes_out_differently_is_seen() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    other = agent.terms.limits._replace(max_trade_size=10.0)
    agent.ledger.write(STARTED, {"terms": terms_told(an_agent(world, limits=other).terms)})
    world.show(25.0, away=25.3)
    await agent.cycle()
    [replayed] = decided_again(journal, world.clock, STRATEGIES)
    assert not replayed.same


async def test_a_halt_of_another_process_just_before_a_decision_is_not_taken_for_known_to_it() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    world.show(25.0, away=25.3)
    append = journal.append

    def halting(kind: str, *rest: Any) -> None:
        if kind == DECIDED:
            append("risk.halt", world.clock.now(), halt(Denial.HALTED, "told to", "a person").body)
        append(kind, *rest)

    journal.append = halting  # type: ignore[method-assign]  # the moment between deciding and writing down
    decision = await agent.cycle()
    assert decision.approved
    assert agent.ledger.risk.trading is TradingState.HALTED
    assert Kind.SIGNED not in journal.kinds
    [replayed] = decided_again(journal, world.clock, STRATEGIES)
    assert replayed.same


def test_terms_come_back_as_they_were_told() -> None:
    terms = an_agent(World(), names=("convergence", "prediction")).terms
    tight = terms.limits._replace(max_trade_size=7.5)
    terms = type(terms)(
        terms.strategies, terms.limits, {HOME.key: tight}, "USDC", 0.1, {"INJ": HOME.price_tick}, False
    )
    told = terms_told(terms)
    assert terms_of(told, STRATEGIES) == terms
    del told["pays_gas"]
    assert terms_of(told, STRATEGIES).pays_gas, "what runs thought before they wrote it down"


@pytest.mark.parametrize(
    "harm",
    [
        {"strategies": [["unheard-of", {}]]},
        {"strategies": [["oracle", {"unheard_of": 1.0}]]},
        {"limits": {}},
        {"reserved": {"INJ": "many"}},
    ],
)
def test_terms_of_another_version_are_not_guessed(harm: dict[str, Any]) -> None:
    with pytest.raises(Mismatch, match="terms of a run"):
        terms_of({**terms_told(an_agent(World()).terms), **harm}, STRATEGIES)


async def test_a_journal_of_before_is_decided_again_too() -> None:
    """Then each record was whole, JSON in base64, and every order told its market once more."""
    world, journal, before = World(), MemoryJournal(), MemoryJournal()
    agent = an_agent(world, journal)
    agent.ledger.write(STARTED, {"terms": terms_told(agent.terms)})
    for away in (25.0, 25.3, 25.0):
        world.show(25.0, away)
        await agent.cycle()
    unpacker = Unpacker()
    for at, kind, body in journal.replay():
        before.append(kind, at, as_before(unpacker.unpacked(body), body) if kind == DECIDED else body)
    again = list(decided_again(before, world.clock, STRATEGIES))
    assert [one.same for one in again] == [True, True, True]
    assert any(one.written["answers"] for one in again)


def as_before(whole: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    plain = msgspec.json.decode(msgspec.json.encode(whole))
    markets = {(m["venue"], m["market_id"]): m for m in plain["snapshot"]["markets"]}
    for answer in plain["said"]["answers"]:
        for order in answer["orders"]:
            order["request"]["market"] = markets[tuple(order["request"]["market"])]
    for row in plain["said"]["considered"]:
        row["client_order_id"] = ""
    packed = b64encode(zlib.compress(msgspec.json.encode(plain))).decode()
    return {"id": body["id"], "approved": [], "refused": [], "after": body["after"], "packed": packed}


async def test_a_round_that_sends_nothing_is_kept_by_no_more_than_it_takes_to_decide_it_again() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    for away in (25.0, 25.3):
        world.show(25.0, away)
        await agent.cycle()
    unpacker = Unpacker()
    idle, sent = (unpacker.unpacked(body)["snapshot"] for _, _, body in journal.replay(DECIDED))
    assert (idle["tops"], len(sent["tops"])) == ([], 2)


async def test_after_a_record_that_could_not_be_written_the_next_stands_for_itself() -> None:
    world, journal = World(), MemoryJournal()
    agent = an_agent(world, journal)
    append = journal.append

    def full(kind: str, *rest: Any) -> None:
        if kind == DECIDED:
            raise WrongState("disk full")
        append(kind, *rest)

    await agent.cycle()
    journal.append = full  # type: ignore[method-assign]  # the disk is full for one record
    with pytest.raises(WrongState):
        await agent.cycle()
    journal.append = append  # type: ignore[method-assign]  # and has room again
    await agent.cycle()
    assert ["on" in body for _, _, body in journal.replay(DECIDED)] == [False, False]


async def test_a_largest_loss_that_nobody_asked_for_is_none_again_and_one_that_was_is_kept() -> None:
    terms = an_agent(World()).terms
    for amount in (math.inf, 20.0):
        own = replace(terms, limits=terms.limits._replace(max_loss=amount), market_limits={HOME.key: CALM})
        journal = MemoryJournal()
        journal.append(STARTED, NOON, {"terms": terms_told(own)})
        [(_, _, body)] = journal.replay()
        assert terms_of(body["terms"], STRATEGIES) == own


def test_terms_of_before_there_was_a_largest_loss_are_read() -> None:
    terms = an_agent(World()).terms
    told = terms_told(terms)
    assert terms_of({**told, "limits": told["limits"][:-1]}, STRATEGIES) == terms
    # A slip that was once written down: nothing may be sent by it, but what was decided can be read.
    first = terms_of({**told, "limits": [None, *told["limits"][1:]]}, STRATEGIES)
    assert first.limits == terms.limits._replace(max_position_size=math.inf)


def test_limits_that_are_no_numbers_are_never_written() -> None:
    terms = an_agent(World()).terms
    wrong = terms.limits._replace(max_trade_size=math.nan)
    for broken in (replace(terms, limits=wrong), replace(terms, market_limits={HOME.key: wrong})):
        with pytest.raises(UsageError, match="max_trade_size is no number"):
            terms_told(broken)
