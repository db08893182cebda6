"""An order that somebody wonders about: read from a file, and held against every rule without being sent."""

import hashlib
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.app.standing import Looked
from defi_analytics.config.fields import STRATEGY_NAMES
from defi_analytics.config.tree import Node
from defi_analytics.config.values import Choice, Number, Text, YesNo
from defi_analytics.config.yaml_file import parse
from defi_analytics.domain.decision import BUY, SELL, OrderKind, View
from defi_analytics.domain.edge import EdgeKind, Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.order import OrderRequest
from defi_analytics.engine.context import context_of
from defi_analytics.engine.views import best_candidate, view_of
from defi_analytics.errors import ConfigError, Unavailable, UsageError
from defi_analytics.mispricing.auction import market_fill
from defi_analytics.risk.examined import Examined, examine
from defi_analytics.risk.facts import Expected, account_facts, opening_tally, order_facts
from defi_analytics.strategies.registry import STRATEGIES
from defi_analytics.venues.injective.market_rows import VENUE

_POSITIVE = Number(above=Decimal(0), at_most=Decimal(10**15))
_KINDS = {kind.name.lower().replace("_", "-"): kind for kind in OrderKind}
_FIELDS: dict[str, Callable[[Any], Any]] = {
    "market": Text(r".{1,80}", "a market such as INJ/USDT").parse,
    "side": Choice(("buy", "sell")).parse,
    "kind": Choice(tuple(_KINDS)).parse,
    "price": _POSITIVE.parse,
    "quantity": _POSITIVE.parse,
    "reduce_only": YesNo().parse,
    "trigger": _POSITIVE.parse,
    "strategy": Choice(STRATEGY_NAMES).parse,
}
_NEEDED = ("market", "side", "price", "quantity")


class Asked(NamedTuple):
    """An order as it was written down; `price` is the limit, or the worst one of a market or stop order."""

    market: str
    side: Side
    price: Decimal
    quantity: Decimal
    kind: OrderKind = OrderKind.LIMIT
    reduce_only: bool = False
    trigger: Decimal | None = None
    strategy: str = ""

    @property
    def kinds(self) -> frozenset[EdgeKind]:
        """What has to be looked for to tell what it would earn."""
        chosen = [STRATEGIES[self.strategy]] if self.strategy else list(STRATEGIES.values())
        return frozenset(strategy.kind for strategy in chosen)


def parse_order(raw: bytes, name: str) -> Asked:
    """Of JSON or YAML. Raises UsageError with one line per mistake."""
    try:
        tree = parse(raw, name).value
    except ConfigError as error:
        raise UsageError(f"{name} is no order", violations=error.violations) from None
    fields = tree if isinstance(tree, dict) else {}
    mistakes = [f"{name}: {wanted} is missing" for wanted in _NEEDED if wanted not in fields]
    found: dict[str, Any] = {}
    for field, node in fields.items():
        try:
            found[field] = _read(field, node)
        except ValueError as error:
            mistakes.append(f"{node.where}: {field}: {error}")
    if found.get("kind") == "stop" and "trigger" not in fields:
        mistakes.append(f"{name}: a stop order needs a trigger")
    if mistakes:
        raise UsageError(f"{name} is no order", violations=tuple(mistakes))
    side = Side.BUY if found.pop("side") == "buy" else Side.SELL
    return Asked(**found | {"side": side, "kind": _KINDS[found.get("kind", "limit")]})


def request_of(asked: Asked, market: Market, name: str) -> OrderRequest:
    """On the market's grid. Raises UsageError with one line per number that is off it."""
    mistakes: list[str] = []

    def steps(field: str, convert: Callable[[Decimal], int], value: Decimal) -> int:
        try:
            return convert(value)
        except ValueError as error:
            mistakes.append(f"{name}: {field}: {error}")
            return 0

    made = OrderRequest(
        client_order_id=f"check-{hashlib.sha256(repr(asked).encode()).hexdigest()}"[:36],
        market=market,
        side=asked.side,
        kind=asked.kind,
        ticks=steps("price", market.ticks, asked.price),
        lots=steps("quantity", market.lots, asked.quantity),
        strategy=asked.strategy,
        trigger_ticks=0 if asked.trigger is None else steps("trigger", market.ticks, asked.trigger),
        reduce_only=asked.reduce_only,
    )
    if mistakes:
        raise UsageError(f"{name} is no order of {market.ticker}", violations=tuple(mistakes))
    return made


def examined(found: Looked, asked: Asked, request: OrderRequest) -> Sequence[Examined]:
    """What every rule says of it now. Raises Unavailable when its market could not be read."""
    present = {market.key for market in found.markets}
    if request.market.key not in present:
        raise Unavailable(VENUE, f"{request.market.ticker} could not be read")
    expected = Expected(
        net_edge=_net_edge(found, asked, request),
        uses_prediction=asked.strategy == "prediction",
        by_person=not asked.strategy,
    )
    context = context_of(found.known, found.markets, {request.client_order_id: expected}, found.terms)
    at = found.known.snapshot.time
    return examine(
        order_facts(request, context),
        context.markets[request.market.key],
        account_facts(request, context, opening_tally(context), at),
        found.terms.on(request.market.key),
    )


def _net_edge(found: Looked, asked: Asked, request: OrderRequest) -> float:
    """By the best candidate of its strategy, or of any; NaN where no fair value is known."""
    edges = []
    for kind in asked.kinds:
        candidate = best_candidate(found.known.edges, kind, request.market)
        try:
            view = view_of(found.known.snapshot, request.market, candidate)
        except ValueError:
            continue
        edges.append(_earned(view, request))
    return max((edge for edge in edges if math.isfinite(edge)), default=math.nan)


def _earned(view: View, request: OrderRequest) -> float:
    """After the fees of both ways, a fraction of what it costs: at what the book gives, else at its price."""
    side = BUY if request.side is Side.BUY else SELL
    done = market_fill(side, request.lots, request.ticks, view.asks if side == BUY else view.bids)
    price = done.cash / done.lots if done.lots else request.ticks
    return side * (view.fair - price) / price - 2 * view.grid.taker_fee


def _read(field: str, node: Node) -> Any:
    if field not in _FIELDS:
        raise ValueError(f"there is no such field; there are {', '.join(_FIELDS)}")
    return _FIELDS[field](node.plain())
