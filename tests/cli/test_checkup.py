import asyncio
import os
import re
import subprocess
import sys
from datetime import timedelta

import pytest

from defi_analytics.cli import checkup
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.clock import WallClock
from defi_analytics.errors import Unavailable
from defi_analytics.sandbox.sandbox import Sandbox
from tests.cli.front import DOWN, answering
from tests.cli.lived import live
from tests.cli.test_doctor import checks, failed
from tests.cli.test_key_grants import GAS, GRANTER, GRANTS, granted, has, market_id, trading
from tests.fakes import NOON, FakeClock
from tests.keys import sealed


@pytest.fixture
def old_sandbox(background, defi, monkeypatch):
    """Its present is long past."""
    sandbox = Sandbox(58, FakeClock(), hold=True)
    background.call(sandbox.__aenter__())
    monkeypatch.setenv("DEFI_SANDBOX__PORT", sandbox.url.rpartition(":")[2])
    yield sandbox
    background.call(sandbox.__aexit__())


def test_what_an_upstream_tells_too_late_is_a_failed_check(defi, old_sandbox):
    ran = defi("doctor", "--json")
    assert (ran.code, failed(ran)) == (9, {"clock", "injective-oracle", "allora"})
    assert checks(ran)["allora"].hint == "predictions are stale"
    assert checks(ran)["injective-oracle"].hint == "oracle edges will be refused"


def check(defi, name, *args):
    ran = defi("doctor", "--json", *args)
    return ran.code, checks(ran)[name]


def test_a_clock_that_is_wrong_is_told_with_the_distance_and_what_it_forbids(defi, old_sandbox):
    _, row = check(defi, "clock")
    assert re.fullmatch("[0-9.]+ h after the latest block", row.message)
    assert row.hint.startswith("set this machine's clock; beyond 10 s no order is sent. If it is right, ")


def test_a_clock_that_is_behind_the_chain_is_not_taken_for_a_chain_that_stands_still(
    defi, background, monkeypatch
):
    sandbox = Sandbox(58, FakeClock(NOON + timedelta(days=7_300)), hold=True)
    background.call(sandbox.__aenter__())
    monkeypatch.setenv("DEFI_SANDBOX__PORT", sandbox.url.rpartition(":")[2])
    try:
        code, row = check(defi, "clock")
    finally:
        background.call(sandbox.__aexit__())
    assert (code, row.ok) == (9, False)
    assert row.message.endswith("before the latest block")
    assert "stands still" not in row.hint


def test_a_chain_that_does_not_tell_its_time_is_no_fault_of_this_machine(
    defi, background, sandbox, monkeypatch
):
    with answering(background, sandbox, monkeypatch, {"/blocks/latest": DOWN}):
        code, row = check(defi, "clock")
    assert (code, row.ok) == (5, False)
    assert row.hint == checkup.NETWORK_HINT


def test_a_stop_file_is_named_with_the_way_out(defi, state):
    state.mkdir(parents=True)
    (state / "STOP").touch()
    code, row = check(defi, "stop file")
    assert (code, row.ok, row.message) == (21, False, f"the file {state / 'STOP'} is there")
    assert row.hint == "defi risk resume, or remove it"


def test_an_account_that_only_reduces_is_no_fault_but_says_why(defi):
    assert defi("run", "--once", "--market", "ATOM/USDT").code == 0
    assert defi("risk", "reduce", "--reason", "a quiet weekend").code == 0
    code, row = check(defi, "account paper")
    assert (code, row.ok) == (0, True)
    assert "a quiet weekend); its agent" in row.message
    assert row.hint.startswith("defi risk status")


def test_an_agent_that_runs_is_named_with_its_process(defi, home, state):
    live(home)
    script = "import fcntl,sys; f=open(sys.argv[1],'a+'); fcntl.flock(f,fcntl.LOCK_EX); print('held',flush=True); sys.stdin.read()"
    path = state / "accounts" / "sandbox-paper.lock"
    path.write_text(f'{{"pid": {os.getpid()}}}')
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline()
        _, row = check(defi, "account paper")
        holder.communicate()
    assert f"its agent: running, process {os.getpid()};" in row.message


def test_a_journal_that_takes_too_long_to_read_is_left_to_verify(defi, home, monkeypatch):
    live(home)
    monkeypatch.setattr(checkup, "JOURNAL_S", -1.0)
    code, row = check(defi, "account paper")
    assert (code, row.ok) == (21, False)
    assert "see defi state verify" in row.message


def test_a_folder_of_accounts_that_cannot_be_read_is_a_failed_check(defi, state):
    state.mkdir()
    (state / "accounts").write_text("")
    code, row = check(defi, "accounts")
    assert (code, row.ok) == (21, False)


