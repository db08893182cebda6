"""Predictions as rows: asked for together, each failure named, the rest shown."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from defi_analytics.cli.common import Common
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.figures import ago, bps, decimal_text, time_text
from defi_analytics.cli.render import Column, emit, hint, shows
from defi_analytics.cli.scan_rows import market_name
from defi_analytics.cli.schemas import IntervalRow, PredictionRow, WarningRow
from defi_analytics.cli.session import Session, opened
from defi_analytics.domain.book import OrderBook
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.quote import Rate
from defi_analytics.domain.snapshot import Listing
from defi_analytics.domain.text import safe
from defi_analytics.errors import DataError, DefiError, NotCovered, Stale
from defi_analytics.mispricing.rates import find_rate, observed_rates
from defi_analytics.mispricing.rates import mid as mid_rate

T = TypeVar("T")


class Compared(NamedTuple):
    """What a prediction is held against: a market, its book, and the rates between dollars."""

    market: Market
    book: OrderBook
    rates: tuple[Rate, ...]


async def shown(
    common: Common, assets: Sequence[str], topics: Sequence[int], horizon_s: int | None, with_market: bool
) -> int:
    async with opened(common) as session:
        with session.working("asking Allora"):
            outcomes = await _asked(session, assets, topics, horizon_s)
            found = [o for o in outcomes if isinstance(o, Prediction)]
            errors = [o for o in outcomes if isinstance(o, DataError)]
            if not found:
                raise _plainest(errors)
            books = await _books(session, found, errors) if with_market else {}
        # What cannot be kept is shown all the same, and the document says that it was not.
        error = session.kept(lambda: session.app.record_predictions(found)) or _all_stale(found)
        _show(session, _Answer(found, errors, books, error))
        return error.exit_code if error else 0


def _all_stale(found: Sequence[Prediction]) -> Stale | None:
    return Stale(found[0].source, "every forecast is stale") if all(p.stale for p in found) else None


async def _asked(
    session: Session, assets: Sequence[str], topics: Sequence[int], horizon_s: int | None
) -> list[Prediction | DataError]:
    predictor = session.app.predictor()
    names = [asset.upper() for asset in assets] or ([] if topics else sorted(predictor.assets()))
    asked: list[Awaitable[Prediction]] = [predictor.predict(name, horizon_s) for name in names]
    asked += [predictor.predict_topic(topic) for topic in topics]
    return list(await asyncio.gather(*(_outcome(one) for one in asked)))


async def _outcome(asked: Awaitable[T]) -> T | DataError:
    try:
        return await asked
    except DataError as error:
        return error


def _plainest(errors: Sequence[DataError]) -> DataError:
    """What to say when nothing can be shown; the others are warned of."""
    # Not covered is the plainer truth than whatever else went wrong.
    ordered = sorted(errors, key=lambda error: not isinstance(error, NotCovered))
    for error in ordered[1:]:
        say(f"defi: warning: {safe(error.message, 400)}")
    return ordered[0] if ordered else NotCovered("allora", "no topics on this network")


async def _books(
    session: Session, found: Sequence[Prediction], errors: list[DataError]
) -> Mapping[str, Compared]:
    """By asset: Injective's market of it with a dollar quote, a perpetual before spot, and its book.

    What cannot be read is left out and added to `errors`.
    """
    home = session.app.injective()
    try:
        best = _dollar_markets(await home.listing())
    except DataError as error:
        errors.append(error)
        return {}
    assets = sorted({p.topic.asset for p in found} & best.keys())
    asked = asyncio.gather(*(_outcome(home.order_book(best[asset])) for asset in assets))
    quotes, books = await asyncio.gather(_outcome(session.app.oracle().quotes()), asked)
    errors += [answer for answer in (quotes, *books) if isinstance(answer, DataError)]
    rates = () if isinstance(quotes, DataError) else observed_rates({}, {}, quotes)
    return {
        asset: Compared(best[asset], book, rates)
        for asset, book in zip(assets, books, strict=True)
        if isinstance(book, OrderBook)
    }


def _dollar_markets(listing: Listing) -> Mapping[str, Market]:
    best: dict[str, Market] = {}
    for market in listing.markets.values():
        if market.verified and market.quote.startswith("USD"):
            held = best.get(market.base)
            if held is None or (held.kind is MarketKind.SPOT and market.kind is MarketKind.PERPETUAL):
                best[market.base] = market
    return best


class _Answer(NamedTuple):
    found: Sequence[Prediction]
    errors: Sequence[DataError]
    books: Mapping[str, Compared]
    error: DefiError | None
    """Why the command fails, although it shows something."""


def _show(session: Session, answer: _Answer) -> None:
    now = session.app.clock.now()
    rows = [prediction_row(one, now, answer.books.get(one.topic.asset)) for one in answer.found]
    warnings = [WarningRow(code=e.code, message=e.message, source=e.source) for e in answer.errors]
    document = Document("predict", rows, session.app.network, warnings, error=answer.error)
    emit(document, COLUMNS, session.common)
    for row in rows:
        for note in row.notes:
            hint(session.common, f"{row.asset} topic {row.topic_id}: {safe(note, 200)}")
    if any(row.interval for row in rows) and shows(rows, COLUMNS, "Interval"):
        hint(session.common, "The interval is how far the workers disagree, not how wrong they may be.")


def prediction_row(prediction: Prediction, now: datetime, seen: Compared | None) -> PredictionRow:
    topic, interval = prediction.topic, prediction.interval
    mid = seen.book.mid if seen else None
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
        market=market_name(seen.market) if seen else None,
        market_mid=decimal_text(mid),
        gap=decimal_text(gap(prediction, seen), 6),
        notes=list(prediction.notes),
    )


def _significant(text: str | None, digits: int = 6) -> str:
    return "" if text is None else decimal_text(float(text), digits) or ""


def gap(prediction: Prediction, seen: Compared | None) -> float | None:
    """The predicted price, in the market's quote, over its mid, less one; None where a part lacks."""
    if seen is None or seen.book.mid is None or prediction.predicted_price is None:
        return None
    path = find_rate(seen.rates, prediction.quote, seen.market.quote)
    return None if path is None else prediction.predicted_price * mid_rate(path) / seen.book.mid - 1


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
    Column(
        "Target",
        lambda r: f"{r.target_time:%m-%d %H:%M}Z",
        spare=100,
        exact=lambda r: time_text(r.target_time),
    ),
    Column("Market", lambda r: r.market.ticker if r.market else "", spare=120),
    Column("Gap bps", lambda r: bps(r.gap), number=True, spare=60),
    Column("Topic", lambda r: str(r.topic_id), number=True, spare=110),
    Column("State", lambda r: "stale" if r.stale else "fresh", style=lambda r: "yellow" if r.stale else ""),
)
