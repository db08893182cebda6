"""The sandbox as a process of its own, and what it says of itself."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.shared_data import ROOT

FAULTS = (
    "drop_before=0.03", "drop_after=0.03", "hang_after=0.02", "late_inclusion=3@0.04", "error_before=0.03",
    "error_after=0.03", "sequence_mismatch=0.02", "foreign_tx=0.03", "stale_node=0.01",
)  # fmt: skip
"""One broadcast in five meets one of them; reads meet a node that is a block behind."""


def lean() -> dict[str, str]:
    """The environment without settings and without what measures coverage, which is slow to die."""
    unwanted = ("DEFI_", "COVERAGE_", "COV_")
    return {name: text for name, text in os.environ.items() if not name.startswith(unwanted)}


@dataclass
class LocalChain:
    url: str

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def status(self) -> dict:
        return self._asked("status")

    def ledger(self) -> dict:
        return self._asked("ledger")

    def set_faults(self, faults: Sequence[str], seed: int = 0) -> None:
        self._asked("faults", json.dumps({"seed": seed, "faults": list(faults)}).encode())

    def wait_blocks(self, count: int) -> None:
        until = self.status()["block"] + count
        while self.status()["block"] < until:
            time.sleep(0.05)

    def _asked(self, what: str, body: bytes | None = None) -> dict:
        with urllib.request.urlopen(f"{self.url}/sandbox/{what}", body, timeout=20) as answer:  # noqa: S310 -- our own
            return json.load(answer)


@contextmanager
def local_chain(seed: int, block_s: float = 0.05) -> Iterator[LocalChain]:
    command = [sys.executable, "-m", "defi_analytics", "sandbox", "--port", "0", "--seed", str(seed)]
    process = subprocess.Popen(
        [*command, "--block-time", str(block_s), "--quiet"],
        cwd=ROOT, env=lean(), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield LocalChain(json.loads(process.stdout.readline())["url"])
    finally:
        process.terminate()
        process.communicate(timeout=20)