def test_a_check_that_hangs_or_fails_is_a_row():
    async def fails():
        raise Unavailable("x", "is down")

    hung = asyncio.run(checkup.in_time("one", asyncio.sleep(9, CheckRow), 0.01))
    down = asyncio.run(checkup.in_time("two", fails()))
    assert (hung.name, hung.ok, hung.message) == ("one", False, "took longer than 0.01 s")
    assert (down.name, down.ok, down.message) == ("two", False, "x: is down")
    assert down.hint == checkup.NETWORK_HINT


class TestTheKey:
    """That signs, seen without its passphrase."""

    @pytest.fixture(autouse=True)
    def chosen(self, monkeypatch):
        monkeypatch.setenv("DEFI_KEYS__NAME", "agent")

    @pytest.fixture
    def key(self, state):
        sealed.store(state)
        return state / "keys" / "agent.json"

    @pytest.fixture
    def grantee(self, monkeypatch, key):
        monkeypatch.setenv("DEFI_KEYS__GRANTER", GRANTER)
        monkeypatch.setenv("DEFI_RUN__MARKETS", "INJ/USDT")

    def test_the_sandbox_needs_none(self, defi, monkeypatch):
        monkeypatch.delenv("DEFI_KEYS__NAME")
        assert check(defi, "key")[1].message == "the sandbox's own"

    def test_one_that_the_settings_name_has_to_be_there(self, defi):
        code, row = check(defi, "key")
        assert (code, row.ok, row.hint) == (4, False, "defi key new agent")

    def test_a_network_without_one_is_fine_for_reading(self, defi, monkeypatch):
        monkeypatch.delenv("DEFI_KEYS__NAME")
        row = checks(defi("doctor", "--json", "--network", "testnet", "--timeout", "100ms"))["key"]
        assert (row.ok, row.hint) == (True, "only needed for run --live: defi key new")

    def test_a_file_that_others_may_read_is_exit_4(self, defi, key):
        key.chmod(0o644)
        code, row = check(defi, "key")
        assert (code, row.ok) == (4, False)
        assert "others may read" in row.message

    def test_a_folder_that_others_may_enter_is_exit_4(self, defi, key):
        key.parent.chmod(0o755)
        assert check(defi, "key")[0] == 4

    def test_one_that_owns_what_it_trades_is_told_the_safer_way(
        self, defi, key, background, sandbox, monkeypatch
    ):
        with answering(background, sandbox, monkeypatch, {GAS: has(10**17)}):
            code, row = check(defi, "grant")
        assert (code, row.ok, "and can withdraw it" in row.message) == (0, True, True)

    def test_a_grant_that_fits_is_told_with_its_end(self, defi, grantee, background, sandbox, monkeypatch):
        grants = granted(trading([market_id(defi, "INJ/USDT")]))
        with answering(background, sandbox, monkeypatch, {GRANTS: grants, GAS: has(10**17)}):
            code, row = check(defi, "grant")
            named = check(defi, "key")[1]
        assert (code, row.ok, row.hint) == (0, True, "")
        assert row.message.startswith("until 2999-01-01 00:00 UTC, ")
        assert sealed.ADDRESS in named.message
        assert named.hint == "to open it: defi key check"

    def test_one_without_a_list_of_markets_is_judged_by_any(
        self, defi, grantee, background, sandbox, monkeypatch
    ):
        monkeypatch.delenv("DEFI_RUN__MARKETS")
        with answering(background, sandbox, monkeypatch, {GRANTS: granted(trading()), GAS: has(10**17)}):
            code, row = check(defi, "grant")
        assert (code, row.message[:16]) == (0, "until 2999-01-01")

    def test_a_grant_that_ends_within_a_day_fails(self, defi, grantee, background, sandbox, monkeypatch):
        soon = granted(
            trading([market_id(defi, "INJ/USDT")]),
            expires=f"{(WallClock().now() + timedelta(hours=3)):%Y-%m-%dT%H:%M:%SZ}",
        )
        with answering(background, sandbox, monkeypatch, {GRANTS: soon, GAS: has(10**17)}):
            code, row = check(defi, "grant")
        assert (code, row.ok, row.hint) == (4, False, "grant it anew: defi key grant")

    @pytest.mark.parametrize("answer", [granted(), granted(trading(["0x1"]))], ids=["none", "another market"])
    def test_a_grant_that_lacks_something_is_exit_4(
        self, defi, grantee, background, sandbox, monkeypatch, answer
    ):
        with answering(background, sandbox, monkeypatch, {GRANTS: answer, GAS: has(10**17)}):
            code, row = check(defi, "grant")
        assert (code, row.ok, row.hint) == (4, False, "see: defi key check; defi key grant")

    def test_a_chain_that_does_not_answer_is_no_fault_of_the_key(
        self, defi, grantee, background, sandbox, monkeypatch
    ):
        with answering(background, sandbox, monkeypatch, {GRANTS: DOWN}):
            code, row = check(defi, "grant")
        assert (code, row.ok) == (5, False)
