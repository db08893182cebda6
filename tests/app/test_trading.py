import math
import re
from dataclasses import replace
from decimal import Decimal

import pytest

from defi_analytics.app import inspecting
from defi_analytics.app.accounts import Account, known_accounts, stop_file, told_to_stop
from defi_analytics.app.trading import (
    RunRequest,
    limits_of,
    opened_agent,
    paper_trader,
    strategies_of,
    traded_markets,
)
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.policy import Policy
from defi_analytics.errors import AuthError, UnknownMarket, UsageError, WrongState
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import observed
from tests.integration.trading import staged

ONCE = Policy(1.0, cycles=1)


@pytest.fixture
async def stage(tmp_path):
    async with staged(tmp_path) as stage:
        yield stage


def test_a_file_that_a_person_left_stops_trading(tmp_path):
    assert told_to_stop(tmp_path) == ""
    stop_file(tmp_path).touch()
    assert told_to_stop(tmp_path) == f"the file {stop_file(tmp_path)} is there"


def test_a_stop_file_that_leads_nowhere_stops_too(tmp_path):
    stop_file(tmp_path).symlink_to(tmp_path / "nowhere")
    assert told_to_stop(tmp_path)


def test_a_home_that_cannot_be_looked_at_stops_too(tmp_path):
    (tmp_path / "file").touch()
    assert "cannot be looked at" in told_to_stop(tmp_path / "file")


async def test_strategies_are_those_asked_for_each_once(stage):
    names = [s.name for s in strategies_of(stage.app, RunRequest(("oracle", "convergence", "oracle")))]
    assert names == ["oracle", "convergence"]
    assert strategies_of(stage.app, RunRequest())
    with pytest.raises(UsageError, match="no strategy 'nope'"):
        strategies_of(stage.app, RunRequest(("nope",)))


async def test_what_is_asked_for_only_tightens_the_limits(stage):
    general = limits_of(stage.app, RunRequest()).max_trade_size
    assert limits_of(stage.app, RunRequest(max_notional=general / 2)).max_trade_size == general / 2
    assert limits_of(stage.app, RunRequest(max_notional=general * 2)).max_trade_size == general


async def test_only_verified_markets_that_are_open_are_traded(stage):
    every = await traded_markets(stage.app, RunRequest())
    assert every
    assert all(market.verified and market.status.value == "active" for market in every)
    [one] = await traded_markets(stage.app, RunRequest(markets=("INJ/USDT",)))
    assert one.ticker == "INJ/USDT"
    with pytest.raises(UnknownMarket):
        await traded_markets(stage.app, RunRequest(markets=("FOO/BAR",)))


async def test_a_market_that_was_named_is_waited_for_while_it_is_paused_but_not_once_it_is_closed(stage):
    [market] = await traded_markets(stage.app, RunRequest(markets=("INJ/USDT",)))
    told, standstill = [], stage.sandbox.chain.ledger.standstill
    stage.app.warn = told.append
    standstill.put(market.market_id, "Paused", 0)
    request = RunRequest(markets=("INJ/USDT", "ATOM/USDT"))
    async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
        assert told == ["INJ/USDT is paused: nothing can be traded there until it is active"]
        await agent.cycle()
        assert [m.status.value for m in agent.seen.markets] == ["paused", "active"]
        standstill.put(market.market_id, "Active", 0)
        await agent.cycle()
        assert [m.status.value for m in agent.seen.markets] == ["active", "active"]
    standstill.put(market.market_id, "Demolished", 0)
    assert [m.ticker for m in await traded_markets(stage.app, request)] == ["ATOM/USDT"]
    assert await traded_markets(stage.app, replace(request, known=(market,))) != []
    with pytest.raises(UsageError, match="can be traded"):
        async with opened_agent(stage.app, paper_trader(stage.app), RunRequest(markets=("INJ/USDT",)), ONCE):
            pass


async def test_an_account_is_one_agents_at_a_time_but_a_plan_needs_no_lock(stage):
    trader = paper_trader(stage.app)
    request = RunRequest(markets=("INJ/USDT",))
    async with opened_agent(stage.app, trader, request, ONCE):
        with pytest.raises(WrongState):
            async with opened_agent(stage.app, trader, request, ONCE):
                pass
        async with opened_agent(stage.app, trader, request, ONCE, dry=True) as planning:
            await planning.plan()


