from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from defi_analytics.app import reconciling
from defi_analytics.app.accounts import Account
from defi_analytics.app.ledgers import opened_ledger
from defi_analytics.app.reconciling import accept, compared
from defi_analytics.app.trading import Trader
from defi_analytics.domain.edge import Side
from defi_analytics.domain.order import Fill
from defi_analytics.domain.snapshot import Listing
from defi_analytics.engine.ledger import BASELINE, Ledger
from defi_analytics.engine.paper import PaperChain
from defi_analytics.errors import Mismatch, NotFound
from defi_analytics.risk.losses import day_loss, drawdown
from tests.builders import a_top
from tests.engine.trading import HOME, World
from tests.fakes import NOON

PAPER = Account("sandbox")
UNPRICED = replace(HOME, market_id="abc", base="ABC", base_denom="abc", ticker="ABC/USDT")


@pytest.fixture
def app(tmp_path: Any, monkeypatch: Any) -> Any:
    """What the account has is in `have`; it began with 100 USDT and 1 INJ."""
    world, have = World(), {"USDT": Decimal(100), "INJ": Decimal(1)}
    venue: Any = world

    async def markets(app: Any, request: Any) -> Any:
        return [HOME, UNPRICED]

    async def listing() -> Listing:
        top = a_top(HOME, 24.0, 26.0)
        return Listing(NOON, {HOME.market_id: HOME}, {HOME.market_id: top})

    def chain(ledger: Ledger) -> PaperChain:
        return PaperChain(venue, world.latest, world.clock, ledger.books, have)

    async def inactive() -> Listing:
        return Listing("injective", {}, {})

    monkeypatch.setattr(reconciling, "traded_markets", markets)
    monkeypatch.setattr(reconciling, "onlooker_of", lambda app, account: Trader(account, chain))
    settings = SimpleNamespace(home=tmp_path, run=SimpleNamespace(currency="USDT"))
    source = SimpleNamespace(listing=listing, inactive=inactive)
    return SimpleNamespace(
        settings=settings, network="testnet", clock=world.clock, have=have, injective=lambda: source
    )


async def begun(app: Any, **balances: str) -> None:
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        ledger.write(BASELINE, {"height": 1, "balances": {"USDT": "100", "INJ": "1", **balances}})
        ledger.write("risk.equity", {"equity": 125.0})


async def test_a_deposit_moves_what_losses_are_measured_from_by_its_worth(app: Any) -> None:
    await begun(app)
    assert (await compared(app, PAPER)).clean
    app.have["USDT"], app.have["INJ"] = Decimal(150), Decimal("1.5")
    assert len((await compared(app, PAPER)).differences) == 2
    after = await accept(app, PAPER, [("USDT", Decimal(50)), ("INJ", Decimal("0.5"))])
    assert after.clean
    async with opened_ledger(app, PAPER, locked=False) as ledger:
        assert ledger.risk.equity == pytest.approx(125 + 50 + 0.5 * 25)
        assert ledger.baseline == {"USDT": "150", "INJ": "1.5"}


async def test_one_wrong_amount_and_none_is_recorded(app: Any) -> None:
    await begun(app)
    app.have["USDT"], app.have["INJ"] = Decimal(150), Decimal("1.5")
    with pytest.raises(Mismatch):
        await accept(app, PAPER, [("USDT", Decimal(50)), ("INJ", Decimal("0.4"))])
    assert len((await compared(app, PAPER)).differences) == 2


async def test_a_flow_of_what_nothing_prices_is_not_guessed(app: Any) -> None:
    await begun(app)
    app.have["INJ"], app.settings.run.currency = Decimal(2), "EUR"
    with pytest.raises(NotFound, match="nothing prices INJ in EUR"):
        await accept(app, PAPER, [("INJ", Decimal(1))])


async def test_an_asset_of_no_market_here_is_not_taken_for_lost(app: Any) -> None:
    await begun(app, XYZ="1")
    assert (await compared(app, PAPER)).differences == ()


async def test_what_fills_explain_is_counted_before_anything_is_accepted(app: Any, monkeypatch: Any) -> None:
    await begun(app)
    by_hand = Fill("web", HOME.key, "", "0xweb", Side.BUY, Decimal(25), Decimal(1), Decimal(0), NOON, 1_001)

    async def fills(chain: PaperChain, markets: Any, first: int, last: int) -> list[Fill]:
        return [by_hand] if first <= by_hand.height <= last else []

    # What paper has is what its books come to: it knows of the trade once they do.
    monkeypatch.setattr(PaperChain, "fills", fills)
    app.have["USDT"] += 50
    after = await accept(app, PAPER, [("USDT", Decimal(50))])
    assert after.clean
    async with opened_ledger(app, PAPER, locked=False) as ledger:
        assert ledger.baseline == {"USDT": "150", "INJ": "1"}
        assert ledger.books.net[HOME.key].quantity == 1


async def test_a_deposit_that_a_run_has_valued_already_is_not_counted_twice(app: Any) -> None:
    await begun(app)
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        ledger.write("risk.equity", {"equity": 123.75})
        ledger.write("risk.equity", {"equity": 173.75, "unexplained": {"USDT": "50"}})
    app.have["USDT"] = Decimal(150)
    assert (await accept(app, PAPER, [("USDT", Decimal(50))])).clean
    async with opened_ledger(app, PAPER, locked=True) as ledger:
        assert ledger.risk.equity == 173.75
        ledger.write("risk.equity", {"equity": 173.75})
        assert drawdown(ledger.risk) == pytest.approx(0.01)
        assert day_loss(ledger.risk) == pytest.approx(0.01)
