"""An account that holds something, written down as a run would have."""

import asyncio
from decimal import Decimal
from pathlib import Path

from defi_analytics.app.accounts import Account
from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.domain.transaction import OrderResult, SignedTransaction
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.records import Fills, Kind, Resolved, Signed
from defi_analytics.http.client import Http
from defi_analytics.http.policy import Policy
from defi_analytics.storage.journal import SqliteJournal
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.lcd import InjectiveMarketData
from defi_analytics.venues.injective.networks import MAINNET, custom
from defi_analytics.venues.injective.resolve import resolve

PRICE = Decimal(17)
HEIGHT = 10


def held_of(
    state: Path,
    account: Account,
    url: str,
    ticker: str,
    quantity: str,
    *,
    proven: bool = True,
    left: bool = False,
) -> None:
    """Bought at 17 by convergence; `proven` or still on its way, and `left` again or not."""
    market = asyncio.run(market_at(url, ticker))
    holds(state, account, market, quantity, proven=proven, left=left)


def holds(
    state: Path, account: Account, market: Market, quantity: str, *, proven: bool = True, left: bool = False
) -> None:
    """The same, of a market that is known."""
    with SqliteJournal(account.journal(state)) as journal:
        ledger = Ledger.opened(journal, WallClock())
        ledger.write(BASELINE, {"height": 1, "balances": {"USDT": "1000"}})
        _order(ledger, market, "o1", Side.BUY, Decimal(quantity), 1, proven=proven)
        if left:
            _order(ledger, market, "o2", Side.SELL, Decimal(quantity), 2, proven=True)


async def market_at(url: str, ticker: str) -> Market:
    clock = WallClock()
    network = custom("sandbox", MAINNET.chain_id, url)
    async with Http(clock, Policy()) as http:
        venue = InjectiveMarketData(http, clock, network, assets_of(network.chain_id))
        return resolve(ticker, list((await venue.listing()).markets.values()))


def _order(
    ledger: Ledger, market: Market, name: str, side: Side, quantity: Decimal, number: int, *, proven: bool
) -> None:
    request = OrderRequest(
        name, market, side, OrderKind.MARKET, market.ticks(PRICE), market.lots(quantity), "convergence"
    )
    at, height = ledger.clock.now(), HEIGHT * number
    transaction = SignedTransaction(
        name, b"", "paper", number, height + 30, (name,), 1, Decimal("0.00005"), at
    )
    ledger.write(Kind.SIGNED, Signed(transaction, (request,)))
    if not proven:
        return
    ledger.write(Kind.RESOLVED, Resolved(name, height, 0, "", "", (OrderResult(name, "0x1"),), "found"))
    fill = Fill(name, market.key, name, "0x1", side, PRICE, quantity, Decimal(0), at, height)
    ledger.write(Kind.FILLS, Fills(height - HEIGHT + 1, height, (fill,)))
