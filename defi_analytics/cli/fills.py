import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.audit_rows import FILL_COLUMNS, text
from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.options import AccountName, Days, Since, Until, days
from defi_analytics.cli.render import emit, hint
from defi_analytics.cli.schemas_audit import FillRow
from defi_analytics.cli.tree import Listing, new_app

if TYPE_CHECKING:
    from defi_analytics.app.fills import Executed

app = new_app(help="List an account's fills, or export them for accounts.", cls=Listing)


@app.command("list")
@with_common
def list_fills(
    common: Common,
    account: AccountName = None,
    limit: Annotated[
        int, typer.Option("--limit", min=1, max=100_000, metavar="N", help="The last N. [default: 50]")
    ] = 50,
) -> int:
    r"""List the last fills, the newest at the end.

    \b
    Examples:
      defi fills
      defi fills list --limit 500 --json
    """
    return asyncio.run(_fills(common, account, days("", ""), limit))


@app.command("export")
@with_common
def export_fills(common: Common, account: AccountName = None, since: Since = "", until: Until = "") -> int:
    r"""Write every fill with every digit, as CSV unless another form is asked for.

    Fee and notional are in the quote; a fee is negative for a rebate. The transaction is the one that placed
    the order: the exchange fills it in a block, by no transaction of its own.

    \b
    Examples:
      defi fills export > fills.csv
      defi fills export --since 2026-01-01 --until 2026-12-31 -o ndjson
    """
    return asyncio.run(_fills(common, account, days(since, until), None))


async def _fills(common: Common, account_name: str | None, wanted: Days, limit: int | None) -> int:
    from dataclasses import replace

    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.fills import executed
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger:
            rows = [_row(each) for each in executed(ledger.journal)]
        rows = [row for row in rows if wanted.include(row.at)]
        shown = rows if limit is None else rows[-limit:]
        plain_export = limit is None and not common.json and common.output is Output.AUTO
        form = replace(common, output=Output.CSV) if plain_export else common
        emit(Document("fills", shown, session.app.network, execution=account.execution), FILL_COLUMNS, form)
        hint(form, f"{len(shown)} of {len(rows)} fills of {account.address}")
        return 0


def _row(each: "Executed") -> FillRow:
    fill, market = each.fill, each.market
    return FillRow(
        at=fill.at,
        height=fill.height,
        fill_id=fill.fill_id,
        market=market.ticker if market else "",
        market_id=fill.key.market_id,
        side=fill.side.value,
        price=text(fill.price),
        quantity=text(fill.quantity),
        base=market.base if market else "",
        notional=text(fill.price * fill.quantity),
        quote=market.quote if market else "",
        fee=text(fill.fee),
        fee_asset=market.quote if market else "",
        liquidity="maker" if fill.maker else "taker",
        strategy=each.strategy,
        client_order_id=fill.client_order_id,
        order_hash=fill.order_hash,
        tx_hash=each.tx_hash,
    )
