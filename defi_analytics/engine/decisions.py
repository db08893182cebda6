"""Decisions as records, and again: what a journal holds is enough to make every one of them once more."""

import math
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.order import OpenOrder
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.engine.closing import closing_trades, guarding_trades
from defi_analytics.engine.decide import decide
from defi_analytics.engine.enough import enough
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.packing import Unpacker
from defi_analytics.engine.replay import recorded, replayed
from defi_analytics.engine.terms import Known, Terms
from defi_analytics.engine.trade import Decision, Purpose, decide_trades
from defi_analytics.errors import Mismatch, UsageError
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.ports import Clock, Journal, Strategy
from defi_analytics.risk.limits import RiskLimits
from defi_analytics.risk.losses import RiskState

STARTED, DECIDED = "run.started", "decision"
_STATES_KEPT = 100


class Replayed(NamedTuple):
    """A decision as it was written down, and as the same inputs decide now: both as plain JSON values."""

    id: str
    written: dict[str, Any]
    again: dict[str, Any]

    @property
    def same(self) -> bool:
        return self.written == self.again


class _Account(msgspec.Struct):
    """A portfolio whose mappings are lists: what they hold names its key itself."""

    account: str
    at: Any
    height: int
    balances: list[Balance]
    positions: list[Position]
    open_orders: tuple[OpenOrder, ...]


_Told = list[int | float | None]
"""Limits in their order, null for an infinite one; a journal of before has not the last of them."""


class _Terms(msgspec.Struct):
    strategies: list[tuple[str, dict[str, float]]]
    limits: _Told
    market_limits: list[tuple[MarketKey, _Told]]
    currency: str
    gas_per_order: float
    reserved: dict[str, Any]
    pays_gas: bool = True


def told_of(known: Known, scope: Scope, limits: Limits, decision: Decision, terms: Terms) -> dict[str, Any]:
    """A decision with all that it takes to make it again: what a record of it packs."""

    def same(snapshot: Snapshot) -> bool:
        less = known._replace(snapshot=snapshot, edges=decide(snapshot, scope, limits))
        markets = [snapshot.markets[key] for key in decision.markets]
        return told(_MADE[decision.purpose](less, markets, terms)) == told(decision)

    own = known.portfolio
    return {
        **recorded(enough(known, decision, same), scope, limits),
        "portfolio": _Account(
            own.account,
            own.at,
            own.height,
            list(own.balances.values()),
            list(own.positions.values()),
            own.open_orders,
        ),
        "clock_skew_s": known.clock_skew_s,
        "purpose": decision.purpose,
        "markets": decision.markets,
        "said": told(decision),
    }


def headed(decision: Decision) -> dict[str, Any]:
    """What a record says of a decision without being unpacked; nothing of one that nothing was asked for."""
    refused = Counter(refused.code.name for refused in decision.refused)
    approved = sum(len(group.orders) for group in decision.approved)
    said = {"approved": approved, "refused": refused}
    return {"id": decision.id} | {name: value for name, value in said.items() if value}


def told(decision: Decision) -> dict[str, Any]:
    """Everything that was decided, as plain JSON values."""
    cancels = [cancel.client_order_id for cancel in decision.cancels]
    said = {"considered": decision.considered, "answers": decision.answers, "cancels": cancels}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(said))
    return _brief(plain)


def said_of(whole: Mapping[str, Any]) -> dict[str, Any]:
    """What an unpacked record says was decided, as `told` tells it: markets by their keys."""
    return _brief(whole["said"])


def _brief(said: Mapping[str, Any]) -> dict[str, Any]:
    """Without what the rest of the record tells; older journals hold it once more."""
    considered = [{k: v for k, v in row.items() if k != "client_order_id"} for row in said["considered"]]
    return {**said, "considered": considered, "answers": [_brief_answer(a) for a in said["answers"]]}


def _brief_answer(answer: Mapping[str, Any]) -> dict[str, Any]:
    if "about" in answer:
        return {**answer, "about": _brief_request(answer["about"])}
    orders = [{**order, "request": _brief_request(order["request"])} for order in answer["orders"]]
    return {**answer, "orders": orders}


