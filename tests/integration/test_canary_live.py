"""An agent with its key open, whose broadcasts meet faults and which is aborted: no secret where none belongs."""

import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest

from defi_analytics.app.accounts import Account
from defi_analytics.keys.api import Secret
from defi_analytics.keys.keystore import Keystore
from defi_analytics.keys.signer import KeySigner
from defi_analytics.storage.journal import SqliteJournal
from tests.integration.canary import files, hatched
from tests.integration.kills.local_chain import lean, local_chain
from tests.integration.test_killed_cli import RUN, SETTINGS
from tests.shared_data import ROOT

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("pyinjective") is None,
    reason="the official SDK is not installed: pip install defi-analytics[injective]",
)
USDT = "peggy0xdAC17F958D2ee523a2206206994597C13D831ec7"
FAULTS = (
    "drop_before=0.2", "drop_after=0.2", "hang_after=0.05", "late_inclusion=3@0.2", "error_before=0.2",
    "error_after=0.2", "sequence_mismatch=0.2", "foreign_tx=0.1", "stale_node=0.1",
)  # fmt: skip
DUMPING = "ulimit -c unlimited 2>/dev/null"
"""Whoever aborts may leave a dump as large as the system lets it."""
AT_MOST = 8
"""Rounds until an agent has traded that a trace, or a busy machine, makes too slow for most edges."""
LEVELS = ([], ["-vv"], ["-q", "--json"])


class Caged:
    """A funded account whose key only this folder's keystore has, beside the places where secrets may lie."""

    def __init__(self, chain, folder):
        self.canary, self.chain, self.home = hatched(), chain, folder / "home"
        self.private = folder / "private"
        self.private.mkdir()
        (self.private / "defi-passphrase").write_text(self.canary.passphrase)
        (self.private / "defi-passphrase").chmod(0o600)
        self.home.mkdir()
        store = Keystore(self.home / "keys")
        store.add("agent", bytearray(self.canary.key), Secret(self.canary.passphrase))
        self.address = KeySigner(bytearray(self.canary.key)).address
        for denom, amount in (("inj", 10**19), (USDT, 10**10)):
            query = f"address={self.address}&denom={denom}&amount={amount}"
            asked = f"{chain.url}/sandbox/faucet?{query}"
            urllib.request.urlopen(asked, b"", timeout=20).close()  # noqa: S310 -- our own sandbox

    def started(self, *more):
        return self.command(*RUN, *more)

    def command(self, *words, before=()):
        """Started in this folder, by `before` where something watches it."""
        config = self.home / "own.yaml"
        config.write_text(f"{SETTINGS}keys: {{name: agent}}\nlogging: {{level: DEBUG}}\n")
        own = {
            "DEFI_HOME": str(self.home),
            "DEFI_SANDBOX__PORT": str(self.chain.port),
            "DEFI_CONFIG": str(config),
            "CREDENTIALS_DIRECTORY": str(self.private),
            "PYTHONPATH": str(ROOT),
        }
        return subprocess.Popen(
            ["sh", "-c", f'{DUMPING}; exec "$@"', "sh", *before, sys.executable, "-m", "defi_analytics", *words],
            cwd=self.home, env=lean() | own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def found(self, *texts):
        places = {"printed": "\0".join(texts).encode(), **files(self.home)}
        forms = self.canary.forms().items()
        return [
            f"{form} in {name}"
            for name, body in places.items()
            for form, text in forms
            if text.encode() in body
        ]

    def signed(self):
        with SqliteJournal(Account("sandbox", self.address).journal(self.home)) as journal:
            return sum(1 for _ in journal.replay("signed"))


@pytest.fixture
def caged(tmp_path):
    with local_chain(58) as chain:
        yield Caged(chain, tmp_path)


def test_whatever_a_broadcast_meets_no_secret_is_told_or_kept(caged):
    caged.chain.set_faults(FAULTS, 58)
    for level in itertools.chain.from_iterable(itertools.repeat(LEVELS, AT_MOST)):
        agent = caged.started("--cycles", "12", *level)
        out, err = agent.communicate(timeout=120)
        assert "Traceback" not in err
        assert caged.found(out, err) == [], level
        if level == LEVELS[-1] and caged.signed() >= 3:
            return
    pytest.fail("its key was hardly used")


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_no_process_is_started_with_a_secret_while_an_agent_trades_and_is_flattened(caged, tmp_path):
    trace = tmp_path / "execve"
    watched = ("strace", "-f", "-e", "trace=execve", "-s", "4096", "-v", "-A", "-o", str(trace))
    commands = (
        (*RUN, "--cycles", "20", "-vv"),
        ("risk", "flatten", "--network", "sandbox", "-vv"),
        ("orders", "cancel", "--all", "-n", "sandbox"),
    )
    for words in itertools.chain.from_iterable(itertools.repeat(commands, AT_MOST)):
        out, err = caged.command(*words, before=watched).communicate(timeout=120)
        assert "Traceback" not in err
        assert caged.found(out, err, trace.read_text()) == [], words
        assert "execve(" in trace.read_text()
        if words == commands[-1] and caged.signed() >= 2:
            return
    pytest.fail("its key was never used")


def test_an_agent_that_is_aborted_leaves_no_dump_of_its_key(caged):
    agent = caged.started()
    agent.stdout.readline()
    os.kill(agent.pid, signal.SIGABRT)
    out, err = agent.communicate(timeout=30)
    assert agent.returncode == -signal.SIGABRT
    assert caged.found(out, err) == []
