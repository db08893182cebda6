import asyncio

import pytest

from defi_analytics.engine.waiting import Interrupted, unless


async def for_ever(log: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        log.append("ended")


async def test_work_that_is_done_first_gives_what_it_returns() -> None:
    assert await unless(asyncio.Event(), asyncio.sleep(0, "done")) == "done"


async def test_work_that_fails_raises_what_it_raised() -> None:
    async def failing() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await unless(asyncio.Event(), failing())


async def test_work_ends_at_once_when_the_event_comes() -> None:
    told, log = asyncio.Event(), list[str]()
    waiting = asyncio.ensure_future(unless(told, for_ever(log)))
    await asyncio.sleep(0)
    told.set()
    with pytest.raises(Interrupted):
        await asyncio.wait_for(waiting, 5)
    assert log == ["ended"]


async def test_who_is_cancelled_leaves_nothing_running() -> None:
    log = list[str]()
    waiting = asyncio.ensure_future(unless(asyncio.Event(), for_ever(log)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert log == ["ended"]
    assert asyncio.all_tasks() == {asyncio.current_task()}
