"""Work that ends early when something else is told meanwhile."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Interrupted(Exception):
    """The event came before the work was done."""


async def unless(told: asyncio.Event, work: Awaitable[T]) -> T:
    """What the work returns or raises; it is cancelled, and Interrupted raised, where `told` comes first."""
    tasks = asyncio.ensure_future(work), asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not tasks[0].done():
            raise Interrupted
        return tasks[0].result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
