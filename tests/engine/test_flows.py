"""What a person accepts as a flow of their own is never counted again, in whatever order things happen."""

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from defi_analytics.domain.edge import Side
from defi_analytics.domain.market import Market
from defi_analytics.engine.differences import Code
from defi_analytics.engine.execution import Execution
from defi_analytics.engine.reconcile import unexplained
from tests.engine.start_states import PERP, SPOT, Account, run

MARKETS = st.sampled_from([SPOT, PERP])
SIDES = st.sampled_from(Side)
OF_FLOWS = frozenset({Code.BALANCE, Code.RECEIVED})


def cents(gap: Decimal) -> Decimal:
    """What was paid in is whole cents; an average price may leave a rest far below the chain's unit."""
    assert abs(gap - round(gap, 2)) < Decimal("1e-9")
    return round(gap, 2)


class Flows(RuleBasedStateMachine):
    """Its owner pays in and out and trades by hand, a strategy trades, and now and then somebody counts."""

    def __init__(self) -> None:
        super().__init__()
        self.account = Account()
        self.undeclared = {"INJ": Decimal(0), "USDT": Decimal(0)}
        """What was paid in, less what was accepted."""

    @rule(market=MARKETS, side=SIDES, lots=st.integers(1, 20))
    def trade_by_hand(self, market: Market, side: Side, lots: int) -> None:
        self.account.trade(market, "web", side, Decimal(lots) / 10)

    @rule(market=MARKETS, side=SIDES, lots=st.integers(1, 20))
    def trade(self, market: Market, side: Side, lots: int) -> None:
        order_id = self.account.place(market, side, lots * 100, blocks=10_000)
        self.account.trade(market, order_id, side, Decimal(lots) / 10)

    @rule(asset=st.sampled_from(["INJ", "USDT"]), tenths=st.integers(-50, 50))
    def pay_in(self, asset: str, tenths: int) -> None:
        """More than a hundred foreign trades may have cost in gas: so much INJ is nobody's to declare."""
        self.account.balances[asset] += Decimal(tenths) / 10
        self.undeclared[asset] += Decimal(tenths) / 10

    @rule()
    def count(self) -> None:
        run(Execution(self.chain, self.account.ledger).counting.count([SPOT, PERP]))

    @rule(blocks=st.integers(1, 400))
    def wait(self, blocks: int) -> None:
        self.account.height += blocks

    @rule()
    def restart(self) -> None:
        self.account.restart()

    @rule(moved=st.integers(0, 3), side=SIDES)
    def accept(self, moved: int, side: Side) -> None:
        """As `defi reconcile --accept-flow` does; somebody may trade between its two reads."""
        self.count()
        for _ in range(moved):
            self.trade_by_hand(SPOT, side, 1)
        found = self.account.reconciled()
        for each in (one for one in found.differences if one.code in OF_FLOWS):
            flow = unexplained(found, each.about, each.gap)
            assert cents(flow.gap) == self.undeclared[each.about]
            body = {"amount": 0.0, "asset": flow.about, "quantity": f"{flow.gap:f}"}
            self.account.ledger.write("risk.flow", body)
            self.undeclared[each.about] = Decimal(0)

    @property
    def chain(self) -> Any:
        return self.account

    @invariant()
    def what_is_unexplained_is_what_nobody_declared(self) -> None:
        """However much of it is counted, and however often it was accepted."""
        far = self.account.height
        told = self.account.reconciled(window_blocks=far).differences
        differs = {each.about: cents(each.gap) for each in told if each.code in OF_FLOWS}
        assert differs == {asset: gap for asset, gap in self.undeclared.items() if gap}


Flows.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestFlows = Flows.TestCase
