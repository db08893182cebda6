import asyncio
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from defi_analytics.cli.audit_rows import POSITION_COLUMNS, position_row
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.market_rows import warning_rows
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import emit, hint
from defi_analytics.cli.schemas import WarningRow
from defi_analytics.cli.schemas_audit import PositionRow
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.market import MarketKey
from defi_analytics.errors import DataError

if TYPE_CHECKING:
    from defi_analytics.app.parts import App

app = new_app()


@app.command()
@with_common
def positions(common: Common, account: AccountName = None) -> int:
    r"""Show what an account holds by its fills, and what it is worth.

    By strategy and market, spot holdings and perpetuals alike, from the journal; only the marks are read
    from the venue. Realised and fees are of all that the strategy ever traded on the market, positions that
    are closed included. `defi reconcile` tells whether the venue agrees.

    \b
    Examples:
      defi positions
      defi positions --json
    """
    return asyncio.run(_positions(common, account))


async def _positions(common: Common, account_name: str | None) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger:
            books = ledger.books
        held = {owner: own for owner, own in books.held.items() if own.quantity and owner[1] in books.markets}
        with session.working("reading marks"):
            marks, warnings = await _marks(session.app) if held else ({}, [])
        rows = [
            position_row(books.markets[key], strategy, own, _exact(marks.get(key)))
            for (strategy, key), own in held.items()
        ]
        warnings = warnings or list(_unmarked(rows))
        document = Document("positions", rows, session.app.network, warnings, execution=account.execution)
        emit(document, POSITION_COLUMNS, common)
        if not rows:
            hint(common, f"{account.address} holds nothing by its fills")
        return 0


async def _marks(app: "App") -> tuple[Mapping[MarketKey, float | None], list[WarningRow]]:
    """A venue that cannot be read is a warning: what is held is known without it."""
    try:
        listing = await app.injective().listing()
    except DataError as error:
        return {}, [WarningRow(code=error.code, message=error.message, source=error.source)]
    return {
        market.key: listing.tops[market_id].mid
        for market_id, market in listing.markets.items()
        if market_id in listing.tops
    }, warning_rows(listing.problems)


def _unmarked(rows: Sequence[PositionRow]) -> Iterator[WarningRow]:
    for market in dict.fromkeys(row.market for row in rows if row.mark is None):
        yield WarningRow(
            code="NO_MARK", message=f"{market} has no mark: it is not traded now, or has no bid or ask"
        )


def _exact(mark: float | None) -> Decimal | None:
    return None if mark is None else Decimal(repr(mark))
