"""What an agent that never comes back leaves on the book is gone after the blocks that it was given."""

import json
import subprocess
import sys

from tests.integration.kills.local_chain import lean, local_chain
from tests.shared_data import ROOT

DEATHS = 6


def test_nothing_of_a_killed_agent_rests_once_its_blocks_have_passed(tmp_path):
    with local_chain(58, 0.1) as chain:
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.kills.lives", tmp_path, str(chain.port), "1", str(DEATHS),
             "--resting"],
            cwd=ROOT, env=lean(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        history = chain.ledger()["history"]
    found = json.loads(done.stdout)
    assert len(found) == DEATHS
    assert all(resting >= 1 and later == 0 for resting, later in found), found
    assert {state for _, state, *_ in history} == {"canceled"}
