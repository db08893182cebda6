import asyncio
import logging
import os
import signal
from types import SimpleNamespace

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.app.signing import Asked
from defi_analytics.app.trading import Trader
from defi_analytics.cli.common import Output
from defi_analytics.cli.run_rows import run_row
from defi_analytics.cli.run_view import How, _greeting, _leaving, _Lines, _tell_closed
from defi_analytics.engine.agent import Cycle
from defi_analytics.engine.differences import plain
from defi_analytics.engine.policy import OnExit
from defi_analytics.errors import UsageError
from tests.cli.test_common import common
from tests.engine.trading import PERP, World, an_agent, quantity

OWNER = "inj1" + "q" * 38


def how(**more):
    own = {
        "live": False,
        "account": "paper",
        "confirmed": "",
        "cycles": None,
        "duration_s": None,
        "interval_s": None,
        "plan": False,
        "on_exit": "cancel",
        "status_file": None,
        "metrics_file": None,
        "asked": Asked(),
    }
    return How(**{**own, **more})


def test_a_run_is_endless_unless_rounds_or_time_end_it():
    assert how().endless
    assert not how(cycles=1).endless
    assert not how(duration_s=1.0).endless


def test_the_settings_interval_holds_unless_another_is_given():
    assert how().policy(5.0).interval_s == 5.0
    assert how(interval_s=0.5, on_exit="flatten").policy(5.0) == how(
        interval_s=0.5, on_exit="flatten"
    ).policy(9.0)
    assert how(on_exit="flatten").policy(5.0).on_exit is OnExit.FLATTEN


def test_an_exit_nobody_knows_is_refused():
    with pytest.raises(UsageError, match="panic"):
        how(on_exit="panic").policy(5.0)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_the_first_signal_asks_to_leave_and_the_handlers_before_come_back(sent):
    agent = an_agent(World())
    before = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    with _leaving(agent):
        os.kill(os.getpid(), sent)
        await asyncio.wait_for(agent.leave.wait(), 5)
    assert {kind: signal.getsignal(kind) for kind in before} == before


async def test_a_second_signal_goes_to_whom_it_went_before():
    agent, heard = an_agent(World()), []
    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        with _leaving(agent):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
                await asyncio.wait_for(agent.leave.wait(), 5)
                await asyncio.sleep(0.05)
        assert heard == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)


def test_a_status_file_that_cannot_be_is_said_before_anything_trades(defi, home):
    (home / "file").write_text("")
    ran = defi("run", "--once", "--status-file", str(home / "file" / "status.json"))
    assert (ran.code, ran.out) == (9, "")
    assert "status.json cannot be written" in ran.err


async def test_a_terminal_that_hangs_up_twice_asks_to_leave_once():
    agent, heard = an_agent(World()), []
    before = signal.signal(signal.SIGHUP, lambda number, frame: heard.append(number))
    try:
        with _leaving(agent):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGHUP)
                await asyncio.wait_for(agent.leave.wait(), 5)
                await asyncio.sleep(0.05)
        assert heard == []
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_a_run_that_is_to_outlive_its_terminal_does():
    agent = an_agent(World())
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with _leaving(agent):
            os.kill(os.getpid(), signal.SIGHUP)
            await asyncio.sleep(0.05)
        assert not agent.leave.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


async def test_an_outage_is_dated_from_its_first_round_and_forgotten_when_it_ends(caplog):
    caplog.set_level(logging.INFO, "defi.run")
    agent = an_agent(World())
    lines = _Lines(SimpleNamespace(common=common()), agent)
    rows = []
    for number, silent in enumerate((True, True, False, True), 1):
        rows.append(lines._row(Cycle(number, None, 0.1, "injective: refused", unreachable=silent)))
        agent.clock.advance(60)
    noon, later = rows[0].at, rows[3].at
    assert [row.unreachable_since for row in rows] == [noon, noon, None, later]
    assert caplog.records == []


async def test_a_round_that_orders_is_in_the_log_and_a_quiet_one_is_not(caplog):
    caplog.set_level(logging.INFO, "defi.run")
    world = World()
    agent = an_agent(world)
    lines = _Lines(SimpleNamespace(common=common(quiet=True)), agent)
    lines._row(Cycle(1, await agent.cycle(), 0.1))
    assert caplog.records == []
    world.show(25.0, 25.3)
    lines._row(Cycle(2, await agent.cycle(), 0.1))
    assert "round 2, decision" in caplog.text
    assert "convergence: buy" in caplog.text


@pytest.mark.parametrize(
    ("account", "signer", "said"),
    [
        (Account("sandbox"), "", "of sandbox, on paper; Ctrl-C"),
        (Account("sandbox", OWNER), OWNER, f"of sandbox, with real orders of {OWNER}; Ctrl-C"),
        (Account("testnet", f"{OWNER}.2"), "inj1hot", f"with real orders of {OWNER}.2, signed by inj1hot; "),
    ],
)
def test_a_run_says_whose_orders_it_sends_and_who_signs_for_another(account, signer, said):
    trader = Trader(account, lambda ledger: None, signer=signer)
    assert said in _greeting(an_agent(World()), trader)


async def test_a_run_says_what_it_closed_at_its_end_and_nothing_of_what_stays(capsys):
    world = World(PERP)
    world.show(25.0, away=25.3)
    agent = an_agent(world, cycles=2)
    await agent.run()
    books, held = agent.ledger.books, quantity(agent, PERP.key)
    before = set(books.orders)
    _tell_closed(common(), books, before)
    assert capsys.readouterr().err == ""
    await agent.flatten()
    _tell_closed(common(quiet=True), books, before)
    assert capsys.readouterr().err == ""
    _tell_closed(common(), books, before)
    assert capsys.readouterr().err == f"INJ/USDT: sold {plain(held)} at the end, to close it\n"


@pytest.mark.parametrize(("length", "cut"), [(1_900, False), (2_100, True)])
def test_what_does_not_fit_a_line_is_marked_as_cut(capsys, monkeypatch, length, cut):
    monkeypatch.setenv("COLUMNS", "5000")
    row = run_row(an_agent(World()), Cycle(1, None, 0.1, "x" * length), None)
    _Lines(SimpleNamespace(common=common(output=Output.TABLE)), an_agent(World()))._show(row)
    assert capsys.readouterr().out.rstrip().endswith("…") == cut
