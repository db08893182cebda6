"""Decisions as records, and again: what a journal holds is enough to make every one of them once more."""

import zlib
from base64 import b64decode, b64encode
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec

from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.order import OpenOrder
from defi_analytics.domain.portfolio import Balance, Portfolio, Position
from defi_analytics.engine.decide import decide
from defi_analytics.engine.ledger import Ledger
from defi_analytics.engine.replay import recorded, replayed
from defi_analytics.engine.trade import Decision, Known, Terms, closing_trades, decide_trades
from defi_analytics.errors import Mismatch
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.ports import Clock, Journal, Strategy
from defi_analytics.risk.halting import RiskState
from defi_analytics.risk.limits import RiskLimits

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


class _Terms(msgspec.Struct):
    strategies: list[tuple[str, dict[str, float]]]
    limits: RiskLimits
    market_limits: list[tuple[MarketKey, RiskLimits]]
    currency: str
    gas_per_order: float
    reserved: dict[str, Any]


def packed(known: Known, scope: Scope, limits: Limits, decision: Decision) -> dict[str, Any]:
    """A decision with all that it was made from, compressed: snapshots repeat themselves."""
    own = known.portfolio
    whole = {
        **recorded(known.snapshot, scope, limits),
        "portfolio": _Account(
            own.account,
            own.at,
            own.height,
            list(own.balances.values()),
            list(own.positions.values()),
            own.open_orders,
        ),
        "clock_skew_s": known.clock_skew_s,
        "closing": decision.closing,
        "markets": decision.markets,
        "said": told(decision),
    }
    return {
        "id": decision.id,
        "approved": [o.request.client_order_id for group in decision.approved for o in group.orders],
        "refused": [[refused.about.client_order_id, refused.code.name] for refused in decision.refused],
        "packed": b64encode(zlib.compress(msgspec.json.encode(whole))).decode(),
    }


def unpacked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Raises Mismatch for a record that is not whole."""
    try:
        whole: dict[str, Any] = msgspec.json.decode(zlib.decompress(b64decode(body["packed"])))
    except (KeyError, TypeError, ValueError, zlib.error, msgspec.MsgspecError) as error:
        raise Mismatch(f"a decision in the journal cannot be read: {error}") from None
    return whole


def told(decision: Decision) -> dict[str, Any]:
    """Everything that was decided, as plain JSON values."""
    cancels = [cancel.client_order_id for cancel in decision.cancels]
    said = {"considered": decision.considered, "answers": decision.answers, "cancels": cancels}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(said))
    return plain


def terms_told(terms: Terms) -> dict[str, Any]:
    """The part of a `run.started` record that `terms_of` reads."""
    told_terms = _Terms(
        [(strategy.name, params._asdict()) for strategy, params in terms.strategies],
        terms.limits,
        list(terms.market_limits.items()),
        terms.currency,
        terms.gas_per_order,
        dict(terms.reserved),
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
    except (KeyError, ValueError, msgspec.MsgspecError) as error:
        raise Mismatch(f"the terms of a run in the journal cannot be read: {error}") from None
    return Terms(chosen, own.limits, dict(own.market_limits), own.currency, own.gas_per_order, reserved)


def decided_again(journal: Journal, clock: Clock, strategies: Mapping[str, Strategy]) -> Iterator[Replayed]:
    """Every decision in the journal, made again from what it says it knew at that moment."""
    ledger, terms = Ledger(journal, clock), None
    # A halt that another process wrote may stand before a decision that was made without it.
    states = deque([ledger.risk], maxlen=_STATES_KEPT)
    for at, kind, body in journal.replay():
        if kind == STARTED:
            terms = terms_of(body["terms"], strategies)
        elif kind == DECIDED and terms is not None:
            since = min(ledger.read - body.get("after", ledger.read), len(states) - 1)
            yield _again(body, ledger, states[-1 - since], terms)
        ledger.follow(kind, at, body)
        states.append(ledger.risk)


def _again(body: Mapping[str, Any], ledger: Ledger, risk: RiskState, terms: Terms) -> Replayed:
    whole = unpacked(body)
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
    edges = decide(*seen)
    skew_s = whole["clock_skew_s"]
    known = Known(seen.snapshot, edges, ledger.books, portfolio, risk, skew_s)
    markets = [seen.snapshot.markets[MarketKey(*key)] for key in whole["markets"]]
    decision = (closing_trades if whole["closing"] else decide_trades)(known, markets, terms)
    return Replayed(body["id"], whole["said"], told(replace(decision)))
