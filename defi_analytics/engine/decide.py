"""What the snapshot says is mispriced. Pure: the same snapshot, scope and limits give the same edges."""

import math
from collections.abc import Iterator
from dataclasses import replace

from defi_analytics.domain.edge import Edge, EdgeKind, Reason, Rejection
from defi_analytics.domain.market import Market, MarketKey, MarketStatus
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Quote
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.cross_venue import cross_venue, screened
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.mispricing.oracle import chosen_quote, oracle_deviation, oracle_screened
from defi_analytics.mispricing.pairing import Pairing, home_markets, pairings
from defi_analytics.mispricing.prediction import prediction_gap


def decide(snapshot: Snapshot, scope: Scope, limits: Limits) -> list[Edge]:
    """Every candidate in scope, standing ones first and the most profitable on top, then the rejected."""
    pairs = _venue_pairs(snapshot, scope)
    edges = [
        *_unjudgeable(snapshot, scope),
        *_alone(snapshot, scope, pairs),
        *(cross_venue(snapshot, pair, limits) for pair in pairs),
        *(
            oracle_deviation(snapshot, market, quote, limits)
            for market, quote in _oracle_pairs(snapshot, scope, limits)
        ),
        *(prediction_gap(snapshot, market, p, limits) for market, p in _predicted(snapshot, scope)),
    ]
    if any(map(_unread, edges)):
        # Funding arrives with the books: what was chosen before, was chosen without it.
        wanted = set(_wanted(replace(snapshot, funding={}), scope, limits, pairs))
        edges = [_examined(edge, snapshot, wanted, limits) for edge in edges]
    return sorted(edges, key=_rank)


def wanted_books(snapshot: Snapshot, scope: Scope, limits: Limits) -> list[MarketKey]:
    """The deep books worth reading, best candidates first: what the tops of book do not rule out.

    A top that is too old to decide anything is still a hint where to look, after all that are fresh: one
    venue that keeps us waiting makes the tops of all others old.
    """
    return _wanted(snapshot, scope, limits, _venue_pairs(snapshot, scope))


def _wanted(snapshot: Snapshot, scope: Scope, limits: Limits, pairs: list[Pairing]) -> list[MarketKey]:
    ageless = replace(limits, max_age_s=math.inf)
    found = [
        *(screened(snapshot, pair, ageless) for pair in pairs),
        *(
            oracle_screened(snapshot, market, quote, ageless)
            for market, quote in _oracle_pairs(snapshot, scope, limits)
        ),
    ]
    standing = [edge for edge in found if edge.stands]
    standing.sort(key=lambda edge: (not _by_old_tops(edge, limits), _promise(edge)), reverse=True)
    keys: dict[MarketKey, None] = {}
    for edge in standing[: limits.max_candidates]:
        keys[edge.market.key] = None
        if edge.reference is not None:
            keys[edge.reference.key] = None
    return list(keys)


def _venue_pairs(snapshot: Snapshot, scope: Scope) -> list[Pairing]:
    return pairings(snapshot.markets, scope) if EdgeKind.CROSS_VENUE in scope.kinds else []


def _oracle_pairs(snapshot: Snapshot, scope: Scope, limits: Limits) -> Iterator[tuple[Market, Quote]]:
    if EdgeKind.ORACLE not in scope.kinds:
        return
    by_asset: dict[str, list[Quote]] = {}
    for quote in snapshot.quotes:
        by_asset.setdefault(quote.base, []).append(quote)
    for market in home_markets(snapshot.markets, scope):
        if quotes := by_asset.get(market.base):
            yield market, chosen_quote(snapshot, market, quotes, limits)


def _predicted(snapshot: Snapshot, scope: Scope) -> Iterator[tuple[Market, Prediction]]:
    if EdgeKind.PREDICTION not in scope.kinds:
        return
    for market in home_markets(snapshot.markets, scope):
        for prediction in snapshot.predictions:
            if prediction.topic.asset == market.base:
                yield market, prediction


def _unjudgeable(snapshot: Snapshot, scope: Scope) -> Iterator[Edge]:
    """Markets in scope that no kind of mispricing can look at, each with the reason."""
    kind = next((kind for kind in EdgeKind if kind in scope.kinds), EdgeKind.CROSS_VENUE)
    for key, market in snapshot.markets.items():
        if key not in scope.markets:
            continue
        if market.status is not MarketStatus.ACTIVE:
            yield _rejected(market, kind, Reason.MARKET_STATUS, str(market.status))
        elif not market.verified:
            yield _rejected(
                market, kind, Reason.UNVERIFIED_ASSET, "denom or oracle feed is not a known asset"
            )


def _alone(snapshot: Snapshot, scope: Scope, pairs: list[Pairing]) -> Iterator[Edge]:
    """Markets that no reference venue trades: said once each, so that silence never means compared."""
    if EdgeKind.CROSS_VENUE not in scope.kinds:
        return
    paired = {pair.home.key for pair in pairs}
    detail = _nowhere(snapshot, scope)
    for market in home_markets(snapshot.markets, scope):
        if market.key not in paired:
            yield _rejected(market, EdgeKind.CROSS_VENUE, Reason.NO_REFERENCE, detail)


def _nowhere(snapshot: Snapshot, scope: Scope) -> str:
    """Why no venue can be compared with; one that could not be read is not said to lack the market."""
    read = snapshot.read.union(key.venue for key in snapshot.markets)
    lacking = [venue for venue in scope.against if venue in read]
    unread = [venue for venue in scope.against if venue not in read]
    said = [
        *([f"not listed by {', '.join(lacking)}"] if lacking else []),
        *([f"could not read {', '.join(unread)}"] if unread else []),
    ]
    return "; ".join(said) or "no venue to compare with"


def _rejected(market: Market, kind: EdgeKind, reason: Reason, detail: str) -> Edge:
    return Edge(kind, market, "", rejection=Rejection(reason, detail=detail))


def _examined(edge: Edge, snapshot: Snapshot, wanted: set[MarketKey], limits: Limits) -> Edge:
    """Says of a candidate beyond `max_candidates` that it was not looked at, not that its book failed."""
    if not _unread(edge):
        return edge
    needed = {edge.market.key, edge.reference.key if edge.reference else edge.market.key}
    if needed - snapshot.books.keys() <= wanted:
        return edge
    return replace(edge, rejection=Rejection(Reason.NOT_EXAMINED, limits.max_candidates, unit="candidates"))


def _unread(edge: Edge) -> bool:
    """Whether a book was missing for a candidate that its tops did not rule out."""
    missing = edge.rejection is not None and edge.rejection.reason is Reason.NO_BOOK
    return missing and not (edge.indicative is None and edge.signal is None)


def _by_old_tops(edge: Edge, limits: Limits) -> bool:
    return any(one.name.endswith(" top") and one.age_s > limits.max_age_s for one in edge.inputs)


def _promise(edge: Edge) -> float:
    if edge.signal is not None:
        # The gap less the way in and out, to be weighed against the net edges between venues.
        return abs(edge.signal.z) * edge.signal.uncertainty - 2 * float(edge.market.taker_fee)
    return edge.indicative or 0.0


def _rank(edge: Edge) -> tuple[int, float, float, str, str]:
    profit = edge.pricing.profit if edge.pricing else 0.0
    return (int(not edge.stands), -profit, -_promise(edge), edge.market.ticker, edge.against)
