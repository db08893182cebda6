"""Kill -9 at any moment, one broadcast in five gone wrong: nothing is done twice, lost, or remembered wrongly.

`DEFI_KILLS` is how many kills there are in all: 500 unless it says so, `make soak` wants more.
"""

import json
import os
import subprocess
import sys

import pytest

from tests.integration.kills.judging import entered_twice, judged
from tests.integration.kills.local_chain import FAULTS, lean, local_chain
from tests.shared_data import ROOT

KILLS = int(os.environ.get("DEFI_KILLS", "500"))
PER_SEED = 100
SEEDS = range(-(-KILLS // PER_SEED))
SOURCE_FAILED = {"5", "6", "7"}
"""Exit codes of a life whose start-up met a node that did not answer in time."""
MOMENTS = {"quiet", "signed", "sent", "uncounted"}
SPOT = ("--market", "INJ/USDT")
BOTH = (*SPOT, "--market", "INJ/USDT PERP")
WAYS = (SPOT, BOTH, (*BOTH, "--limited"), (*BOTH, "--hot"), (*BOTH, "--once"))
"""What is traded, one seed after the other. A perpetual's position is protected by stops on the chain.

Where a granted key trades, its owner trades the same subaccount by hand.
"""


def reaped(home, chain, seed, kills, *more):
    """What a row of lives came to; see `kills.lives`."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.kills.lives", home, str(chain.port), str(seed), str(kills), *more],
        cwd=ROOT, env=lean(), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout), done.stderr


def test_the_judge_sees_an_entry_on_top_of_another_one_and_no_other():
    def trade(order, *, is_buy=True):
        return {
            "market_id": "m",
            "order_hash": order,
            "is_buy": is_buy,
            "quantity": "2",
            "cid": order,
            "block": 1,
        }

    into, out, again = trade("a"), trade("b", is_buy=False), trade("c")
    assert list(entered_twice({"trades": [into, out, again]})) == []
    assert list(entered_twice({"trades": [into, into]})) == [], "two fills of one order"
    assert list(entered_twice({"trades": [into, again]})) == ["c in block 1 while 2 were held on m"]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_kill_and_no_fault_makes_the_journal_and_the_ledger_differ(seed, tmp_path):
    way = WAYS[seed % len(WAYS)]
    with local_chain(seed) as chain:
        if "--hot" in way:
            chain.entrust()
        before = chain.ledger()
        chain.set_faults(FAULTS, seed)
        report, said = reaped(tmp_path, chain, seed, PER_SEED, *way)
        happened = chain.status()["faults"]["happened"]
        chain.wait_blocks(30)
        after = chain.ledger()
        verdict = judged(tmp_path, before, after)
    told = json.dumps(report | {"faults": happened}, indent=1)
    assert not verdict.differences, "\n".join([*verdict.differences, told, said[-2000:]])
    assert report["last"] == "0", told
    assert report["ended"].keys() <= SOURCE_FAILED, told
    assert report["kills"] == PER_SEED, told
    assert ("--hot" in way) == (report["by_hand"] > 0), told
    assert (verdict.stops > 0) == (way is not SPOT), told
    if "--once" in way:
        assert list(entered_twice(after)) == [], told
        assert sum(trade["is_buy"] for trade in after["trades"]) > PER_SEED / 20, told
    elif "--limited" in way:
        # The limits refuse most of what it wants, and what is not sent is not killed.
        assert verdict.placed > 0, told
    else:
        assert report["hit"].keys() == MOMENTS, told
        assert verdict.placed > PER_SEED / 5, told


def test_the_harness_finds_what_sending_before_writing_loses(tmp_path):
    """An agent that writes down what it sent after it was sent, as is usual, must not get through.

    Two parts in five find it, on a quiet machine.
    """
    with local_chain(99) as chain:
        before = chain.ledger()
        for part in range(20):
            chain.set_faults(FAULTS, part)
            report, _ = reaped(tmp_path, chain, part, PER_SEED // 4, "--broken")
            chain.wait_blocks(30)
            found = judged(tmp_path, before, chain.ledger()).differences
            if any("on the ledger alone" in line for line in found):
                return
    pytest.fail(f"500 kills and nothing was lost: {report}")
