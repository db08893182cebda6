import asyncio
import socket
import subprocess
import sys
import threading
import time

import pytest

from defi_analytics.cli import resolver
from tests.cli.harness import process_environment

HANGS_S = 6
PROGRAM = f"""
import socket, sys, time

real = socket.getaddrinfo

def hanging(host, *args, **kwargs):
    if host in ("127.0.0.1", "::1"):
        return real(host, *args, **kwargs)
    time.sleep({HANGS_S})
    raise socket.gaierror(socket.EAI_AGAIN, "the name server is gone")

socket.getaddrinfo = hanging
from defi_analytics.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_name_server_that_hangs_does_not_keep_a_command_beyond_its_deadline():
    before = time.monotonic()
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, "market", "list", "--json", "--timeout", "1"],
        env=process_environment(DEFI_INJECTIVE__LCD_URL="https://lcd.example.org"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    took_s = time.monotonic() - before
    assert ran.returncode == 7, ran.stderr
    # All that was written has arrived, though the interpreter did not end as usual.
    assert '"TIMED_OUT"' in ran.stdout
    assert ran.stdout.endswith("}\n")
    assert ran.stderr.startswith("defi: error: injective")
    assert 1 <= took_s < HANGS_S - 1


@pytest.fixture
def left(monkeypatch):
    """The codes that the process was ended with at once."""
    codes = []
    monkeypatch.setattr(resolver.os, "_exit", codes.append)
    return codes


async def resolving(work):
    resolver.survive_slow_names()
    await asyncio.get_running_loop().run_in_executor(None, work)


@pytest.fixture
def patient(monkeypatch):
    """A busy machine may take long to end even an idle thread."""
    monkeypatch.setattr(resolver, "_GRACE_S", 5)


def test_idle_resolver_threads_are_no_reason_to_end_early(left, patient):
    asyncio.run(resolving(lambda: None))
    assert resolver.leave(3) == 3
    assert left == []


def test_names_resolve_as_ever(left, patient):
    async def resolved():
        resolver.survive_slow_names()
        return await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80, type=socket.SOCK_STREAM)

    assert asyncio.run(resolved())[0][4] == ("127.0.0.1", 80)
    assert resolver.leave(0) == 0
    assert left == []


def test_other_threads_are_waited_for_as_ever(left):
    go = threading.Event()
    other = threading.Thread(target=go.wait, name="mine")
    other.start()
    try:
        assert resolver.leave(4) == 4
    finally:
        go.set()
        other.join()
    assert left == []


def test_the_loop_ends_before_a_name_that_hangs_and_the_process_with_its_code(left):
    go = threading.Event()

    async def given_up():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolving(go.wait), 0.01)

    try:
        asyncio.run(given_up())
        resolver.leave(7)
    finally:
        go.set()
    assert left == [7]
    for thread in threading.enumerate():
        if thread.name.startswith(resolver._NAME):
            thread.join(5)
