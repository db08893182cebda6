"""How an account stands: its journal, and what the markets say of it where they can be asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from defi_analytics.app.accounts import Account, told_to_stop
from defi_analytics.app.chains import onlooker_of
from defi_analytics.app.in_force import LimitsInForce, in_force
from defi_analytics.app.ledgers import ledger_of
from defi_analytics.app.limits import capital_of, market_limits, risk_limits
from defi_analytics.app.parts import App
from defi_analytics.app.scan import ScanRequest, look
from defi_analytics.app.traded import by_ids, chosen
from defi_analytics.app.trading import RunRequest, market_names
from defi_analytics.domain.edge import EdgeKind
from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.portfolio import Portfolio
from defi_analytics.engine.facts import at_stake, cash_of, maintenance_margin, marks_of
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.paid_in import own_part
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.errors import DefiError
from defi_analytics.risk import exposure
from defi_analytics.risk.codes import Denial, TradingState
from defi_analytics.risk.halting import Record, apply, halt, observed
from defi_analytics.risk.losses import RiskState
from defi_analytics.strategies.registry import STRATEGIES


class Looked(NamedTuple):
    """What a decision would be made from now, and the account in it."""

    known: Known
    terms: Terms
    markets: Sequence[Market]
    valued: exposure.Account
    certain: bool
    """Whether it could be valued: nothing is under way, and no amount lacks an explanation."""


@dataclass(frozen=True, slots=True)
class Standing:
    account: Account
    ledger: Ledger | None
    """None where the journal cannot be read; `unreadable` says why."""
    unreadable: str
    told: str
    """Why a file says not to trade; empty without one."""
    limits: LimitsInForce
    looked: Looked | None
    """None where the venue could not be asked; `silent` says why."""
    silent: DefiError | None = None

    @property
    def trading(self) -> TradingState:
        """What cannot be read is halted, and so is what a file stops, for the reader as for the agent."""
        if self.ledger is None or self.told:
            return TradingState.HALTED
        return self.ledger.risk.trading

    @property
    def code(self) -> Denial:
        if self.ledger is None:
            return Denial.RISK_STATE_UNKNOWN
        return self.ledger.risk.code or (Denial.HALTED if self.told else Denial.NONE)

    @property
    def risk(self) -> RiskState:
        """At the account's present worth where that can be told, else as the journal has it."""
        if self.looked is not None:
            return self.looked.known.risk
        return self.ledger.risk if self.ledger else RiskState()


async def standing(app: App, account: Account) -> Standing:
    """Never raises for a journal or a venue that cannot be read: that is a part of the answer."""
    home = app.settings.home
    limits = LimitsInForce(risk_limits(app.settings), capital=capital_of(app.settings))
    told = told_to_stop(home, account)
    try:
        ledger = ledger_of(home, account, app.clock)
        limits = in_force(app.settings, account)
    except DefiError as error:
        return Standing(account, None, error.message, told, limits, None)
    try:
        found = await looked(app, account, ledger)
    except DefiError as error:
        return Standing(account, ledger, "", told, limits, None, error)
    return Standing(account, ledger, "", told, limits, found)


async def looked(
    app: App,
    account: Account,
    ledger: Ledger,
    kinds: frozenset[EdgeKind] = frozenset({EdgeKind.ORACLE}),
    also: frozenset[MarketKey] = frozenset(),
) -> Looked:
    """A look at what may be traded, at what is held, and at these markets `also`.

    `kinds` is what is looked for; prices come with any. Raises DataError where the venue cannot be read,
    WrongState for an account that cannot be asked about.
    """
    trader = onlooker_of(app, account)
    chain = trader.chain_of(ledger)
    force, held = in_force(app.settings, account), ledger.books.at_risk
    own = tuple(await _own(app, ledger, force.traded))
    keys = tuple(dict.fromkeys(key.market_id for key in (*(market.key for market in own), *also)))
    found = await look(app, ScanRequest(markets=keys, kinds=kinds, held=held | also, known=own))
    snapshot = found.snapshot
    markets = [snapshot.markets[key] for key in snapshot.markets if key.market_id in keys]
    block, currency = await chain.block(), app.settings.run.currency
    whole = await own_part(ledger, chain, markets, pays_gas=trader.pays_gas)
    portfolio = at_stake(whole.portfolio, markets, currency)
    reserved = _reserved(ledger, portfolio, markets, currency)
    marks = marks_of(snapshot, markets, currency)
    apart = ledger.risk.left_out(reserved, markets)
    valued = exposure.Account(portfolio, {m.key: m for m in markets}, marks, reserved, apart)
    skew_s = (app.clock.now() - block.at).total_seconds()
    stopped = told_to_stop(app.settings.home, account)
    counted = [market for market in markets if market.key in {one.key for one in own}]
    staked = at_stake(whole.portfolio, counted, currency)
    compared = replace(valued, portfolio=staked, apart=ledger.risk.left_out(reserved, counted))
    worth = exposure.equity(compared)
    # As a run, which values nothing while what came in cannot be told from what was traded.
    records = list(observed(ledger.risk, snapshot.time, worth, force.general)) if whole.certain else []
    if not math.isfinite(worth):
        missing = ", ".join(exposure.unpriced(compared)) or "a part of it"
        app.warn(f"what the account is worth is not known, and nothing is entered: no price of {missing}")
    if stopped:
        records.append(halt(Denial.HALTED, stopped, "person"))
    risk = _folded(ledger.risk, snapshot.time, records)
    known = Known(snapshot, found.edges, ledger.books, portfolio, risk, skew_s)
    return Looked(known, _terms(app, markets, reserved, force), markets, valued, whole.certain)


def _folded(state: RiskState, at: datetime, records: Sequence[Record]) -> RiskState:
    """What an agent would find now. Nothing is written."""
    for record in records:
        state = apply(state, record.kind, at, record.body)
    return state


def maintenance(markets: Sequence[Market]) -> Mapping[MarketKey, float]:
    """Of each derivative, a fraction of notional; NaN where nobody told it."""
    return {m.key: maintenance_margin(m) for m in markets if m.kind is not MarketKind.SPOT}


async def _own(app: App, ledger: Ledger, traded: tuple[str, ...]) -> list[Market]:
    """Those that the last run traded, or else a run would, and those held, whatever became of them.

    Losses are measured from the worth of just their assets.
    """
    own = ledger.books.markets
    held = [own[key] for key in sorted(ledger.books.at_risk) if key in own]
    if traded:
        return await by_ids(app, traded, held)
    found = await chosen(app, market_names(app, RunRequest()), held)
    return list({market.market_id: market for market in (*held, *found)}.values())


def _terms(
    app: App, markets: Sequence[Market], reserved: Mapping[str, Decimal], force: LimitsInForce
) -> Terms:
    return Terms(
        strategies=tuple((s, s.params) for s in STRATEGIES.values()),
        limits=force.general,
        market_limits=market_limits(app.settings, markets) if force.markets is None else force.markets,
        currency=app.settings.run.currency,
        gas_per_order=float(app.settings.scan.gas_cost_inj),
        reserved=reserved,
    )


def _reserved(
    ledger: Ledger, portfolio: Portfolio, markets: Sequence[Market], currency: str
) -> dict[str, Decimal]:
    """As a run would keep it: what was there before the first order, which may not have been written yet."""
    now = {b.asset: str(b.total) for b in portfolio.balances.values() if b.asset}
    cash = cash_of(markets, currency)
    before = now if ledger.baseline is None else ledger.baseline
    return {asset: Decimal(amount) for asset, amount in before.items() if asset not in cash}
