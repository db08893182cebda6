"""Writes down what was paid in or out: as a person declares it, or as it is found at a start."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from defi_analytics.app.parts import App
from defi_analytics.app.starting import compare
from defi_analytics.app.valuing import flow_of, valued_before
from defi_analytics.domain.market import Market
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.differences import Difference, plain
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.reconcile import Reconciliation
from defi_analytics.errors import DataError
from defi_analytics.risk.flows import figures
from defi_analytics.risk.halting import FLOW, KINDS

PERSON, UNKNOWN = "person", "unknown"


async def worth_of(app: App, ledger: Ledger, flow: Difference) -> float:
    """What it changes of the equity; nothing of an asset that no equity so far was the worth of.

    Raises NotFound for an asset that nothing prices.
    """
    before = valued_before(ledger)
    if before is not None and flow.about not in before:
        return 0.0
    return await flow_of(app, ledger.risk, flow.about, flow.gap)


def book(app: App, ledger: Ledger, flow: Difference, amount: float, by: str) -> None:
    """Losses are from now on as if each part of it had been told before the first equity with it."""
    body = {"amount": amount, "asset": flow.about, "quantity": f"{flow.gap:f}", "by": by}
    try:
        told = figures(lambda: ledger.journal.replay(KINDS), app.clock.now(), body)
    except ValueError as error:
        app.warn(f"{flow.about}: losses are measured as if no run had valued it before: {error}")
        told = {}
    ledger.write(FLOW, body | told)


async def book_received(
    app: App, agent: Agent, markets: Sequence[Market], found: Reconciliation, *, pays_gas: bool, dry: bool
) -> None:
    """What came in while no run went on, and no trade explains: nobody's to declare, and nobody's profit.

    Only what is still there once every fill up to that look is counted. What cannot be priced or proven now
    waits for the next start, and the run leaves it out.
    """
    if not found.received:
        return
    ledger, chain = agent.ledger, agent.execution.chain
    try:
        await agent.execution.counting.count(markets)
        again = await compare(ledger, chain, markets, pays_gas=pays_gas, window_blocks=0)
        still = {(each.about, each.gap) for each in again.received}
        for each in (one for one in found.received if (one.about, one.gap) in still):
            book(app, ledger, each, await worth_of(app, ledger, each), UNKNOWN)
            done = "a run would book it" if dry else "booked"
            app.warn(f"{plain(each.gap)} {each.about} came in from somebody unknown: {done} as a deposit")
    except DataError as error:
        app.warn(f"what came in from somebody unknown is left out of this run: {error}")
    known = ledger.baseline or {}
    reserved = {asset: Decimal(known.get(asset, own)) for asset, own in agent.terms.reserved.items()}
    agent.terms = replace(agent.terms, reserved=reserved)
