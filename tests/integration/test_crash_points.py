"""Killed at every system call that one order makes; and nothing is sent before it is on the disk."""

import json
import os
import re
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


BROADCAST = b"POST /cosmos/tx/v1beta1/txs"
_CALL = re.compile(r"(?:\d+ +)?(?P<call>\w+)\(\d+<(?P<file>[^>]*)>(?P<rest>.*)")


def sent_before_durable(trace):
    """How many broadcasts there were, and how many of them while the journal had a write in the air."""
    dirty, broadcasts, early = False, 0, 0
    for line in trace.splitlines():
        found = _CALL.match(line)
        if found is None:
            continue
        log = found["file"].endswith(".sqlite-wal")
        if log and found["call"] in {"pwrite64", "write"}:
            dirty = True
        elif log and found["call"] in {"fdatasync", "fsync"}:
            dirty = False
        elif BROADCAST.decode() in found["rest"]:
            broadcasts, early = broadcasts + 1, early + dirty
    return broadcasts, early


@pytest.mark.usefixtures("strace")
def test_every_broadcast_comes_after_the_sync_of_what_it_carries_out(tmp_path):
    trace = tmp_path / "trace"
    with local_chain(58, BLOCK_S) as chain:
        done = subprocess.run(
            ["strace", "-f", "-y", "-qq", "-s", "64", "-o", trace,
             "-e", "trace=pwrite64,fdatasync,fsync,sendto,write", "--seccomp-bpf",
             sys.executable, "-m", "tests.integration.kills.traced_life", tmp_path, str(chain.port), "25"],
            cwd=ROOT, env=lean(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    text = trace.read_text(errors="replace")
    broadcasts, early = sent_before_durable(text)
    assert broadcasts >= 20
    assert early == 0
    # Each sync follows a write of its own: as many as there are broadcasts, or nothing was written at all.
    syncs = [line for line in text.splitlines() if "fdatasync(" in line and ".sqlite-wal>" in line]
    assert len(syncs) >= 2 * broadcasts


def test_a_broadcast_before_the_sync_would_be_noticed():
    write = '7 pwrite64(9</h/j.sqlite-wal>, "x", 1, 0) = 1'
    sync = "7 fdatasync(9</h/j.sqlite-wal>) = 0"
    send = '7 sendto(8<socket:[1]>, "POST /cosmos/tx/v1beta1/txs HTTP/1.1", 36, 0, NULL, 0) = 36'
    assert sent_before_durable(f"{write}\n{sync}\n{send}\n{write}\n{send}") == (2, 1)
