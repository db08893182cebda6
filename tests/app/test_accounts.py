from dataclasses import replace

import pytest

from defi_analytics.app.accounts import (
    STOP_FILE,
    Account,
    account_asked_about,
    account_of,
    chosen_account,
    known_accounts,
    stop_file,
    unheard_of,
)
from defi_analytics.app.parts import App
from defi_analytics.config.settings import InjectiveSettings, Settings
from defi_analytics.errors import NotFound, UsageError, WrongState
from defi_analytics.venues.injective.networks import MAINNET
from tests.fakes import FakeClock, FakeHttp

LIVE = "inj1" + "q" * 38


def made(home, *names):
    folder = Account("").folder(home)
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


def test_an_account_is_known_by_its_journal_alone(tmp_path):
    assert known_accounts(tmp_path) == []
    made(tmp_path, "sandbox-paper.sqlite", f"mainnet-{LIVE}.sqlite")
    made(tmp_path, "sandbox-paper.sqlite-wal", "sandbox-paper.sqlite.lock", "testnet-paper.STOP", "x.sqlite")
    assert known_accounts(tmp_path) == [Account("mainnet", LIVE), Account("sandbox", "paper")]


def test_the_only_account_of_a_network_is_meant_and_paper_where_there_is_none(tmp_path):
    assert chosen_account(tmp_path, "mainnet", None) == Account("mainnet", "paper")
    made(tmp_path, f"mainnet-{LIVE}.sqlite", "sandbox-paper.sqlite")
    assert chosen_account(tmp_path, "mainnet", None).address == LIVE
    assert chosen_account(tmp_path, "mainnet", "paper").address == "paper"


def test_of_several_accounts_one_has_to_be_named(tmp_path):
    made(tmp_path, f"mainnet-{LIVE}.sqlite", "mainnet-paper.sqlite")
    with pytest.raises(UsageError, match=f"several accounts of mainnet: {LIVE}, paper"):
        chosen_account(tmp_path, "mainnet", None)


@pytest.mark.parametrize(
    "address", ["", "Paper", "inj1", "../x", LIVE + "q", LIVE + ".0", LIVE + ".", LIVE + ".x", "paper.1"]
)
def test_what_cannot_be_an_account_is_refused(tmp_path, address):
    with pytest.raises(UsageError, match="is no account"):
        chosen_account(tmp_path, "mainnet", address)


def test_a_folder_that_cannot_be_read_is_said(tmp_path):
    Account("").folder(tmp_path).write_text("")
    with pytest.raises(WrongState, match="cannot be read"):
        known_accounts(tmp_path)


def test_each_subaccount_has_a_story_of_its_own(tmp_path):
    own, first = (Account.of_chain("mainnet", LIVE, number) for number in (0, 1))
    assert (own.address, own.owner, own.subaccount) == (LIVE, LIVE, 0)
    assert (first.address, first.owner, first.subaccount) == (f"{LIVE}.1", LIVE, 1)
    made(tmp_path, own.journal(tmp_path).name, first.journal(tmp_path).name, f"mainnet-{LIVE}.ended-1.sqlite")
    assert known_accounts(tmp_path) == [first, own]
    assert chosen_account(tmp_path, "mainnet", f"{LIVE}.1") == first


@pytest.mark.parametrize(("passing", "count"), [(True, 1), (False, 0)])
def test_a_journal_of_another_sandbox_is_warned_of(tmp_path, passing, count):
    warned = []
    app = App(
        replace(Settings(home=tmp_path), injective=InjectiveSettings(network="sandbox")),
        FakeHttp({}),
        FakeClock(),
        MAINNET,
        warn=warned.append,
        passing=passing,
    )
    assert account_of(app) == Account("sandbox")
    assert warned == []
    made(tmp_path, "sandbox-paper.sqlite")
    account_of(app)
    assert len(warned) == count


def test_a_name_on_paper_that_never_ran_is_not_found_and_others_are_named(tmp_path):
    warned = []
    made(tmp_path, "sandbox-paper-a.sqlite", "mainnet-paper.sqlite")
    with pytest.raises(NotFound) as error:
        account_asked_about(tmp_path, "sandbox", "paper-nobody", warned.append)
    assert error.value.message == (
        "accounts: no run of sandbox paper-nobody yet; "
        "accounts with a journal: mainnet paper, sandbox paper-a"
    )
    assert account_asked_about(tmp_path, "sandbox", "paper-a", warned.append) == Account("sandbox", "paper-a")
    assert warned == []


def test_a_name_on_paper_may_be_new_and_one_that_a_file_stops_is_there(tmp_path):
    warned, nobody = [], Account("sandbox", "paper-nobody")
    assert account_asked_about(tmp_path, "sandbox", nobody.address, warned.append, new=True) == nobody
    (tmp_path / STOP_FILE).touch()
    with pytest.raises(NotFound):
        account_asked_about(tmp_path, "sandbox", nobody.address, warned.append)
    stop = stop_file(tmp_path, nobody)
    stop.parent.mkdir(parents=True)
    stop.touch()
    assert account_asked_about(tmp_path, "sandbox", nobody.address, warned.append) == nobody
    assert warned == ["no run of sandbox paper-nobody yet; accounts with a journal: none"] * 2


def test_another_account_without_a_journal_is_warned_of_but_where_nothing_ever_ran(tmp_path):
    warned = []
    for address in (None, "paper"):
        assert account_asked_about(tmp_path, "testnet", address, warned.append) == Account("testnet")
    assert warned == []
    account_asked_about(tmp_path, "testnet", LIVE, warned.append)
    assert warned.pop() == f"no run of testnet {LIVE} yet; accounts with a journal: none"
    made(tmp_path, "sandbox-paper.sqlite")
    account_asked_about(tmp_path, "testnet", None, warned.append)
    assert warned.pop() == "no run of testnet paper yet; accounts with a journal: sandbox paper"


def test_of_many_accounts_a_few_are_named(tmp_path):
    made(tmp_path, *(f"sandbox-paper-{name}.sqlite" for name in "abcdefg"))
    told = unheard_of(tmp_path, Account("sandbox"))
    assert told.endswith("sandbox paper-d, sandbox paper-e and 2 more")


def test_where_nobody_can_look_an_account_is_not_said_to_be_unknown(tmp_path):
    Account("").folder(tmp_path).write_text("")
    assert unheard_of(tmp_path, Account("sandbox", "paper-a")) == ""
