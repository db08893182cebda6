import asyncio
from decimal import Decimal

from defi_analytics.cli.audit_rows import BALANCE_COLUMNS, balance_row
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import Document
from defi_analytics.cli.options import AccountName
from defi_analytics.cli.render import emit, hint
from defi_analytics.cli.tree import new_app

app = new_app()


@app.command()
@with_common
def balances(common: Common, account: AccountName = None) -> int:
    r"""Show what an account has, and what became of its start.

    As the venue tells it. A paper account has what run.paper_balances gave it, and its fills. What was paid
    in later counts as if it had been there from the start: the change is what trading and gas made of it.

    \b
    Examples:
      defi balances
      defi balances -o csv
    """
    return asyncio.run(_balances(common, account))


async def _balances(common: Common, account_name: str | None) -> int:
    from defi_analytics.app.accounts import account_of
    from defi_analytics.app.chains import onlooker_of
    from defi_analytics.app.ledgers import read_ledger
    from defi_analytics.app.trading import RunRequest, traded_markets
    from defi_analytics.cli.session import opened

    async with opened(common) as session:
        account = account_of(session.app, account_name)
        with read_ledger(session.app, account) as ledger, session.working("reading balances"):
            markets = await traded_markets(session.app, RunRequest())
            portfolio = await onlooker_of(session.app, account).chain_of(ledger).portfolio(markets)
        found = sorted(portfolio.balances.values(), key=lambda b: (not b.asset, b.asset, b.denom))
        start = ledger.baseline or {}
        rows = [balance_row(b, start) for b in found if b.total or Decimal(start.get(b.asset, 0))]
        emit(
            Document("balances", rows, session.app.network, execution=account.execution),
            BALANCE_COLUMNS,
            common,
        )
        also = f"see also: defi positions {account.options}"
        hint(common, f"{account.address} at block {portfolio.height}; {also}")
        return 0
