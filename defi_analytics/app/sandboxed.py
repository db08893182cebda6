"""Each sandbox is a chain of its own: which one a journal is of, and what outlasts the end of that one.

A person's halt and the losses of a day and a week, and since the peak, are about who trades, not about the
chain: a sandbox that is started again must lift none of them.
"""

import math

import msgspec

from defi_analytics.app.capital import looked_aside
from defi_analytics.app.opening import STATUS_PATH
from defi_analytics.app.parts import App
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.ledger import Ledger
from defi_analytics.errors import DataError, Mismatch
from defi_analytics.risk import halting
from defi_analytics.risk.codes import TradingState
from defi_analytics.risk.halting import Record, halt, reduce
from defi_analytics.risk.losses import Carried, RiskState, carried, rolled
from defi_analytics.venues.injective.blocks import latest_block

GENESIS, CARRIED = "genesis", "carried"


class _Status(msgspec.Struct, frozen=True, gc=False):
    genesis: str


async def genesis_of(app: App) -> str:
    """What tells this sandbox from every other; empty where it does not say."""
    try:
        answer = await app.http.get("sandbox", f"{app.injective_network.lcd_url}{STATUS_PATH}")
        return msgspec.json.decode(answer, type=_Status).genesis
    except (DataError, msgspec.MsgspecError, RecursionError):
        return ""


async def is_another(app: App, ledger: Ledger, genesis: str) -> bool:
    """Whether the journal is of a chain that is not this one."""
    for _, _, body in ledger.journal.replay(GENESIS):
        if genesis and body.get("id") != genesis:
            return True
    return (await latest_block(app.http, app.injective_network)).height < ledger.books.scanned_height


def begun(ledger: Ledger, genesis: str) -> None:
    """Notes which chain the journal is of, once."""
    if genesis and not any(ledger.journal.replay(GENESIS)):
        ledger.write(GENESIS, {"id": genesis})


def carry(before: RiskState, ledger: Ledger) -> None:
    """Writes into a new journal what the one before leaves to it."""
    for record in _standing(before):
        ledger.write(record.kind, record.body)
    today = rolled(before, ledger.clock.now())
    for record in _counted(today):
        ledger.write(record.kind, record.body)
    past = carried(today)
    if past is not None:
        ledger.write(CARRIED, past._asdict())


async def take_over(agent: Agent, aside: Ledger) -> None:
    """The losses so far, as the same fractions of what the account is worth on this chain.

    `aside` is a ledger that is kept nowhere: its look writes nothing down.
    """
    past = _carried(agent.ledger) if math.isnan(agent.ledger.risk.equity) else None
    if past is None:
        return
    await looked_aside(agent, aside)
    if aside.risk.equity > 0.0:
        begun_with = {"equity": aside.risk.equity, **past._asdict()}
        agent.ledger.write(halting.CARRIED, begun_with)


def _carried(ledger: Ledger) -> Carried | None:
    """Raises Mismatch for a record that is not whole."""
    for _, _, body in ledger.journal.replay(CARRIED):
        try:
            return msgspec.convert([body[name] for name in Carried._fields], Carried)
        except (KeyError, msgspec.ValidationError) as error:
            raise Mismatch(f"the journal holds an impossible {CARRIED!r} record: {error}") from None
    return None


def _standing(before: RiskState) -> list[Record]:
    if before.trading is TradingState.ACTIVE:
        return []
    stop = halt if before.trading is TradingState.HALTED else reduce
    return [stop(before.code, before.reason, before.by)]


def _counted(today: RiskState) -> list[Record]:
    trades = [Record("risk.trade", {"market": ""})] * today.trades_today
    return [*trades, Record("risk.gas", {"inj": today.gas_today})]
