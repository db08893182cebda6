import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.audit_rows import DIFFERENCE_COLUMNS, difference_row
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document, write_error_line
from defi_analytics.cli.measures import flows
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import emit, summary
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import Mismatch

if TYPE_CHECKING:
    from defi_analytics.app.accounts import Account
    from defi_analytics.cli.session import Session
    from defi_analytics.engine.reconcile import Reconciliation

app = new_app()


@app.command(
    epilog="Exit codes: 0 the two agree, 9 an agent holds the account (--accept-flow), 22 they do not."
)
@with_common
def reconcile(
    common: Common,
    account: AccountName = None,
    accept_flow: Annotated[
        list[str] | None,
        typer.Option(
            "--accept-flow",
            metavar="ASSET=AMOUNT",
            help="Record what is unexplained as your own deposit, or, negative, withdrawal. [default: none]",
        ),
    ] = None,
) -> int:
    r"""Hold an account's journal against the venue.

    Orders, positions, balances and fills, exactly; nothing is repaired. A withdrawal of your own is a
    difference until you say so, with exactly the amount that is unexplained. What came in is told: the next
    run books it, unless you declare it before.

    \b
    Examples:
      defi reconcile
      defi reconcile --accept-flow USDT=-250
    """
    return asyncio.run(_reconcile(common, account, flows(accept_flow or [])))


async def _reconcile(common: Common, account_name: str | None, accepted: list[tuple[str, Decimal]]) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.reconciling import accept, compared
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with session.working("asking the venue"):
            if accepted:
                found = await accept(session.app, account, accepted)
            else:
                found = await compared(session.app, account)
        return _told(session, account, found, common)


def _told(session: "Session", account: "Account", found: "Reconciliation", common: Common) -> int:
    error: Mismatch | None = None
    try:
        found.require(account.options)
    except Mismatch as mismatch:
        error = mismatch
    rows = [difference_row(each) for each in found.differences]
    document = Document("reconcile", rows, session.app.network, error=error, execution=account.execution)
    emit(document, DIFFERENCE_COLUMNS, common)
    summary(common, _summary(account.address, found))
    if error is None:
        return 0
    write_error_line(error)
    return error.exit_code


def _summary(address: str, found: "Reconciliation") -> str:
    own = found.compared
    first, last = found.blocks
    fills = f"fills {own.fills}" + (f", blocks {first} to {last} read again" if last >= first else "")
    more = f"; {len(found.unproven)} transactions without proof" if found.unproven else ""
    more += f"; {found.unread} blocks were not read" if found.unread else ""
    verdict = "agree" if found.clean else "disagree"
    told = f"orders {own.orders}, positions {own.positions}, assets {own.assets}, {fills}"
    return f"{address} at block {found.height}: journal and venue {verdict} ({told}){more}"
