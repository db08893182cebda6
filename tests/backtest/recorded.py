"""One market of the sandbox, block by block: what the agent saw of it, and the same as a history to replay."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from defi_analytics.backtest.history import Books, checked_books, checked_inputs, checked_signal
from defi_analytics.domain.book import Levels, OrderBook, checked_book
from defi_analytics.domain.decision import BUY, SELL
from defi_analytics.domain.edge import Edge, EdgeKind, Side
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.prediction import Prediction, PredictionKind, Topic
from defi_analytics.domain.quote import Quote, Rate
from defi_analytics.engine.agent import Seen
from defi_analytics.engine.decide import decide
from defi_analytics.engine.facts import market_facts, marks_of
from defi_analytics.engine.views import best_candidate, view_of
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.sandbox import allora, exchange, oracle
from defi_analytics.sandbox.listings import BINANCE, LISTINGS, Perpetual
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.world import World
from defi_analytics.venues.injective.assets import assets_of
from defi_analytics.venues.injective.books import parse_order_book
from defi_analytics.venues.injective.markets import parse_derivative_markets, parse_spot_markets
from defi_analytics.venues.injective.oracle import parse_pyth_price_states
from tests.builders import a_scope, a_snapshot

CHAIN = "injective-1"
START = datetime(2026, 1, 2, 23, 58, 30, tzinfo=UTC)
"""A day ends in the midst of it."""
SEARCH = Limits()
EAGER = Limits(min_edge=-0.01, min_profit=-1e3, min_z=0.0, min_confidence=0.0, oracle_threshold=1e-4)
"""Lets everything stand that can be priced."""
DEPTH = 20
BEFORE_BLOCKS = 5
SPREAD = 0.0002
TOPICS = {topic.asset: topic for topic in allora.TOPICS.values() if not topic.log_return}


@dataclass
class Recording:
    market: Market
    kind: EdgeKind
    block_s: float
    seen: list[Seen] = field(default_factory=list)

    def at(self, row: int) -> datetime:
        return START + timedelta(seconds=row * self.block_s)


def recorded(world: World, ticker: str, kind: EdgeKind, blocks: int, search: Limits) -> Recording:
    """As the sandbox serves it and the adapters read it; the reference is its world's own book.

    It begins some blocks before the market's first time below the price it should have.
    """
    listing = next(one for one in LISTINGS.values() if one.ticker == ticker and not one.impostor)
    first = next(n for n in range(10**6) if _cheap(world, listing, n)) - BEFORE_BLOCKS
    moment = Moment(world, first, START)
    home = _market(moment, listing)
    away = _reference_market(listing.asset)
    recording = Recording(home, kind, world.block_s)
    for row in range(blocks):
        now = Moment(world, first + row, recording.at(row))
        recording.seen.append(_seen(now, home, away, a_scope([home], "binance", kinds=(kind,)), search))
    return recording


def _cheap(world: World, listing: Any, block: int) -> bool:
    episode = world.episode(listing, block)
    return episode is not None and episode.buy and episode.on_injective


def history_of(recording: Recording) -> Books:
    """What a replay is told of it: the same views, and the same facts for the gate."""
    market, views, facts, backed = recording.market, [], [], []
    for seen in recording.seen:
        edge = best_candidate(seen.edges, recording.kind, market)
        views.append(view_of(seen.snapshot, market, edge))
        facts.append(market_facts(seen.snapshot, market, marks_of(seen.snapshot, [market], "USDT")))
        backed.append(_side_of(edge))
    signal = checked_signal(*(_column(views, name) for name in ("fair", "uncertainty", "until_s")), backed)
    told = ("oracle", "oracle_age_s", "book_age_s", "prediction_age_s")
    inputs = checked_inputs(*(_column(facts, name) for name in told), published=facts[0].has_oracle)
    sides = (_levels([getattr(view, name) for view in views]) for name in ("bids", "asks"))
    return checked_books(_column(views, "time_s"), *sides, signal, inputs)


def _side_of(edge: Edge | None) -> int:
    if edge is None or not edge.stands:
        return 0
    return BUY if edge.side is Side.BUY else SELL


def _column(rows: list[Any], name: str) -> Any:
    return np.array([getattr(row, name) for row in rows])


def _levels(ladders: list[Any]) -> tuple[Any, Any, Any]:
    starts = np.cumsum([0, *(len(ladder.ticks) for ladder in ladders)])
    flat = (np.array([n for one in ladders for n in getattr(one, name)]) for name in ("ticks", "lots"))
    return starts, *flat


def _seen(now: Moment, home: Market, away: Market, scope: Scope, search: Limits) -> Seen:
    told = msgspec.json.encode(exchange.order_book(now, home.market_id, DEPTH))
    books = [
        (home, parse_order_book("injective", told, home, now.at, DEPTH)),
        (away, _reference_book(now, away, home.base)),
    ]
    states = {"price_states": [oracle._pyth_state(now, feed) for feed in oracle.FEEDS]}
    quotes = parse_pyth_price_states("pyth", msgspec.json.encode(states), assets_of(CHAIN))
    dollar = next(quote for quote in quotes if quote.base == "USDT")
    snapshot = a_snapshot(
        books,
        time=now.at,
        quotes=tuple(quote for quote in quotes if quote.base in (home.base, "INJ")),
        published=frozenset({home.base, "INJ"}),
        rates=(_rate(dollar, now.at),),
        predictions=_predictions(now, home.base),
        volatility={home.base: now.world.prices.path(home.base).sigma * (60 / now.block_s) ** 0.5},
    )
    tops = {key: replace(top, at=now.at) for key, top in snapshot.tops.items()}
    snapshot = replace(snapshot, tops=tops)
    return Seen(snapshot, scope, search, decide(snapshot, scope, search), [home])


def _market(moment: Moment, listing: Any) -> Market:
    perpetual = isinstance(listing, Perpetual)
    full = exchange.full_derivative_market if perpetual else exchange.full_spot_market
    body = msgspec.json.encode({"markets": [full(moment, listing, tops=True)]})
    parse = parse_derivative_markets if perpetual else parse_spot_markets
    return parse("injective", body, assets_of(CHAIN), moment.at).markets[listing.market_id]


def _reference_market(asset: str) -> Market:
    reference = BINANCE[f"{asset}USDT"]
    return Market(
        venue="binance",
        market_id=reference.symbol,
        ticker=f"{asset}/USDT",
        kind=MarketKind.SPOT,
        base=asset,
        quote="USDT",
        price_tick=reference.price_tick,
        quantity_tick=reference.quantity_step,
        min_notional=Decimal(5),
        min_quantity=reference.quantity_step,
        maker_fee=reference.taker_fee,
        taker_fee=reference.taker_fee,
    )


def _reference_book(now: Moment, away: Market, asset: str) -> OrderBook:
    book = now.world.reference(BINANCE[f"{asset}USDT"], now.block)
    sides = (
        Levels(tuple(float(o.price) for o in side), tuple(float(o.quantity) for o in side))
        for side in (book.bids, book.asks)
    )
    return checked_book(away.key, *sides, now.at)


def _rate(dollar: Quote, at: datetime) -> Rate:
    half = dollar.price * SPREAD / 2
    return Rate("USDT", "USD", dollar.price - half, dollar.price + half, "binance", at)


def _predictions(now: Moment, asset: str) -> tuple[Prediction, ...]:
    if asset not in TOPICS:
        return ()
    told = TOPICS[asset]
    nonce = allora.latest_nonce(now.world, told, now.block)
    made = allora.forecast(now.world, told, nonce)
    base = now.time_of(allora._since(nonce) / now.block_s)
    values = [value for _, value in made.workers]
    topic = Topic(
        "testnet", told.topic_id, told.name, asset, PredictionKind.PRICE, told.horizon_s, told.epoch_blocks
    )
    return (
        Prediction(
            source="allora",
            topic=topic,
            value=Decimal(repr(made.combined)),
            base_time=base,
            target_time=base + timedelta(seconds=told.horizon_s),
            usable_at=base + timedelta(seconds=70),
            predicted_price=made.combined,
            dispersion=float(np.std(values)),
        ),
    )
