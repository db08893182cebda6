import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.audit_rows import ORDER_COLUMNS, order_row
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.measures import duration
from defi_analytics.cli.options import AccountName, PassphraseFd, SigningKey, asked_for
from defi_analytics.cli.render import emit, emit_record, hint
from defi_analytics.cli.tree import Listing, new_app
from defi_analytics.errors import NotFound, UsageError

if TYPE_CHECKING:
    from defi_analytics.app.signing import Asked

app = new_app(help="List an account's orders, show one, or cancel.", cls=Listing)

Everything = Annotated[bool, typer.Option("--all", help="Also those that are over (the last 1,000).")]
OrderId = Annotated[str, typer.Argument(metavar="ID", help="A client order id, or its beginning.")]


@app.command("list")
@with_common
def list_orders(common: Common, account: AccountName = None, all_: Everything = False) -> int:
    r"""List the orders of which something may still happen, by the journal.

    \b
    Examples:
      defi orders
      defi orders list --all -o csv > orders.csv
    """
    return asyncio.run(_list(common, account, all_))


@app.command("show")
@with_common
def show_order(common: Common, order_id: OrderId, account: AccountName = None) -> int:
    r"""Show one order with its transaction.

    \b
    Example:
      defi orders show conv-5f3a --json
    """
    return asyncio.run(_show(common, account, order_id))


@app.command("cancel")
@with_common
def cancel_orders(
    common: Common,
    order_id: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Client order ids.")] = None,
    account: AccountName = None,
    all_: Annotated[bool, typer.Option("--all", help="All but the stops of open positions.")] = False,
    wait: Annotated[
        float | None,
        typer.Option("--wait", parser=duration(), metavar="DURATION", help="For the proof. [default: 60s]"),
    ] = None,
    key: SigningKey = "",
    passphrase_fd: PassphraseFd = None,
) -> int:
    r"""Take orders off the book, and wait for the proof.

    The stop of an open position goes only by its id: without it nothing guards that position.

    While an agent trades the account it is refused (exit 9): end it with `defi agent stop`, which takes
    along what guards nothing.

    \b
    Examples:
      defi orders cancel --all
      defi orders cancel --all --network testnet --passphrase-fd 3 3< passphrase
    """
    if bool(order_id) == all_:
        raise UsageError("name the orders, or --all", hint="see: defi orders list")
    asked = asked_for(common, key, passphrase_fd)
    return asyncio.run(_cancel(common, account, asked, tuple(order_id or ()), wait or 60.0))


async def _list(common: Common, account_name: str | None, everything: bool) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger:
            orders = list(ledger.books.orders.values()) if everything else ledger.books.live
        rows = [order_row(order) for order in orders]
        document = Document("orders", rows, session.app.network, execution=account.execution)
        emit(document, ORDER_COLUMNS, common)
        if not rows:
            hint(common, f"No {'orders' if everything else 'live orders'} of {account.address}")
        return 0


async def _show(common: Common, account_name: str | None, order_id: str) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger:
            orders = ledger.books.orders
        found = [orders[order_id]] if order_id in orders else []
        found = found or [order for name, order in orders.items() if name.startswith(order_id)]
        if len(found) != 1:
            said = f"{len(found)} orders begin with" if found else "no order"
            raise NotFound("journal", f"{said} {order_id!r}", hint="see: defi orders list --all")
        rows = [order_row(found[0])]
        emit_record(Document("orders", rows, session.app.network, execution=account.execution), common)
        return 0


async def _cancel(
    common: Common, account_name: str | None, asked: "Asked", order_ids: tuple[str, ...], wait_s: float
) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.cancelling import cancel
    from defi_analytics.app.chains import trader_of
    from defi_analytics.cli.session import opened

    async with opened(common, hold=False) as session:
        account = account_of(session.app, account_name)
        trader = trader_of(session.app, account, asked, os.environ, session.app.warn)
        orders = await cancel(session.app, account, trader, order_ids, wait_s)
        rows = [order_row(order) for order in orders]
        document = Document("orders", rows, session.app.network, execution=account.execution)
        emit(document, ORDER_COLUMNS, common)
        hint(
            common,
            f"{len(rows)} orders are off the book" if rows else "There is nothing to take off the book",
        )
        return 0