async def test_what_the_account_had_before_stays_reserved_over_a_restart(stage):
    own = stage.app.settings
    stage.app.settings = replace(
        own, run=replace(own.run, paper_balances={"USDT": Decimal(1000), "INJ": Decimal(3)})
    )
    for _ in range(2):
        async with opened_agent(
            stage.app, paper_trader(stage.app), RunRequest(markets=("INJ/USDT",)), ONCE
        ) as agent:
            assert agent.terms.reserved == {"INJ": Decimal(3)}
            assert (agent.terms.pays_gas, agent.execution.pays_gas) == (False, False), "its books alone do"


async def test_a_reference_that_fails_is_left_alone_for_a_while_and_the_others_are_asked(stage):
    request = RunRequest(strategies=("convergence",), markets=("INJ/USDT",))
    names = stage.app.default_against()
    async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
        assert (await agent.look(agent.backoff)).scope.against == names
        agent.backoff.failed(names[0], stage.app.clock.monotonic())
        assert (await agent.look(agent.backoff)).scope.against == names[1:]
        assert agent.backoff.resting(stage.app.clock.monotonic()) == {names[0]}


async def test_nothing_to_trade_is_said_before_anything_runs(stage):
    listed = (await stage.app.injective().listing()).markets.values()
    doubtful = next(market for market in listed if not market.verified)
    with pytest.raises(UsageError, match="can be traded"):
        async with opened_agent(
            stage.app, paper_trader(stage.app), RunRequest(markets=(doubtful.market_id,)), ONCE
        ):
            pass


async def test_a_largest_loss_is_an_amount_of_the_day_and_no_part_of_a_peak(stage):
    request = RunRequest(markets=("INJ/USDT",), max_loss=10.0)
    async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
        assert math.isnan(agent.ledger.risk.equity), "not known yet, and need not be"
        await agent.run()
        start = agent.ledger.risk.day_start_equity
        agent.ledger.write("risk.equity", {"equity": start + 40.0})
        assert not halts(agent, start + 25.0)
    async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
        assert not halts(agent, start - 9.9)
        assert halts(agent, start - 10.0) == "MAX_LOSS"


def halts(agent, equity):
    records = observed(agent.ledger.risk, agent.clock.now(), equity, agent.terms.limits)
    return "".join(record.body["code"] for record in records[1:])


async def test_a_run_that_lost_the_most_it_may_halts_and_enters_nothing_more(stage):
    request = RunRequest(("convergence",), ("INJ/USDT",), max_loss=10.0)
    async with opened_agent(stage.app, paper_trader(stage.app), request, Policy(0.05, cycles=2)) as agent:
        await agent.value()
        # A deposit that is declared and was never made: so much is gone.
        agent.ledger.write("risk.flow", {"amount": 25.0})
        await agent.run()
    assert (agent.ledger.risk.code, agent.ledger.risk.by) == (Denial.MAX_LOSS, "risk")
    assert agent.ledger.risk.reason.endswith("lost since 00:00 UTC reached the limit 10 (account currency)")
    assert not agent.ledger.books.orders


@pytest.mark.parametrize("amount", [0.0, math.nan, math.inf, -1.0])
@pytest.mark.parametrize("name", ["max_loss", "max_notional"])
async def test_a_limit_of_nothing_or_of_no_number_is_a_slip(stage, name, amount):
    said = f"--{name.replace('_', '-')} {amount:g}: it must be more than 0"
    with pytest.raises(UsageError, match=re.escape(said)):
        async with opened_agent(stage.app, paper_trader(stage.app), RunRequest(**{name: amount}), ONCE):
            pass
    assert not list(known_accounts(stage.app.settings.home))


async def test_a_limit_that_loosens_nothing_is_told(stage):
    warned = []
    stage.app.warn = warned.append
    for most in (100_000.0, 100.0):
        request = RunRequest(markets=("INJ/USDT",), max_notional=most)
        async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE) as agent:
            assert agent.terms.limits.max_trade_size <= 500
    assert warned == ["--max-notional 100000 loosens nothing: 500 of the settings stays"]


