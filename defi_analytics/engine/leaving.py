"""How a run leaves the book: what was sent is proven first, then what is not needed any more is cancelled."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from defi_analytics.domain.order import Cancel
from defi_analytics.engine.bookkeeping import TrackedOrder
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.policy import OnExit
from defi_analytics.engine.protection import guarding, unguarded, unneeded
from defi_analytics.errors import DataError, DefiError, OrderRejected, OutcomeUnknown
from defi_analytics.ports import Clock

LOG = logging.getLogger("defi.run")
SETTLE_ROUNDS = 60
"""Rounds of waiting for what was sent to be proven."""
_PATIENCE_S = 30.0
"""For all of these, however long a node takes to say nothing."""
_CANCEL_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Leaving:
    execution: Execution
    clock: Clock
    settle_s: float
    """Between two looks at what became of an order."""

    async def left(
        self,
        on_exit: OnExit,
        flatten: Callable[[], Awaitable[None]],
        guard: Callable[[], Awaitable[None]],
    ) -> None:
        """Stops that guard what stays open stay too; what lacks one, because it was just entered, gets it.

        Raises OutcomeUnknown when what was sent could not be proven in time, or an order stayed on the book.
        """
        self.execution.enter_nothing_more()
        unproven = None
        try:
            await self.proven()
        except OutcomeUnknown as error:
            if self.execution.books.unresolved:
                raise
            # What is missing is only how much was filled. That keeps nobody from leaving in order.
            unproven = error
        await self._left(on_exit, flatten, guard)
        if unproven:
            raise unproven

    async def _left(
        self,
        on_exit: OnExit,
        flatten: Callable[[], Awaitable[None]],
        guard: Callable[[], Awaitable[None]],
    ) -> None:
        own = self.execution.books
        if on_exit is OnExit.KEEP:
            await self._guarded(guard)
            return
        try:
            if on_exit is OnExit.FLATTEN:
                # What rests could open again what is closed. What stays all the same, the last try tells.
                with suppress(OutcomeUnknown):
                    await self.cancelled(lambda: unneeded(own))
                await flatten()
        finally:
            # Also what could not be closed, and was entered just now.
            await self._guarded(guard)
            await self.cancelled(lambda: unneeded(own))
        # Before its fills are read, what was just closed looks as if it were held.
        stays = "stays open" if own.settled else "may be open still"
        closes = self.execution.command("risk flatten")
        for stop in guarding(own):
            LOG.warning(
                "%s %s, and its stop on the book; `%s` closes it",
                stop.request.market.ticker,
                stays,
                closes,
            )

    async def _guarded(self, guard: Callable[[], Awaitable[None]]) -> None:
        """What the venue or the gate does not take now keeps nobody from leaving."""
        if not unguarded(self.execution.books):
            return
        try:
            await guard()
        except (DataError, OutcomeUnknown) as error:
            LOG.warning("%s", error)
        stays = "stays open" if self.execution.books.settled else "may be open still"
        for market in unguarded(self.execution.books):
            closes = self.execution.command("risk flatten")
            LOG.warning("%s %s, without a stop; `%s` closes it", market.ticker, stays, closes)

    async def proven(self) -> None:
        """Until nothing is in doubt, though a node may not answer now and then.

        Raises OutcomeUnknown when that takes too long.
        """
        books = self.execution.books
        if not (books.unresolved or books.live):
            return
        until_s = self.clock.monotonic() + _PATIENCE_S
        for _ in range(SETTLE_ROUNDS):
            try:
                await self.execution.settle()
            except DataError as error:
                LOG.warning("%s", error)
            else:
                if books.settled:
                    return
            if self.clock.monotonic() >= until_s:
                break
            await self.clock.sleep(self.settle_s)
        raise OutcomeUnknown(
            "what was sent is not proven yet", hint=f"see: {self.execution.command('reconcile')}"
        )

    async def cancelled(self, unneeded: Callable[[], Sequence[TrackedOrder]]) -> None:
        """Takes these, asked for anew each time, off the book.

        Raises OutcomeUnknown when one is still there.
        """
        for _ in range(_CANCEL_ROUNDS):
            orders = unneeded()
            if not orders:
                return
            await self._cancel(orders)
        if left := unneeded():
            raise OutcomeUnknown(
                f"{len(left)} orders are still on the book",
                hint=f"they expire by themselves; see: {self.execution.command('orders')}",
            )

    async def _cancel(self, orders: Sequence[TrackedOrder]) -> None:
        """Once; the books tell what is still there."""
        cancels = [
            Cancel(o.request.market.key, o.request.market, o.request.client_order_id, o.order_hash)
            for o in orders
        ]
        why: DefiError | None = None
        try:
            await self.execution.submit([], cancels)
        except (OrderRejected, DataError) as error:
            # One that was filled or expired in this very moment makes the chain refuse all of them.
            why = error
            await self.clock.sleep(self.settle_s)
        await self.proven()
        known = self.execution.books.orders
        if why and any(known[order.request.client_order_id].live for order in orders):
            LOG.warning("not cancelled: %s", why)
