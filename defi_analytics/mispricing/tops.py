"""The best prices a candidate is screened by, and how old they may be.

A top of book that is too old proves nothing in either direction: it neither finds a candidate nor rules one
out, so the candidate is rejected as stale, by name and age. A deep book that was read all the same (on the
hint of that top, for another candidate or for a forecast) is the later and fuller word of the same venue,
and its own best prices then stand in. A top within its age is kept although a deep book is there: the screen
then says the same before and after the books were read, and those are walked, with their own ages, anyway.
"""

from dataclasses import replace

from defi_analytics.domain.book import Top
from defi_analytics.domain.edge import Input, Reason, Rejection
from defi_analytics.domain.market import MarketKey
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.mispricing.limits import Limits
from defi_analytics.mispricing.pricing import seen, too_old


def best_prices(snapshot: Snapshot, key: MarketKey, limits: Limits) -> Top | None:
    """The market's top of book; where that is too old, the best prices of its deep book, if it was read.

    None for a market without quotes. What is returned may still be too old.
    """
    top, book = snapshot.tops.get(key), snapshot.books.get(key)
    if top is None or book is None or not stale_top(snapshot, (top,), limits):
        return top
    bid, ask = (side.prices[0] if side.prices else None for side in (book.bids, book.asks))
    return replace(top, at=book.at, bid=bid, ask=ask, mid=book.mid)


def stale_top(snapshot: Snapshot, tops: tuple[Top, ...], limits: Limits) -> Rejection | None:
    """The first that is older than allowed, or from the future."""
    return too_old(seen_tops(snapshot, tops), limits.max_age_s, Reason.STALE_BOOK)


def seen_tops(snapshot: Snapshot, tops: tuple[Top, ...]) -> tuple[Input, ...]:
    """Each by the name of what it came from."""
    return tuple(
        seen(
            f"{top.key.venue} {'top' if top is snapshot.tops.get(top.key) else 'book'}",
            top.at,
            snapshot.time,
        )
        for top in tops
    )
