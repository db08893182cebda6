"""Whether a sandbox runs already, and which."""

import msgspec

from defi_analytics.app.opening import STATUS_PATH, asked_sandbox
from defi_analytics.errors import Unavailable
from defi_analytics.ports import Clock

_PATIENCE_S = 2.0


class Running(msgspec.Struct, frozen=True, gc=False):
    """What a sandbox says of itself, as far as a person needs it."""

    seed: int
    block: int


async def running_at(url: str, clock: Clock) -> Running | None:
    """The sandbox at this address; nothing when no one, or someone else, answers there."""
    from defi_analytics.http.client import Http
    from defi_analytics.http.policy import Policy

    async with Http(clock, Policy(deadline_s=_PATIENCE_S, attempts=1)) as http:
        try:
            answer = await asked_sandbox(http, f"{url}{STATUS_PATH}")
        except Unavailable:
            return None
    if answer is None:
        return None
    try:
        return msgspec.json.decode(answer, type=Running)
    except (msgspec.MsgspecError, RecursionError):
        return None
