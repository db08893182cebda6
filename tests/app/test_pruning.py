import os

import pytest

from defi_analytics.app.pruning import KEPT, next_ended, prune
from tests.fakes import FakeClock

CLOCK = FakeClock()


def journals(home, name, numbers):
    folder = home / "accounts"
    folder.mkdir(exist_ok=True)
    for number in numbers:
        (folder / f"{name}.ended-{number}.sqlite").touch()
    return folder / f"{name}.sqlite"


def names(home):
    return sorted(path.name for path in (home / "accounts").iterdir())


def test_the_last_journals_of_ended_sandboxes_stay_and_older_ones_go_with_what_belongs_to_them(tmp_path):
    journal = journals(tmp_path, "sandbox-paper", [*range(1, 9), 10])
    journal.touch()
    for suffix in ("-wal", "-shm", ".lock"):
        (journal.parent / f"sandbox-paper.ended-2.sqlite{suffix}").touch()
    prune(tmp_path, journal, CLOCK)
    kept = [f"sandbox-paper.ended-{n}.sqlite" for n in (10, 5, 6, 7, 8)]
    assert len(kept) == KEPT
    assert names(tmp_path) == [*kept, "sandbox-paper.sqlite"]


def test_another_account_s_are_left_alone(tmp_path):
    journals(tmp_path, "sandbox-paper-b", range(1, 9))
    prune(tmp_path, journals(tmp_path, "sandbox-paper", [1]), CLOCK)
    assert len(names(tmp_path)) == 9


@pytest.mark.parametrize("name", ["mainnet-paper", "testnet-paper", "mainnet-inj1" + "q" * 38])
def test_nothing_of_a_real_network_is_ever_deleted(tmp_path, name):
    journal = journals(tmp_path, name, range(1, 9))
    prune(tmp_path, journal, CLOCK)
    assert len(names(tmp_path)) == 8


def test_a_number_is_used_once_though_the_first_are_gone(tmp_path):
    assert next_ended(journals(tmp_path, "sandbox-paper", [])).name == "sandbox-paper.ended-1.sqlite"
    journal = journals(tmp_path, "sandbox-paper", [7, 9])
    (journal.parent / "sandbox-paper.ended-mine.sqlite").touch()
    assert next_ended(journal).name == "sandbox-paper.ended-10.sqlite"


def test_limits_of_ports_of_this_machine_go_when_nobody_used_them_for_a_day(tmp_path):
    hosts = tmp_path / "hosts"
    hosts.mkdir()
    now_s = CLOCK.now().timestamp()
    ages = {
        "127.0.0.1_40001.gate": 2,
        "127.0.0.1_40002.gate": 0.5,
        "localhost_1.gate": 2,
        "api.x_443.gate": 2,
    }
    for name, days in ages.items():
        (hosts / name).touch()
        os.utime(hosts / name, times=(now_s - days * 86_400,) * 2)
    prune(tmp_path, tmp_path / "accounts" / "sandbox-paper.sqlite", CLOCK)
    assert {path.name for path in hosts.iterdir()} == {"127.0.0.1_40002.gate", "api.x_443.gate"}


def test_what_cannot_be_deleted_stays(tmp_path):
    journal = journals(tmp_path, "sandbox-paper", range(2, 8))
    (journal.parent / "sandbox-paper.ended-1.sqlite").mkdir()
    prune(tmp_path, journal, CLOCK)
    assert names(tmp_path)[0] == "sandbox-paper.ended-1.sqlite"
