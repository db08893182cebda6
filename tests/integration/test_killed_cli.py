"""The command itself, killed: what it leaves behind, who may follow, and that the next one goes on."""

import subprocess
import sys
import time
from collections import Counter
from random import Random

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
http: {deadline_s: 2}
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
    assert ended[-9] >= KILLS - 2
    assert ended.keys() <= {-9, 5, 6, 7}
    assert last.returncode == 0, said
    assert verdict.placed >= 3


def test_of_eight_at_once_one_runs_and_the_others_leave_and_its_death_frees_the_account(tmp_path):
    with local_chain(SEED) as chain:
        before = chain.ledger()
        agents = [command(tmp_path, chain) for _ in range(8)]
        waiting = set(agents)
        while len(waiting) > 1:
            waiting -= {agent for agent in waiting if agent.poll() is not None}
            time.sleep(0.1)
        [holder] = waiting
        assert holder.stdout.readline()
        for other in set(agents) - waiting:
            told, said = other.communicate(timeout=20)
            assert (other.returncode, told) == (9, "")
            assert "runs this account already" in said
        holder.kill()
        holder.communicate(timeout=20)
        after = command(tmp_path, chain, "--cycles", "1")
        _, said = after.communicate(timeout=60)
        chain.wait_blocks(30)
        verdict = judged(tmp_path, before, chain.ledger())
    assert after.returncode == 0, said
    assert not verdict.differences, verdict.differences
