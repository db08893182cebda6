"""Killed at every system call that one order makes; and nothing is sent before it is on the disk."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.integration.kills.judging import judged
from tests.integration.kills.local_chain import lean, local_chain
from tests.shared_data import ROOT

CALLS = {
    "pwrite64": 10,
    "fdatasync": 5,
    "sendto": 15,
    "recvfrom": 15,
    "connect": 1,
    "ftruncate": 1,
    "unlink": 1,
}
"""How often one order makes each at least."""
BLOCK_S = 0.03


@pytest.fixture
def strace():
    if shutil.which("strace") is None:
        reason = "strace is missing: apt-get install strace"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.usefixtures("strace")
def test_a_kill_at_every_system_call_of_an_order_is_recovered_from(call, tmp_path):
    with local_chain(58, BLOCK_S) as chain:
        before = chain.ledger()
        done = subprocess.run(
            [sys.executable, "-m", "tests.integration.kills.crash_points", tmp_path, str(chain.port), call],
            cwd=ROOT, env=lean(), capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
        report = json.loads(done.stdout)
        chain.wait_blocks(20)
        verdict = judged(tmp_path, before, chain.ledger())
    assert not verdict.differences, "\n".join([*verdict.differences, done.stdout, done.stderr[-2000:]])
    points, found = report["points"][call], report["found"]
    assert points >= CALLS[call], report
    assert (found["killed -9"], found["after 0"], found["killed 0"]) == (points, points, 1), report
