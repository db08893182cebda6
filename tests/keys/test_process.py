import subprocess
import sys

import pytest

HARDENED = """
import ctypes, os, resource, sys
from defi_analytics.keys.process import harden
os.umask(0o022)
harden()
harden()
print(resource.getrlimit(resource.RLIMIT_CORE), f"{os.umask(0):03o}")
if sys.platform == "linux":
    print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_a_process_with_a_key_leaves_no_core_and_shares_nothing():
    ran = subprocess.run([sys.executable, "-c", HARDENED], capture_output=True, text=True, check=True)
    limits, *dumpable = ran.stdout.splitlines()
    assert limits == "(0, 0) 077"
    assert dumpable == (["0"] if sys.platform == "linux" else [])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_and_environment_of_such_a_process_belong_to_root():
    code = f"{HARDENED}\nprint(os.stat('/proc/self/environ').st_uid)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "0"


def test_without_prctl_the_rest_is_done(monkeypatch):
    from defi_analytics.keys import process

    done = []
    monkeypatch.setattr(process.sys, "platform", "darwin")
    monkeypatch.setattr(process.os, "umask", done.append)
    monkeypatch.setattr(process.resource, "setrlimit", lambda *limit: done.append(limit))
    monkeypatch.setattr(process.ctypes, "CDLL", lambda name: pytest.fail("asked for prctl"))
    process.harden()
    assert done == [0o077, (process.resource.RLIMIT_CORE, (0, 0))]
