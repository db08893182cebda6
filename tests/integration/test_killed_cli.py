"""The command itself, killed: what it leaves behind, who may follow, and that the next one goes on."""

import subprocess
import sys
import time
from collections import Counter
from random import Random

import pytest

from tests.integration.kills.judging import judged
from tests.integration.kills.local_chain import FAULTS, lean, local_chain
from tests.shared_data import ROOT

RUN = ["run", "--network", "sandbox", "--live", "--interval", "0.05s", "-o", "ndjson"]
SEED = 58
KILLS = 20
SETTINGS = """
scan: {min_edge_bps: 0}
monitoring:
  risk_management: {cooldown_period: 0, max_daily_trades: 100000, max_orders_per_minute: 10000}
run: {timeout_blocks: 15, resting_blocks: 12}
http: {deadline_s: 0.6}
"""


def command(home, chain, *more):
    config = home / "own.yaml"
    config.write_text(SETTINGS)
    own = {"DEFI_HOME": str(home), "DEFI_SANDBOX__PORT": str(chain.port), "DEFI_CONFIG": str(config)}
    return subprocess.Popen(
        [sys.executable, "-m", "defi_analytics", *RUN, *more],
        cwd=ROOT, env=lean() | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_killed_while_it_runs_or_starts_the_command_goes_on_where_it_was(tmp_path):
    random, ended = Random(SEED), Counter()
    with local_chain(SEED) as chain:
        before = chain.ledger()
        chain.set_faults(FAULTS, SEED)
        for _ in range(KILLS):
            agent = command(tmp_path, chain)
            if random.random() < 0.5:
                agent.stdout.readline()
                time.sleep(random.uniform(0.02, 1.0))
            else:
                time.sleep(random.uniform(0, 4.0))
            agent.kill()
            _, said = agent.communicate(timeout=20)
            ended[agent.returncode] += 1
            assert "Traceback" not in said
        chain.set_faults([])
        last = command(tmp_path, chain, "--cycles", "2")
        _, said = last.communicate(timeout=60)
        chain.wait_blocks(30)
        verdict = judged(tmp_path, before, chain.ledger())
    assert not verdict.differences, verdict.differences
    assert ended == {-9: KILLS}
    assert last.returncode == 0, said
    assert verdict.placed >= 3


def test_of_eight_that_start_at_once_one_runs_and_the_others_say_who_has_the_account(tmp_path):
    with local_chain(SEED) as chain:
        first = command(tmp_path, chain, "--duration", "60s")
        assert first.stdout.readline()
        began = time.monotonic()
        others = [command(tmp_path, chain, "--cycles", "1") for _ in range(7)]
        outcomes = [(other.communicate(timeout=60), other.returncode) for other in others]
        took_s = time.monotonic() - began
        assert [code for _, code in outcomes] == [9] * 7
        assert all(f"process {first.pid} runs this account already" in said for (_, said), _ in outcomes)
        assert not any(told for (told, _), _ in outcomes)
        assert first.poll() is None
        assert took_s < 20
        first.kill()
        first.communicate(timeout=20)
        after = command(tmp_path, chain, "--cycles", "1")
        _, said = after.communicate(timeout=60)
    assert after.returncode == 0, said


@pytest.mark.parametrize("attempt", range(2))
def test_eight_at_the_same_moment_are_one(attempt, tmp_path):
    with local_chain(SEED) as chain:
        agents = [command(tmp_path, chain, "--duration", "12s") for _ in range(8)]
        codes = Counter()
        for agent in agents:
            agent.communicate(timeout=90)
            codes[agent.returncode] += 1
    assert codes == {0: 1, 9: 7}
