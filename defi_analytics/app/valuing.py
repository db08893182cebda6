"""What counts as an account's worth depends on a run's markets: changing those is no profit and no loss."""

from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any

from defi_analytics.app.parts import App
from defi_analytics.app.traded import everywhere
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.snapshot import Listing
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.decisions import STARTED
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paid_in import own_part
from defi_analytics.engine.reckoning import GAS
from defi_analytics.errors import NotFound
from defi_analytics.mispricing.rates import STABLE
from defi_analytics.risk.halting import FLOW
from defi_analytics.risk.losses import RiskState

TRADED, VALUED = "markets", "valued"
"""In a `run.started` record: the ids of its markets, and the assets that its equity was the worth of.

The second also in the flow that made it so: a crash between the two must not have it made twice.
"""


def valued(markets: Sequence[Market], currency: str) -> list[str]:
    """What is read of an account, as far as these markets trade it; what pays for gas is always read."""
    read = {m.base for m in markets if m.kind is MarketKind.SPOT or m.base == GAS}
    return sorted(read | {m.quote for m in markets} | {currency})


async def revalue(app: App, agent: Agent, markets: Sequence[Market]) -> None:
    """Writes what came to count since the last run, less what no longer does, as if it were paid in or out.

    Otherwise a run on more markets would hide a loss, and one on fewer would halt for a loss nobody made.
    Where capital was given, what the account had of an asset before does not count with it either.
    Raises NotFound for an asset that nothing prices.
    """
    ledger = agent.ledger
    before = valued_before(ledger)
    now = set(valued(markets, app.settings.run.currency))
    changed = set() if before is None else before ^ now
    if not changed:
        return
    # What is no longer counted may be so because its market was paused.
    listed = (await everywhere(app)).markets.values()
    tell = [m for m in listed if m.verified and changed & set(valued([m], m.quote))]
    own = agent.execution
    part = await own_part(ledger, own.chain, tell, pays_gas=own.pays_gas) if tell else None
    balances = part.portfolio.balances.values() if part else ()
    reserved = {a: own for a, own in agent.terms.reserved.items() if a not in STABLE}
    apart = ledger.risk.left_out(reserved, tell)
    amount = 0.0
    for asset in sorted(changed):
        held = sum((b.total for b in balances if b.asset == asset), Decimal(0)) - apart.get(asset, 0)
        worth = float(held) * await mark(app, asset) if held else 0.0
        amount += worth if asset in now else -worth
    if amount:
        said = {"by": "run", "reason": "it is on other markets", VALUED: sorted(now)}
        ledger.write(FLOW, {"amount": amount, **said})


def comparable(ledger: Ledger, markets: Sequence[Market], currency: str) -> bool:
    """Whether the worth of what these markets trade is that of the same assets as the last equity."""
    return valued_before(ledger) in (None, set(valued(markets, currency)))


def traded_before(ledger: Ledger) -> list[str]:
    """Ids of the last run's markets; empty where it did not say so, or there was none."""
    told: Any = None
    for _, _, body in ledger.journal.replay(STARTED):
        told = body.get(TRADED)
    return list(map(str, told)) if isinstance(told, list) else []


def valued_before(ledger: Ledger) -> set[str] | None:
    """What the last equity was the worth of; None where the last run did not say so, or there was none."""
    told: Any = None
    for _, kind, body in ledger.journal.replay(STARTED, FLOW):
        told = body.get(VALUED, told if kind == FLOW else None)
    return set(told) if isinstance(told, list) else None


async def flow_of(app: App, risk: RiskState, asset: str, quantity: Decimal) -> float:
    """What so much that was paid in or out changes of the equity; nothing where it is the owner's, apart.

    Raises NotFound for an asset that nothing prices.
    """
    cash = asset == app.settings.run.currency or asset in STABLE
    return 0.0 if risk.allotted and not cash else float(quantity) * await mark(app, asset)


async def mark(app: App, asset: str) -> float:
    """Account currency per unit, for the equity that losses are measured from; a stablecoin counts as one.

    Raises NotFound for an asset that no market here prices.
    """
    currency = app.settings.run.currency
    if asset == currency or {asset, currency} <= set(STABLE):
        return 1.0
    listing = await app.injective().listing()
    if (mid := _mid(listing, asset, currency)) is None:
        mid = _mid(await everywhere(app), asset, currency)
    if mid is None:
        raise NotFound("injective", f"nothing prices {asset} in {currency}", hint="see: defi market list")
    return mid


def _mid(listing: Listing, asset: str, currency: str) -> float | None:
    for market_id, market in listing.markets.items():
        with suppress(KeyError):
            mid = listing.tops[market_id].mid
            if market.base == asset and market.quote == currency and mid is not None:
                return mid
    return None
