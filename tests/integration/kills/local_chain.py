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
from datetime import UTC, datetime, timedelta

from defi_analytics.sandbox.chain.genesis import DEV_ADDRESS
from tests.integration import entrusted
from tests.keys import sealed
from tests.sandbox.chain.signing import encoded
from tests.shared_data import ROOT

FAULTS = (
    "drop_before=0.03", "drop_after=0.03", "hang_after=0.02", "late_inclusion=3@0.04", "error_before=0.03",
    "error_after=0.03", "sequence_mismatch=0.02", "foreign_tx=0.03", "stale_node=0.01",
    "rpc_behind=1@0.02", "tx_index_lag=20@0.1", "indexer_lag=20@0.5", "base_fee=1.2@0.03",
)  # fmt: skip
"""One broadcast in five meets one of them; reads meet a node, an index or an indexer that is behind."""


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

    def entrust(self) -> None:
        """From the next block on, the key of tests.keys.sealed may trade for the account that owns the funds."""
        self._asked(f"faucet?address={sealed.ADDRESS}&denom=inj&amount={entrusted.GAS_WEI}", b"")
        number, sequence = self.account(DEV_ADDRESS)
        bank = {k.split()[1]: int(v) for k, v in self.ledger()["bank"].items() if k.startswith(DEV_ADDRESS)}
        until = datetime.now(UTC) + timedelta(days=30)
        self.broadcast(entrusted.trust(number, sequence, bank.items(), until))
        self.wait_blocks(2)

    def account(self, address: str) -> tuple[int, int]:
        """Its number, and the sequence of its next transaction as far as blocks tell."""
        told = self._told(f"cosmos/auth/v1beta1/accounts/{address}")["account"]["base_account"]
        return int(told["account_number"]), int(told["sequence"])

    def broadcast(self, raw: bytes) -> dict:
        body = json.dumps({"tx_bytes": encoded(raw), "mode": "BROADCAST_MODE_SYNC"}).encode()
        return self._told("cosmos/tx/v1beta1/txs", body)["tx_response"]

    def set_faults(self, faults: Sequence[str], seed: int = 0) -> None:
        self._asked("faults", json.dumps({"seed": seed, "faults": list(faults)}).encode())

    def wait_blocks(self, count: int) -> None:
        until = self.status()["block"] + count
        while self.status()["block"] < until:
            time.sleep(0.05)

    def _asked(self, what: str, body: bytes | None = None) -> dict:
        return self._told(f"sandbox/{what}", body)

    def _told(self, path: str, body: bytes | None = None) -> dict:
        with urllib.request.urlopen(f"{self.url}/{path}", body, timeout=20) as answer:  # noqa: S310 -- our own
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
