"""What of an account is risked: a run writes down what the settings say before its first decision."""

import math
from dataclasses import replace

from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import WrongState
from defi_analytics.risk.halting import capital_given


async def give(agent: Agent, capital: float | None, aside: Ledger) -> None:
    """Losses are fractions of so much from now on, None for the whole account; those so far stay as they are.

    `aside` is a ledger that is kept nowhere: what the account is worth without the owner's own assets is
    looked up with it. Raises DataError where that cannot be asked, WrongState where it is not known.
    """
    wanted = math.inf if capital is None else capital
    if agent.ledger.risk.capital == wanted:
        return
    # What was lost until now was lost of what was risked until now.
    await agent.value()
    aside.risk = replace(aside.risk, capital=wanted)
    await looked_aside(agent, aside)
    if not aside.risk.equity > 0.0:
        raise WrongState(
            "what the account is worth is not known, or is nothing: no capital can be set apart in it",
            hint="see: defi balances; defi doctor",
        )
    record = capital_given(capital, aside.risk.equity)
    agent.ledger.write(record.kind, record.body)


async def looked_aside(agent: Agent, aside: Ledger) -> None:
    """Writes in `aside` what the account is worth by the agent's own books: the same of it counts."""
    aside.books, aside.baseline = agent.ledger.books, agent.ledger.baseline
    own = agent.execution
    await replace(agent, execution=Execution(own.chain, aside, pays_gas=own.pays_gas)).value()
