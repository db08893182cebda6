import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import numpy as np
import pytest

from defi_analytics.backtest.history import checked_bars
from defi_analytics.backtest.replay import CHUNK_ROWS, over_bars
from defi_analytics.backtest.rolling import rolling_signal
from defi_analytics.backtest.undisturbed import undisturbed
from tests.backtest.cases import CLOSES, PARAMS, RULES, SAME, STRATEGY

ROOT = Path(__file__).resolve().parent.parent.parent
INTERRUPTED, TERMINATED = 130, 143
LONG = """
import sys
import numpy as np
from defi_analytics.backtest.history import checked_bars
from defi_analytics.backtest.replay import over_bars
from defi_analytics.backtest.rolling import rolling_signal
from defi_analytics.cli import boundary
from tests.backtest.cases import PARAMS, RULES, SAME, STRATEGY

def replays(args):
    close = np.tile(np.array([1_000, 950, 960, 1_000, 1_000]), 600_000)
    times = np.arange(len(close)) * 60.0
    bars = checked_bars(times, close, close, rolling_signal(close, 5))
    over_bars(STRATEGY, PARAMS, bars, RULES, SAME)
    print("replaying", flush=True)
    while True:
        over_bars(STRATEGY, PARAMS, bars, RULES, SAME)

boundary._invoke = replays
sys.exit(boundary.run([]))
"""


@contextmanager
def handled(number, handler):
    before = signal.signal(number, handler)
    yield
    signal.signal(number, before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_an_endless_replay_is_left_with_the_code_of_the_conventions(number, code, tmp_path):
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", LONG],
        cwd=ROOT,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"replaying\n"
        time.sleep(0.2)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, b"Traceback" in said) == (code, False), said


def test_no_call_keeps_a_signal_waiting_for_a_second():
    close = np.tile(CLOSES, CHUNK_ROWS // len(CLOSES))
    bars = checked_bars(np.arange(len(close)) * 60.0, close, close, rolling_signal(close, 5))
    over_bars(STRATEGY, PARAMS, bars, RULES, SAME)
    began = time.process_time()
    over_bars(STRATEGY, PARAMS, bars, RULES, SAME)
    assert time.process_time() - began < 0.5


def test_a_signal_that_comes_meanwhile_is_handled_once_afterwards():
    told = []
    with handled(signal.SIGUSR1, lambda number, frame: told.append(number)):
        with undisturbed():
            signal.raise_signal(signal.SIGUSR1)
            signal.raise_signal(signal.SIGUSR1)
            assert told == []
        assert told == [signal.SIGUSR1]
        signal.raise_signal(signal.SIGUSR1)
    assert told == [signal.SIGUSR1] * 2


def test_between_two_calls_what_came_is_heeded_once():
    told = []
    with handled(signal.SIGUSR1, lambda number, frame: told.append(number)), undisturbed() as heed:
        heed()
        signal.raise_signal(signal.SIGUSR1)
        assert told == []
        heed()
        heed()
        assert told == [signal.SIGUSR1]


def test_what_a_handler_raises_comes_out_of_it_and_every_handler_is_back():
    def leave(number, frame):
        raise KeyboardInterrupt

    with handled(signal.SIGUSR1, leave):
        with pytest.raises(KeyboardInterrupt), undisturbed():
            signal.raise_signal(signal.SIGUSR1)
        assert signal.getsignal(signal.SIGUSR1) is leave
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()


def test_other_threads_are_left_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def calls():
        with undisturbed():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=calls)
    thread.start()
    thread.join()
    assert seen == [before]
