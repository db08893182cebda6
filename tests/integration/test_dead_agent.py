"""What an agent that never comes back leaves on the book is gone after the blocks that it was given."""

import json
import subprocess
import sys

from tests.integration.kills.life import RESTING_BLOCKS
from tests.integration.kills.local_chain import lean, local_chain
from tests.shared_data import ROOT


def test_nothing_of_a_killed_agent_rests_once_its_blocks_have_passed(tmp_path):
    with local_chain(58, 0.1) as chain:
        for seed in range(6):
            done = subprocess.run(
                [sys.executable, "-m", "tests.integration.kills.lives", tmp_path, str(chain.port), str(seed), "1",
                 "--resting"],
                cwd=ROOT, env=lean(), capture_output=True, text=True, timeout=60, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stderr[-3000:]
            left = json.loads(done.stdout)["resting"]
            assert left >= 1
            chain.wait_blocks(RESTING_BLOCKS + 3)
            assert not chain.ledger()["orders"]
        assert {state for _, state, *_ in chain.ledger()["history"]} == {"canceled"}
