import time
from datetime import UTC, datetime, timedelta

from defi_analytics.clock import WallClock


def test_now_is_aware_utc_and_the_present() -> None:
    before = datetime.now(UTC)
    now = WallClock().now()
    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)


def test_monotonic_is_the_time_since_boot_that_every_process_shares() -> None:
    before = time.monotonic()
    assert before <= WallClock().monotonic() <= time.monotonic()


async def test_sleeping_takes_the_time_asked_for() -> None:
    clock = WallClock()
    before = clock.monotonic()
    await clock.sleep(0.02)
    # A loop's timer may fire one clock tick early.
    assert clock.monotonic() - before >= 0.019