def _brief_request(request: Mapping[str, Any]) -> dict[str, Any]:
    market = request["market"]
    key = [market["venue"], market["market_id"]] if isinstance(market, dict) else market
    return {**request, "market": key}


def terms_told(terms: Terms) -> dict[str, Any]:
    """The part of a `run.started` record that `terms_of` reads. Raises UsageError for limits with NaN."""
    told_terms = _Terms(
        [(strategy.name, params._asdict()) for strategy, params in terms.strategies],
        _limits_told(terms.limits),
        [(key, _limits_told(own)) for key, own in terms.market_limits.items()],
        terms.currency,
        terms.gas_per_order,
        dict(terms.reserved),
        terms.pays_gas,
    )
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told_terms))
    return plain


def terms_of(body: Mapping[str, Any], strategies: Mapping[str, Strategy]) -> Terms:
    """Raises Mismatch for terms of strategies that are not known, or of another version."""
    try:
        own = msgspec.convert(dict(body), _Terms)
        chosen = tuple(
            (strategies[name], strategies[name].params._replace(**params)) for name, params in own.strategies
        )
        reserved = msgspec.convert(own.reserved, Terms.__annotations__["reserved"])
        limits, of_markets = _limits_of(own.limits), {k: _limits_of(told) for k, told in own.market_limits}
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Mismatch(f"the terms of a run in the journal cannot be read: {error}") from None
    told = own.currency, own.gas_per_order, reserved, own.pays_gas
    return Terms(chosen, limits, of_markets, *told)


def _limits_told(limits: RiskLimits) -> _Told:
    wrong = [name for name, limit in limits._asdict().items() if not limit > -math.inf]
    if wrong:
        raise UsageError(f"{wrong[0]} is no number: nothing could be traded by it")
    return [None if math.isinf(limit) else limit for limit in limits]


def _limits_of(told: _Told) -> RiskLimits:
    """Raises TypeError for those of a version that knows more of them."""
    known = [math.inf if limit is None else limit for limit in told]
    return RiskLimits._make([*known, *RiskLimits()[len(known) :]])


def decided_again(journal: Journal, clock: Clock, strategies: Mapping[str, Strategy]) -> Iterator[Replayed]:
    """Every decision in the journal, made again from what it says it knew at that moment."""
    ledger, terms, unpacker = Ledger(journal, clock), None, Unpacker()
    # A halt that another process wrote may stand before a decision that was made without it.
    states = deque([ledger.risk], maxlen=_STATES_KEPT)
    for at, kind, body in journal.replay():
        if kind == STARTED:
            terms = terms_of(body["terms"], strategies)
        elif kind == DECIDED and terms is not None:
            since = min(ledger.read - body.get("after", ledger.read), len(states) - 1)
            whole = unpacker.unpacked(body)
            yield Replayed(body["id"], said_of(whole), _again(whole, ledger, states[-1 - since], terms))
        ledger.follow(kind, at, body)
        states.append(ledger.risk)


def _again(whole: Mapping[str, Any], ledger: Ledger, risk: RiskState, terms: Terms) -> dict[str, Any]:
    seen = replayed(whole)
    own = msgspec.convert(whole["portfolio"], _Account)
    portfolio = Portfolio(
        account=own.account,
        at=msgspec.convert(own.at, type(seen.snapshot.time)),
        height=own.height,
        balances={balance.denom: balance for balance in own.balances},
        positions={position.key: position for position in own.positions},
        open_orders=own.open_orders,
    )
    known = Known(seen.snapshot, decide(*seen), ledger.books, portfolio, risk, whole["clock_skew_s"])
    markets = [seen.snapshot.markets[MarketKey(*key)] for key in whole["markets"]]
    # Records of before the third purpose told of one.
    purpose = Purpose(whole.get("purpose") or (Purpose.CLOSE if whole["closing"] else Purpose.TRADE))
    return told(_MADE[purpose](known, markets, terms))


_MADE = {Purpose.TRADE: decide_trades, Purpose.CLOSE: closing_trades, Purpose.GUARD: guarding_trades}
