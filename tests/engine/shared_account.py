"""An account that somebody else trades too, on paper and in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import Fill
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.agent import Agent
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.ledger import BASELINE
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import Unavailable
from tests.engine.memory_journal import MemoryJournal
from tests.engine.trading import HOME, PERP, World, an_agent
from tests.fakes import NOON

ONE = Decimal(1)


@dataclass(slots=True)
class Shared(PaperChain):
    """An account that somebody else trades too; `told` is false for a trade that no block tells of."""

    foreign: list[Fill] = field(default_factory=list)
    told: bool = True
    moved_entry: Decimal | None = None
    """What the position cost since somebody sold of it and bought again."""
    paid: Decimal = Decimal(0)
    """Of cash, by others than us."""

    @property
    def account(self) -> str:
        return "inj1shared"

    async def fills(self, markets: Sequence[Market], first_height: int, last_height: int) -> Sequence[Fill]:
        own = await PaperChain.fills(self, markets, first_height, last_height)
        keys = {market.key for market in markets} if self.told else set()
        theirs = [f for f in self.foreign if f.key in keys and first_height <= f.height <= last_height]
        return [*own, *theirs]

    async def portfolio(self, markets: Sequence[Market]) -> Portfolio:
        known = await PaperChain.portfolio(self, markets)
        for fill in self.foreign:
            if fill.fill_id not in self.books._counted:
                known = with_trade(known, fill)
        if self.moved_entry is not None:
            held = {key: replace(p, entry_price=self.moved_entry) for key, p in known.positions.items()}
            known = replace(known, positions=held)
        return moved_by(known, "USDT", -self.paid)

    def _counted(self, key: Any) -> Decimal:
        theirs = (f for f in self.foreign if f.key == key and f.fill_id not in self.books._counted)
        return sum((fill.signed for fill in theirs), PaperChain._counted(self, key))

    def trade(self, key: Any, amount: Decimal, height: int) -> None:
        side = Side.BUY if amount > 0 else Side.SELL
        name = f"web-{len(self.foreign)}"
        price = Decimal(25)
        self.foreign.append(Fill(name, key, "", f"0x{name}", side, price, abs(amount), ONE, NOON, height))


def with_trade(known: Portfolio, fill: Fill) -> Portfolio:
    signed = fill.quantity if fill.side is Side.BUY else -fill.quantity
    if fill.key not in (HOME.key, PERP.key):
        return known
    if fill.key != PERP.key:
        return moved_by(moved_by(known, "INJ", signed), "USDT", -signed * fill.price - fill.fee)
    before = known.positions.get(fill.key)
    if before is None:
        now_held = Position(fill.key, signed, fill.price, ONE)
    else:
        now_held = replace(before, quantity=before.quantity + signed)
    return replace(known, positions={**known.positions, fill.key: now_held})


def moved_by(known: Portfolio, asset: str, amount: Decimal) -> Portfolio:
    had = known.balances.get(asset.lower(), Balance(asset.lower(), asset, Decimal(0), Decimal(0)))
    now = replace(had, total=had.total + amount, available=had.available + amount)
    return replace(known, balances={**known.balances, had.denom: now})


def shared(world: World, journal: MemoryJournal) -> tuple[Agent, Shared]:
    agent = an_agent(world, journal)
    paper: Any = agent.execution.chain
    chain = Shared(paper.venue, paper.latest, paper.clock, paper.books, {"USDT": Decimal(1000), "INJ": ONE})
    agent.execution = Execution(chain, agent.ledger, pays_gas=False)
    agent.ledger.write(BASELINE, {"height": world.height, "balances": {"USDT": "1000", "INJ": "1"}})
    return agent, chain


def pruned(chain: Shared) -> Any:
    async def fills(self: Any, markets: Any, first_height: int, last_height: int) -> Sequence[Fill]:
        if first_height > last_height:
            return ()
        raise Unavailable("injective", "pruned")

    told = ("venue", "latest", "clock", "books", "start", "foreign", "paid")
    return type("Pruned", (Shared,), {"__slots__": (), "fills": fills})(
        **{name: getattr(chain, name) for name in told}
    )
