"""Takes orders off the book while no agent runs: one broadcaster per account, here too."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from functools import partial

from defi_analytics.app.accounts import Account, told_to_stop
from defi_analytics.app.alone import alone
from defi_analytics.app.ledgers import opened_ledger
from defi_analytics.app.parts import App
from defi_analytics.app.traded import by_ids
from defi_analytics.app.trading import Trader
from defi_analytics.app.valuing import traded_before
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Cancel
from defi_analytics.engine.bookkeeping import Bookkeeping, TrackedOrder
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.protection import guarding, unguarded
from defi_analytics.errors import DataError, NotFound, OrderRejected, OutcomeUnknown, WrongState
from defi_analytics.ports import Clock
from defi_analytics.storage.lock import holder_of

_LOOK_S = 0.5


async def cancel(
    app: App,
    account: Account,
    trader: AbstractAsyncContextManager[Trader],
    order_ids: Sequence[str],
    patience_s: float,
) -> list[TrackedOrder]:
    """Cancels these orders, and waits for the proof; what became of each.

    Where none is named, all but the stops that guard what is held: such a stop goes only by its id. What
    stays open, with a stop or without, is told.

    `trader` is entered, and its key asked for, only where something may rest. Raises WrongState while an
    agent holds the account, NotFound for an id without a resting order, OrderRejected when the chain refuses,
    OutcomeUnknown without proof in time, DataError where the venue cannot be read.
    """
    holder = holder_of(account.lock(app.settings.home).path)
    if holder is not None:
        raise WrongState(
            f"process {holder} trades this account, and two that send would break each other's sequence",
            hint="defi agent stop ends it, and takes all but the stops of what stays open off the book",
        )
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(opened_ledger(app, account, locked=True))
        if not _named(ledger.books, order_ids):
            return []
        entered = await stack.enter_async_context(trader)
        stack.enter_context(alone(app, entered.senders))
        stopped = partial(told_to_stop, app.settings.home, account)
        traded = await _others(app, ledger)
        execution = Execution(
            entered.chain_of(ledger), ledger, stopped, entered.pays_gas, traded, account.options
        )
        await _proven(execution, app.clock, app.clock.monotonic() + patience_s)
        kept = [] if order_ids else guarding(ledger.books)
        chosen = [order for order in _named(ledger.books, order_ids) if order not in kept]
        if chosen:
            until = app.clock.monotonic() + patience_s
            await _cancelled(execution, chosen, app.clock, until)
        _tell(app, execution, kept)
        return [ledger.books.orders[order.request.client_order_id] for order in chosen]


async def _proven(execution: Execution, clock: Clock, until_s: float) -> None:
    """What a dead agent signed and did not send is sent by nobody, and is over once it has expired."""
    await execution.settle()
    while execution.books.unresolved and clock.monotonic() < until_s:
        await clock.sleep(_LOOK_S)
        with suppress(DataError):
            await execution.settle()


async def _cancelled(
    execution: Execution, chosen: Sequence[TrackedOrder], clock: Clock, until_s: float
) -> None:
    """Sends it once, and looks until none of them is left. Raises OrderRejected, OutcomeUnknown."""
    refusal: OrderRejected | None = None
    try:
        sent = await execution.submit([], [_cancel(order) for order in chosen])
    except OrderRejected as error:
        refusal = error
    while not await _over(execution, chosen):
        # Only now: the chain refuses to cancel what was filled or has expired in this very moment.
        if refusal := refusal or execution.refusal(sent):
            raise refusal
        if clock.monotonic() >= until_s:
            raise OutcomeUnknown(
                "the orders may still be on the book",
                hint=f"see: {execution.command('orders list')}; {execution.command('reconcile')}",
            )
        await clock.sleep(_LOOK_S)


async def _over(execution: Execution, chosen: Sequence[TrackedOrder]) -> bool:
    """As far as is known: a node that does not answer now may the next time."""
    with suppress(DataError):
        await execution.settle()
    return not any(execution.books.orders[order.request.client_order_id].live for order in chosen)


async def _others(app: App, ledger: Ledger) -> Sequence[Market]:
    """What the last run traded besides, as far as lists tell: blocks that are counted are so of these too."""
    known = {key.market_id for key in ledger.books.markets}
    absent = [one for one in traded_before(ledger) if one not in known]
    with suppress(DataError):
        return await by_ids(app, absent) if absent else ()
    app.warn("not all markets could be listed: what others traded elsewhere differs at the next run")
    return ()


def _named(books: Bookkeeping, order_ids: Sequence[str]) -> list[TrackedOrder]:
    resting = {
        order.request.client_order_id: order
        for order in books.live
        if order.request.kind is not OrderKind.MARKET
    }
    for order_id in order_ids:
        if order_id not in resting:
            raise NotFound("journal", f"no resting order {order_id!r}", hint="see: defi orders list")
    return [resting[order_id] for order_id in order_ids] if order_ids else list(resting.values())


def _tell(app: App, execution: Execution, stops: Sequence[TrackedOrder]) -> None:
    closes = f"`{execution.command('risk flatten')}` closes it"
    for stop in stops:
        named = f"its stop {stop.request.client_order_id}"
        app.warn(f"{stop.request.market.ticker} stays open, and {named} on the book; {closes}")
    for market in unguarded(execution.books):
        app.warn(f"{market.ticker} stays open, without a stop; {closes}")


def _cancel(order: TrackedOrder) -> Cancel:
    request = order.request
    return Cancel(request.market.key, request.market, request.client_order_id, order.order_hash)
