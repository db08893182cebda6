import fcntl
from pathlib import Path

import pytest

from defi_analytics.http import gate as gate_module
from defi_analytics.http.gate import Gate
from defi_analytics.http.host_state import WINDOW_S, Host, Verdict
from defi_analytics.http.policy import Policy
from tests.fakes import FakeClock

HOST = Host("api.example", 443)
POLICY = Policy(rate_per_s=2, breaker_failures=2)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def open_gate(clock, tmp_path):
    gates = []

    def opened(policy=POLICY, state_dir=tmp_path / "gates"):
        gates.append(Gate(clock, policy, state_dir))
        return gates[-1]

    yield opened
    for gate in gates:
        gate.close()


def verdicts(gate, count, host=HOST):
    return [gate.depart(host).verdict.name for _ in range(count)]


def test_gates_of_one_directory_share_rate_wait_and_rest(open_gate, clock):
    first, second = open_gate(), open_gate()
    assert verdicts(first, 1) + verdicts(second, 2) == ["GO", "GO", "PACED"]
    clock.advance(WINDOW_S + 0.01)
    first.told_to_wait(HOST, 60.0)
    assert second.enter(HOST).verdict is Verdict.BLOCKED
    clock.advance(60.1)
    first.failed(HOST, probe=False)
    second.failed(HOST, probe=False)
    assert [gate.enter(HOST).verdict for gate in (first, second)] == [Verdict.RESTING] * 2
    clock.advance(POLICY.breaker_rest_s)
    assert [first.enter(HOST).probe, second.enter(HOST).probe] == [True, False]
    first.abandoned(HOST, probe=True)
    assert second.enter(HOST).probe
    second.answered(HOST)
    clock.advance(WINDOW_S)
    assert verdicts(first, 1) == ["GO"]


def test_gates_of_different_directories_and_of_none_share_nothing(open_gate, tmp_path):
    gates = [
        open_gate(),
        open_gate(state_dir=tmp_path / "other"),
        open_gate(state_dir=None),
        open_gate(state_dir=None),
    ]
    assert [verdicts(gate, 3) for gate in gates] == [["GO", "GO", "PACED"]] * 4


def test_each_host_and_port_is_limited_by_itself_at_its_own_rate(open_gate):
    gate = open_gate(Policy(rate_per_s=2, rates_per_s={"slow.example": 1}))
    assert verdicts(gate, 3) == ["GO", "GO", "PACED"]
    assert verdicts(gate, 2, Host("slow.example", 443)) == ["GO", "PACED"]
    assert verdicts(gate, 1, Host("::1", 443)) == ["GO"]
    assert verdicts(gate, 1, Host("api.example", 444)) == ["GO"]


def test_only_the_owner_can_read_what_we_ask(open_gate, tmp_path):
    open_gate().enter(HOST)
    file = tmp_path / "gates" / "api.example_443.gate"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_while_another_holds_the_lock_nothing_changes(open_gate, tmp_path):
    gate = open_gate()
    gate.depart(HOST)
    path = tmp_path / "gates" / "api.example_443.gate"
    before = path.read_bytes()
    with path.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            gate.enter(HOST)
    assert path.read_bytes() == before
    assert verdicts(gate, 2) == ["GO", "PACED"]


def test_damage_costs_one_pause(open_gate, clock, tmp_path):
    gate = open_gate()
    gate.depart(HOST)
    (tmp_path / "gates" / "api.example_443.gate").write_bytes(b"\x00" * 100)
    assert verdicts(gate, 1) == ["PACED"]
    clock.advance(WINDOW_S)
    assert verdicts(gate, 3) == ["GO", "GO", "PACED"]


def test_after_the_directory_was_deleted_gates_agree_again(open_gate, tmp_path):
    first, second = open_gate(), open_gate()
    verdicts(first, 1), verdicts(second, 1)
    (tmp_path / "gates" / "api.example_443.gate").unlink()
    (tmp_path / "gates").rmdir()
    assert verdicts(first, 1) + verdicts(second, 1) + verdicts(first, 1) == ["GO", "GO", "PACED"]


def test_a_wait_from_before_a_restart_is_forgotten(open_gate, monkeypatch, tmp_path):
    boot_id = tmp_path / "boot_id"
    monkeypatch.setattr(gate_module, "BOOT_ID", boot_id)
    boot_id.write_text("8f1c1a0e-0000-4000-8000-000000000001\n")
    open_gate().told_to_wait(HOST, 3600.0)
    assert open_gate().enter(HOST).verdict is Verdict.BLOCKED
    boot_id.write_text("8f1c1a0e-0000-4000-8000-000000000002\n")
    assert open_gate().enter(HOST).verdict is Verdict.GO


def test_where_boots_have_no_name_the_restarted_clock_tells(open_gate, monkeypatch, tmp_path, clock):
    monkeypatch.setattr(gate_module, "BOOT_ID", tmp_path / "none")
    clock.advance(1_000_000.0)
    open_gate().told_to_wait(HOST, 3600.0)
    assert open_gate().enter(HOST).verdict is Verdict.BLOCKED
    clock.advance(-1_000_000.0)
    assert open_gate().enter(HOST).verdict is Verdict.GO


@pytest.mark.parametrize("trap", ["file", "link"])
def test_without_a_usable_directory_limits_hold_within_the_process_and_it_says_so(
    open_gate, tmp_path, caplog, trap
):
    directory = tmp_path / "gates"
    if trap == "file":
        directory.write_text("in the way")
    else:
        directory.mkdir()
        (directory / "api.example_443.gate").symlink_to(tmp_path / "elsewhere")
    gate = open_gate()
    assert verdicts(gate, 3) == ["GO", "GO", "PACED"]
    assert "not shared" in caplog.text
    assert not (tmp_path / "elsewhere").exists()


def test_when_the_directory_fails_midway_what_was_known_still_holds(open_gate, tmp_path):
    gate = open_gate()
    gate.told_to_wait(HOST, 60.0)
    path = tmp_path / "gates" / "api.example_443.gate"
    path.unlink()
    path.mkdir()
    assert gate.enter(HOST).verdict is Verdict.BLOCKED


def open_files():
    return len(list(Path("/dev/fd").iterdir()))


def test_closing_gives_the_files_back(open_gate):
    before = open_files()
    gate = open_gate()
    gate.enter(HOST)
    gate.close()
    assert open_files() == before
