"""Predictions as rows: asked for together, each failure named, the rest shown."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime

from defi_analytics.cli.common import Common, Output
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.render import Column, emit, hint
from defi_analytics.cli.scan_rows import ago, bps, market_name
from defi_analytics.cli.schemas import IntervalRow, PredictionRow, WarningRow, decimal_text
from defi_analytics.cli.session import Session, opened
from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.text import safe
from defi_analytics.errors import DataError, NotCovered, Stale

Outcome = Prediction | DataError


async def shown(
    common: Common, assets: Sequence[str], topics: Sequence[int], horizon_s: int | None, with_market: bool
) -> int:
    async with opened(common) as session:
        with session.working("asking Allora"):
            outcomes = await _asked(session, assets, topics, horizon_s)
            found = [o for o in outcomes if isinstance(o, Prediction)]
            books = await _books(session, found) if with_market else {}
        session.app.record_predictions(found)
        _show(session, outcomes, books)
        return _exit_code(outcomes)


async def _asked(
    session: Session, assets: Sequence[str], topics: Sequence[int], horizon_s: int | None
) -> list[Outcome]:
    predictor = session.app.predictor()
    horizon = horizon_s or session.loaded.settings.allora.prediction_settings.time_horizon
    names = [asset.upper() for asset in assets] or ([] if topics else sorted(predictor.assets()))
    asked: list[Awaitable[Prediction]] = [predictor.predict(name, horizon) for name in names]
    asked += [predictor.predict_topic(topic) for topic in topics]
    return list(await asyncio.gather(*(_outcome(one) for one in asked)))


async def _outcome(asked: Awaitable[Prediction]) -> Outcome:
    try:
        return await asked
    except DataError as error:
        return error


async def _books(session: Session, found: Sequence[Prediction]) -> Mapping[str, tuple[Market, OrderBook]]:
    """By asset: Injective's market of it with a dollar quote, a perpetual before spot, and its book."""
    home = session.app.injective()
    listing = await home.listing()
    best: dict[str, Market] = {}
    for market in listing.markets.values():
        if market.verified and market.quote.startswith("USD"):
            held = best.get(market.base)
            if held is None or (held.kind is MarketKind.SPOT and market.kind is MarketKind.PERPETUAL):
                best[market.base] = market
    assets = {p.topic.asset for p in found} & best.keys()
    books = await asyncio.gather(*(home.order_book(best[asset]) for asset in sorted(assets)))
    return {asset: (best[asset], book) for asset, book in zip(sorted(assets), books, strict=True)}


def _show(
    session: Session, outcomes: Sequence[Outcome], books: Mapping[str, tuple[Market, OrderBook]]
) -> None:
    now = session.app.clock.now()
    rows = [prediction_row(o, now, books.get(o.topic.asset)) for o in outcomes if isinstance(o, Prediction)]
    warnings = [
        WarningRow(code=o.code, message=o.message, source=o.source)
        for o in outcomes
        if isinstance(o, DataError)
    ]
    document = Document("predict", rows, session.app.network, warnings)
    if rows or session.common.format is not Output.TABLE:
        emit(document, COLUMNS, session.common)
        for row in rows:
            for note in row.notes:
                hint(session.common, f"{row.asset} topic {row.topic_id}: {safe(note, 200)}")
    else:
        for warning in warnings:
            say(f"defi: warning: {safe(warning.message, 400)}")
    hint(session.common, "The interval is how far the workers disagree, not how wrong they may be.")


def _exit_code(outcomes: Sequence[Outcome]) -> int:
    """The first failure's code when nothing could be shown; stale has its own even when it is shown."""
    errors = [o for o in outcomes if isinstance(o, DataError)]
    found = [o for o in outcomes if isinstance(o, Prediction)]
    if found:
        return Stale.exit_code if all(p.stale for p in found) else 0
    # Not covered is the plainer truth than whatever else went wrong.
    errors.sort(key=lambda error: not isinstance(error, NotCovered))
    return errors[0].exit_code if errors else 0


def prediction_row(
    prediction: Prediction, now: datetime, seen: tuple[Market, OrderBook] | None
) -> PredictionRow:
    topic, interval = prediction.topic, prediction.interval
    mid = seen[1].mid if seen else None
    gap = prediction.predicted_price / mid - 1 if prediction.predicted_price and mid else None
    return PredictionRow(
        asset=topic.asset,
        source=prediction.source,
        network=topic.network,
        topic_id=topic.topic_id,
        topic=topic.name,
        kind=topic.kind.value,
        horizon_s=topic.horizon_s,
        value=decimal_text(prediction.value) or "",
        predicted_price=decimal_text(prediction.predicted_price),
        base_price=decimal_text(prediction.base_price),
        base_price_source=prediction.base_price_source,
        base_time=prediction.base_time,
        target_time=prediction.target_time,
        usable_at=prediction.usable_at,
        age_s=round(prediction.age_s(now)),
        share_gone=decimal_text(prediction.share_gone(now), 3) or "0",
        interval=None
        if interval is None
        else IntervalRow(
            level=decimal_text(interval.level) or "",
            low=decimal_text(interval.low) or "",
            high=decimal_text(interval.high) or "",
        ),
        dispersion=decimal_text(prediction.dispersion),
        naive=decimal_text(prediction.naive),
        outlier_resistant=decimal_text(prediction.outlier_resistant),
        inferers=prediction.inferers,
        forecasters=prediction.forecasters,
        stale=prediction.stale,
        market=market_name(seen[0]) if seen else None,
        market_mid=decimal_text(mid),
        gap=decimal_text(gap, 6),
        notes=list(prediction.notes),
    )


def _significant(text: str | None, digits: int = 6) -> str:
    return "" if text is None else decimal_text(float(text), digits) or ""


def _interval(row: PredictionRow) -> str:
    if row.interval is None:
        return ""
    return f"{_significant(row.interval.low)} to {_significant(row.interval.high)}"


COLUMNS: Sequence[Column[PredictionRow]] = (
    Column("Asset", lambda r: r.asset),
    Column("Horizon", lambda r: ago(r.horizon_s)),
    Column("Kind", lambda r: r.kind, spare=70),
    Column("Value", lambda r: _significant(r.value), number=True, spare=90),
    Column("Predicted USD", lambda r: _significant(r.predicted_price), number=True),
    Column("Base USD", lambda r: _significant(r.base_price), number=True, spare=60),
    Column("Interval", _interval, number=True, spare=80),
    Column("Age", lambda r: ago(r.age_s), number=True),
    Column("Gone", lambda r: f"{float(r.share_gone):.0%}", number=True),
    Column("Target", lambda r: f"{r.target_time:%m-%d %H:%M}Z", spare=100),
    Column("Market", lambda r: r.market.ticker if r.market else "", spare=120),
    Column("Gap bps", lambda r: bps(r.gap), number=True, spare=60),
    Column("Topic", lambda r: str(r.topic_id), number=True, spare=110),
    Column("State", lambda r: "stale" if r.stale else "fresh", style=lambda r: "yellow" if r.stale else ""),
)
