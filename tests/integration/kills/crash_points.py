"""One order after the other, each life killed at the n-th time it makes a system call, until one survives.

python -m tests.integration.kills.crash_points HOME PORT CALL [CALL ...]
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.integration.kills.life import Place
from tests.integration.kills.lives import Life, born

MOST = 400
"""Calls of one kind in the life of one order; more would be a loop without an end."""


def held(pid: int) -> int:
    """Who traces it; 0 for nobody."""
    told = Path(f"/proc/{pid}/status").read_text()
    return int(told.partition("TracerPid:")[2].split()[0])


def traced(life: Life, call: str, count: int) -> subprocess.Popen:
    """Lets a life that waits go on, to be killed when it makes this call for the n-th time."""
    os.waitpid(life.pid, os.WUNTRACED)
    # It is our child, so it may not be waited for before it is traced: then two would wait for it.
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(life.pid), "-e", f"trace={call}",
         "-e", f"inject={call}:signal=KILL:when={count}"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    until = time.monotonic() + 10
    while not held(life.pid):
        if time.monotonic() > until:
            raise TimeoutError("strace did not attach")
        time.sleep(0.002)
    os.kill(life.pid, signal.SIGCONT)
    return tracer


def ended(life: Life) -> int:
    life.listen(life.began + 60)
    _, status = os.waitpid(life.pid, 0)
    os.close(life.pipe)
    return os.waitstatus_to_exitcode(status)


def swept(place: Place, call: str, found: Counter) -> int:
    """How often the call is made in one life; every life is followed by one that nobody disturbs."""
    for count in range(1, MOST):
        life = born(place, cycles=1, wait=True)
        tracer = traced(life, call, count)
        code = ended(life)
        tracer.wait(10)
        found[f"killed {code}"] += 1
        if code != -signal.SIGKILL:
            return count - 1
        again = born(place, cycles=1)
        found[f"after {ended(again)}"] += 1
        found.update(line for _, line in again.said if line.startswith("awake"))
    raise TimeoutError(f"{call} has no end")


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("home", type=Path)
    told.add_argument("port", type=int)
    told.add_argument("calls", nargs="+")
    own = told.parse_args()
    found = Counter()
    points = {call: swept(Place(own.home, own.port), call, found) for call in own.calls}
    sys.stdout.write(json.dumps({"points": points, "found": found}) + "\n")


if __name__ == "__main__":
    main()
