import asyncio
from collections.abc import Awaitable, Iterable
from typing import TypeVar

Value = TypeVar("Value")


async def all_of(reads: Iterable[Awaitable[Value]]) -> list[Value]:
    """Every result in order, or the first failure once all have ended: no request is left running."""
    values = []
    for outcome in await asyncio.gather(*reads, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
        values.append(outcome)
    return values
