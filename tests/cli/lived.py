"""A paper account of the sandbox with a past: a fill, a resting order, an order that is over, a decision."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from defi_analytics.app.accounts import Account
from defi_analytics.clock import WallClock
from defi_analytics.domain.decision import OrderKind
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill, OrderRequest
from defi_analytics.domain.transaction import OrderResult, SignedTransaction
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.records import Fills, Kind, Resolved, Signed
from defi_analytics.storage.journal import SqliteJournal
from tests.builders import a_market
from tests.fakes import NOON

HEIGHT = 140_000_000
"""Long before the sandbox's first block."""
ACCOUNT = Account("sandbox")
MARKET = replace(
    a_market(),
    market_id="0xa508cb32923323679f29a032c70342c147c17d0145625922b0ef22e955c844c0",
    base_denom="inj",
    quote_denom="peggy0xdAC17F958D2ee523a2206206994597C13D831ec7",
    base_decimals=18,
    quote_decimals=6,
)
FILL = Fill(
    "f1", MARKET.key, "taken-1", "0xtaken", Side.BUY, Decimal("17.036"), Decimal(2), Decimal("0.017036"),
    NOON, HEIGHT - 5,
)  # fmt: skip


def journal_path(home: Path) -> Path:
    return ACCOUNT.journal(home / "state")


def live(home: Path, *, balances: str = "1000") -> Path:
    """Writes the journal; `balances` is the USDT it says the account began with."""
    with SqliteJournal(journal_path(home)) as journal:
        ledger = Ledger.opened(journal, WallClock())
        ledger.write(BASELINE, {"height": HEIGHT - 9, "balances": {"USDT": balances, "INJ": "0"}})
        _place(ledger, "taken-1", OrderKind.MARKET, Side.BUY)
        ledger.write(Kind.FILLS, Fills(1, HEIGHT - 5, (FILL,)))
        _place(ledger, "resting-1", OrderKind.LIMIT, Side.SELL)
    return journal_path(home)


def _place(ledger: Ledger, order_id: str, kind: OrderKind, side: Side) -> None:
    request = OrderRequest(order_id, MARKET, side, kind, 99_000, 2_000, "convergence")
    expiry = 0 if kind is OrderKind.MARKET else 2 * HEIGHT
    transaction = SignedTransaction(
        f"TX{order_id}", b"", "paper", 1, HEIGHT, (order_id,), 1, Decimal("0.000048"), NOON, expiry
    )
    ledger.write(Kind.SIGNED, Signed(transaction, (request,)))
    results = (OrderResult(order_id, f"0x{order_id}"),)
    ledger.write(Kind.RESOLVED, Resolved(f"TX{order_id}", HEIGHT - 6, 0, "", "", results, "found"))
