from defi_analytics.app.accounts import Account
from defi_analytics.app.agents import Seen
from defi_analytics.cli.agent_rows import PEOPLE, agent_row, record_lines


def test_what_was_never_told_is_null_not_zero():
    row = agent_row(Account("sandbox"), Seen(None), [])
    assert (row.cycle, row.equity, row.started_at, row.rss_bytes) == (None, None, None, None)
    assert (row.execution, row.degraded) == ("paper", [])


def test_a_live_account_is_told_as_live():
    assert agent_row(Account("testnet", "inj1x"), Seen(None), []).execution == "live"


def test_an_account_without_a_journal_has_no_records(tmp_path):
    assert record_lines(Account("sandbox"), tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_a_person_reads_times_and_sizes_with_their_units():
    told = {
        "started_at": "2026-11-22T18:24:45.744Z",
        "written_at": "now",
        "cpu_s": "90.5",
        "rss_bytes": "45600000",
    }
    assert [PEOPLE[name](text) for name, text in told.items()] == [
        "2026-11-22 18:24:45 UTC",
        "now",
        "90.5 s",
        "46 MB",
    ]
