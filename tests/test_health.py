import ctypes
import gc
import weakref

import psutil
import pytest

from defi_analytics import health as module
from defi_analytics.health import Health, give_back, tune_collector

MUCH = 10**12
"""Bytes: what other tests left in this process is no matter here."""


def test_a_cycle_three_times_as_long_as_usual_is_told_once() -> None:
    health = Health(warn_rss_bytes=MUCH)
    for _ in range(25):
        assert health.cycle(0.1) == []
    assert health.cycle(0.31) == ["a cycle took 0.31 s, usually 0.10 s"]
    assert health.cycle(0.5) == []
    for _ in range(48):
        health.cycle(0.1)
    assert len(health.cycle(0.5)) == 1


def test_nothing_is_slow_before_it_is_known_what_is_usual() -> None:
    health = Health(warn_rss_bytes=MUCH)
    assert [health.cycle(took) for took in (0.001, 5.0, 0.1)] == [[], [], []]


def test_memory_over_the_limit_is_told() -> None:
    [warning] = Health(warn_rss_bytes=1_000_000).cycle(0.1)
    assert warning.startswith("memory in use is ")
    assert warning.endswith(", over 1 MB")
    assert Health(warn_rss_bytes=MUCH).cycle(0.1) == []


def test_a_reading_tells_what_the_process_uses() -> None:
    health = Health()
    before = health.read()
    assert (before.cycles, before.last_cycle_s, before.usual_cycle_s) == (0, None, None)
    for took in (0.1, 0.3, 0.2):
        health.cycle(took)
    reading = health.read()
    assert (reading.cycles, reading.last_cycle_s, reading.usual_cycle_s) == (3, 0.2, 0.2)
    assert reading.rss_bytes > 1_000_000
    assert reading.open_files >= 3
    assert reading.threads >= 1


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not glibc")
def test_what_is_free_below_what_is_in_use_goes_back_to_the_system() -> None:
    taken = [b"x" * 100_000 for _ in range(400)]
    above = taken.pop()
    taken.clear()
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - 20_000_000
    assert len(above) == 100_000


def test_every_sixty_cycles_free_memory_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    at: list[int] = []
    health = Health(warn_rss_bytes=MUCH)
    monkeypatch.setattr(module, "give_back", lambda: at.append(health.read().cycles))
    for _ in range(130):
        health.cycle(0.1)
    assert at == [60, 120]


def test_elsewhere_nothing_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(ctypes, "CDLL", asked.append)
    give_back()
    assert asked == [None]


def test_what_only_a_collection_frees_does_not_wait_for_the_collectors_turn() -> None:
    class Ring:
        def __init__(self) -> None:
            self.itself = self

    gc.disable()
    try:
        ring = weakref.ref(Ring())
        assert ring() is not None
        give_back()
        assert ring() is None
    finally:
        gc.enable()


def test_the_collector_is_tuned_for_long_runs() -> None:
    threshold = gc.get_threshold()
    try:
        tune_collector()
        assert gc.get_threshold() == (50_000, 20, 50)
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        gc.set_threshold(*threshold)