def test_paper_is_an_account_of_its_own_on_each_network(tmp_path):
    assert not Account("sandbox").live
    assert Account("sandbox").journal(tmp_path) != Account("mainnet").journal(tmp_path)
    assert Account("sandbox", "inj1x").live


async def test_a_new_sandbox_is_a_new_story_and_the_old_one_is_kept(tmp_path):
    heights = []
    for blocks in (40, 2, 1):
        told = []
        async with staged(tmp_path, hold=True) as stage:
            stage.app.warn = told.append
            stage.sandbox.advance(blocks)
            async with opened_agent(stage.app, paper_trader(stage.app), RunRequest(), ONCE) as agent:
                heights.append(agent.ledger.books.scanned_height)
                height = (await agent.execution.chain.block()).height
                agent.ledger.write("fills", {"first_height": 1, "last_height": height, "fills": []})
    assert heights == [0, 0, 0]
    assert told == [
        "this sandbox is a new chain: the journal of the one before is kept as sandbox-paper.ended-2.sqlite"
    ]
    kept = sorted(path.name for path in (tmp_path / "accounts").glob("*.sqlite"))
    assert kept == ["sandbox-paper.ended-1.sqlite", "sandbox-paper.ended-2.sqlite", "sandbox-paper.sqlite"]


async def test_a_run_goes_on_asking_whether_venue_and_journal_agree(stage, monkeypatch):
    monkeypatch.setattr(inspecting, "COMPARED_ROUNDS", 2)
    request = RunRequest(markets=("INJ/USDT",))
    async with opened_agent(stage.app, paper_trader(stage.app), request, Policy(1.0, cycles=3)) as agent:
        agent.execution.chain.start["USDT"] -= 1
        await agent.run()
        assert agent.ledger.risk.trading is TradingState.HALTED
        assert inspecting.verdict(agent, Account("sandbox")).exit_code == 22


async def test_who_only_closes_is_not_inspected(stage):
    request = RunRequest(markets=("INJ/USDT",))
    async with opened_agent(stage.app, paper_trader(stage.app), request, ONCE, closing=True) as agent:
        assert agent.inspect is Agent.__dataclass_fields__["inspect"].default


async def test_several_accounts_on_paper_run_at_once_each_with_its_own_money(stage):
    traders = [paper_trader(stage.app), paper_trader(stage.app, "paper-weth")]
    requests = [RunRequest(markets=(name,)) for name in ("INJ/USDT", "WETH/USDT")]
    async with (
        opened_agent(stage.app, traders[0], requests[0], ONCE) as one,
        opened_agent(stage.app, traders[1], requests[1], ONCE) as other,
    ):
        await one.run()
        await other.run()
        assert one.ledger.risk.equity == pytest.approx(1000, abs=1)
        assert other.ledger.risk.equity == pytest.approx(1000, abs=1)
    assert {a.address for a in known_accounts(stage.app.settings.home)} == {"paper", "paper-weth"}


async def test_paper_is_not_named_like_an_account_of_the_chain(stage):
    for name in ("inj1" + "q" * 38, "inj", "paper-", "paper-A"):
        with pytest.raises(UsageError):
            paper_trader(stage.app, name)


@pytest.mark.parametrize(
    ("request_", "refusal"),
    [
        (RunRequest(markets=("INJ/USDTT",)), UnknownMarket),
        (RunRequest(strategies=("foo",)), UsageError),
    ],
)
async def test_what_cannot_be_meant_touches_no_journal(stage, tmp_path, request_, refusal):
    with pytest.raises(refusal):
        async with opened_agent(stage.app, paper_trader(stage.app), request_, ONCE):
            pass
    assert not (tmp_path / "accounts").exists()


async def test_a_key_that_may_not_trade_touches_no_journal(stage, tmp_path):
    async def refused(markets):
        raise AuthError("it may not")

    trader = replace(paper_trader(stage.app), may_trade=refused)
    with pytest.raises(AuthError):
        async with opened_agent(stage.app, trader, RunRequest(), ONCE):
            pass
    assert not (tmp_path / "accounts").exists()
