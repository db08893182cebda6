import signal

import pytest

from defi_analytics.app import ledgers, stopping
from defi_analytics.clock import WallClock
from defi_analytics.sandbox.sandbox import Sandbox
from tests.cli.harness import Background, Defi, clean_environment, forget_log

SEED = 58


@pytest.fixture(scope="session")
def background():
    with Background() as background:
        yield background


@pytest.fixture(scope="session")
def sandbox(background):
    """Held at block 0, so that every test sees the same mispricings."""
    sandbox = Sandbox(SEED, WallClock(), hold=True)
    background.call(sandbox.__aenter__())
    yield sandbox
    background.call(sandbox.__aexit__())


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    clean_environment(monkeypatch, tmp_path)
    yield tmp_path
    forget_log()


@pytest.fixture(autouse=True)
def attended():
    """A terminal that closes is heard of, also where the tests were started to outlive theirs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    """Nobody waits for a journal that a test holds."""
    for module in (ledgers, stopping):
        monkeypatch.setattr(module, "_PATIENCE_S", 0.05)


@pytest.fixture
def state(home):
    """Where the accounts are."""
    return home / "state"


@pytest.fixture
def bare(capsys):
    """A command line with nothing running."""
    return Defi(capsys)


@pytest.fixture
def defi(sandbox, monkeypatch, capsys):
    """A command line for which `--network sandbox` means the one that is running already."""
    monkeypatch.setenv("DEFI_SANDBOX__PORT", sandbox.url.rpartition(":")[2])
    monkeypatch.setenv("DEFI_NETWORK", "sandbox")
    return Defi(capsys)
