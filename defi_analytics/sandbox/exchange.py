"""Injective's exchange module over REST: markets and order books, in human units.

Source: the queries of injective.exchange.v2, as the chain's gateway writes them.
"""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.sandbox.gateway import Code, Refused, Route, dec, whole
from defi_analytics.sandbox.listings import LISTINGS, PERPETUALS, SPOT, Perpetual, Spot
from defi_analytics.sandbox.matching import Book, Order, levels
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request

_DEFAULT_DEPTH = 20
_FUNDING_S = 3600
_ADMIN = {"admin": "", "admin_permissions": 0, "has_disabled_minimal_protocol_fee": False}


def spot_market(listing: Spot) -> dict[str, Any]:
    return {
        "ticker": listing.ticker,
        "base_denom": listing.base_denom,
        "quote_denom": listing.quote_denom,
        **_terms(listing),
        "base_decimals": listing.base_decimals,
        "quote_decimals": listing.quote_decimals,
        **_ADMIN,
    }


def full_spot_market(moment: Moment, listing: Spot, *, tops: bool) -> dict[str, Any]:
    top = mid_price_and_tob(book_of(moment, listing.market_id)) if tops else None
    return {"market": spot_market(listing), "mid_price_and_tob": top}


def full_derivative_market(moment: Moment, listing: Perpetual, *, tops: bool) -> dict[str, Any]:
    top = mid_price_and_tob(book_of(moment, listing.market_id)) if tops else None
    return {
        "market": _derivative_market(listing),
        "perpetual_info": _perpetual_info(moment, listing),
        "mark_price": dec(moment.world.mark_price(listing, moment.block)),
        "mid_price_and_tob": top,
    }


def mid_price_and_tob(book: Book) -> dict[str, str | None]:
    bid = dec(book.bids[0].price) if book.bids else None
    ask = dec(book.asks[0].price) if book.asks else None
    mid = dec(book.mid) if book.mid is not None and bid and ask else None
    return {"mid_price": mid, "best_buy_price": bid, "best_sell_price": ask}


def order_book(moment: Moment, market_id: str, limit: int, side: str = "") -> dict[str, Any]:
    """`limit` levels a side, of both sides unless `side` says Buy or Sell."""
    book = book_of(moment, market_id)
    return {
        "buys_price_level": _levels(book.bids, limit) if side != "Sell" else [],
        "sells_price_level": _levels(book.asks, limit) if side != "Buy" else [],
        "seq": str(moment.height),
    }


def _terms(listing: Spot | Perpetual) -> dict[str, str]:
    return {
        "maker_fee_rate": dec(listing.maker_fee),
        "taker_fee_rate": dec(listing.taker_fee),
        "relayer_fee_share_rate": "0.400000000000000000",
        "market_id": listing.market_id,
        "status": listing.status,
        "min_price_tick_size": dec(listing.price_tick),
        "min_quantity_tick_size": dec(listing.quantity_tick),
        "min_notional": dec(listing.min_notional),
    }


def _derivative_market(listing: Perpetual) -> dict[str, Any]:
    return {
        "ticker": listing.ticker,
        "oracle_base": listing.oracle_base,
        "oracle_quote": listing.oracle_quote,
        "oracle_type": listing.oracle_type,
        "oracle_scale_factor": 0,
        "quote_denom": listing.quote_denom,
        "initial_margin_ratio": dec(listing.initial_margin_ratio),
        "maintenance_margin_ratio": dec(listing.maintenance_margin_ratio),
        "isPerpetual": True,
        **_terms(listing),
        "quote_decimals": listing.quote_decimals,
        "reduce_margin_ratio": dec(listing.reduce_margin_ratio),
        "open_notional_cap": {"uncapped": {}},
        "force_paused_info": None,
        "cross_margin_eligible": False,
        **_ADMIN,
    }


class Charged(NamedTuple):
    """The funding of one finished hour. The world's hours begin with its block 0, as its prices do."""

    block: int
    """The first after the hour ended."""
    at: datetime
    rate: Decimal
    """What longs paid shorts, as a fraction of notional."""


def funding_charged(moment: Moment, market_id: str, hours_ago: int) -> Charged:
    """The hour that ended last, or one before it: rate and time belong together, whoever tells them."""
    hour = int(moment.block * moment.block_s // _FUNDING_S) - hours_ago
    noise = Noise(int(market_id[2:18], 16) ^ moment.world.seed).fork(hour)
    ended = moment.at - timedelta(seconds=moment.block * moment.block_s - hour * _FUNDING_S)
    return Charged(
        math.ceil(hour * _FUNDING_S / moment.block_s), ended, Decimal(f"{noise.between(0, -2e-5, 6e-5):.6f}")
    )


def _perpetual_info(moment: Moment, listing: Perpetual) -> dict[str, Any]:
    told = funding_info(moment, listing.market_id, paid_by_long(moment, listing))
    return {
        "market_info": {
            "market_id": listing.market_id,
            "hourly_funding_rate_cap": "0.000625000000000000",
            "hourly_interest_rate": "0.000004166660000000",
            "next_funding_timestamp": str(int(told["last_timestamp"]) + _FUNDING_S),
            "funding_interval": str(_FUNDING_S),
        },
        "funding_info": told,
    }


def funding_info(moment: Moment, market_id: str, cumulative: Decimal) -> dict[str, str]:
    """`cumulative` in quote, by one base. The hour that ended last is the world's, as everywhere here."""
    newest = funding_charged(moment, market_id, 0)
    return {
        "cumulative_funding": dec(cumulative),
        "cumulative_price": dec(newest.rate * 1000),
        "last_timestamp": str(round(newest.at.timestamp())),
    }


def paid_by_long(moment: Moment, listing: Perpetual) -> Decimal:
    """In quote, by one base since block 0: the sum of the hourly rates, each of its hour's mark price."""
    hours = range(int(moment.block * moment.block_s // _FUNDING_S))
    charged = (funding_charged(moment, listing.market_id, ago) for ago in hours)
    return sum((hour.rate * moment.world.mark_price(listing, hour.block) for hour in charged), Decimal(0))


def book_of(moment: Moment, market_id: str) -> Book:
    """The makers' orders, and the users' where there are any."""
    if moment.ledger is None:
        return moment.world.block(market_id, moment.block).book
    book: Book = moment.ledger.book(market_id, moment.block)
    return book


def _levels(orders: tuple[Order, ...], limit: int) -> list[dict[str, str]]:
    return [{"p": dec(price), "q": dec(quantity)} for price, quantity in levels(orders)[:limit]]


def _wanted(moment: Moment, request: Request, listings: Iterable[Any]) -> list[Any]:
    """Of one status, which nobody calls by another name."""
    status, ids = request.first("status", "Active") or "Active", request.every("market_ids")
    now = [_as_it_is(moment, one) for one in listings]
    return [one for one in now if one.status == status and (not ids or one.market_id in ids)]


def _as_it_is(moment: Moment, listing: Any) -> Any:
    if moment.ledger is None:
        return listing
    return listing._replace(status=moment.ledger.standstill.status(listing.market_id))


def _tops(request: Request) -> bool:
    return request.first("with_mid_price_and_tob") == "true"


def _enabled(moment: Moment, kind: type[Any], market_id: str) -> Any:
    """Queries of one market find those alone that are active, or are being taken down."""
    listing = _as_it_is(moment, _listing(kind, market_id))
    if listing.status not in {"Active", "Demolished"}:
        raise Refused(Code.NOT_FOUND, f"{kind.__name__.lower()} market {market_id}: key not found")
    return listing


def _listing(kind: type[Any], market_id: str) -> Any:
    listing = LISTINGS.get(market_id)
    if not isinstance(listing, kind):
        raise Refused(Code.NOT_FOUND, f"{kind.__name__.lower()} market {market_id}: key not found")
    return listing


def _spot_markets(moment: Moment, request: Request) -> Any:
    return {"markets": [spot_market(one) for one in _wanted(moment, request, SPOT)]}


def _spot_market(moment: Moment, request: Request, market_id: str) -> Any:
    return {"market": spot_market(_enabled(moment, Spot, market_id))}


def _full_spot_markets(moment: Moment, request: Request) -> Any:
    tops = _tops(request)
    return {"markets": [full_spot_market(moment, one, tops=tops) for one in _wanted(moment, request, SPOT)]}


def _full_spot_market(moment: Moment, request: Request, market_id: str) -> Any:
    return {"market": full_spot_market(moment, _enabled(moment, Spot, market_id), tops=_tops(request))}


def _derivative_markets(moment: Moment, request: Request) -> Any:
    tops = _tops(request)
    wanted = _wanted(moment, request, PERPETUALS)
    return {"markets": [full_derivative_market(moment, one, tops=tops) for one in wanted]}


def _one_derivative_market(moment: Moment, request: Request, market_id: str) -> Any:
    # This query has no switch for the top of book: it always tells it.
    return {"market": full_derivative_market(moment, _enabled(moment, Perpetual, market_id), tops=True)}


def _params(moment: Moment, request: Request) -> Any:
    """Those that say when post-only orders alone are taken."""
    until = 0 if moment.ledger is None else moment.ledger.standstill.post_only_until
    return {
        "params": {
            "post_only_mode_height_threshold": str(until),
            "min_post_only_mode_downtime_duration": "DURATION_10M",
            "post_only_mode_blocks_amount_after_downtime": "1000",
        }
    }


def _no_markets(moment: Moment, request: Request) -> Any:
    return {"markets": []}


def _order_book(kind: type[Any]) -> Any:
    def answer(moment: Moment, request: Request, market_id: str) -> Any:
        limit = whole(request, "limit", 0) or _DEFAULT_DEPTH
        return order_book(moment, _listing(kind, market_id).market_id, limit, request.first("order_side"))

    return answer


def _top(kind: type[Any]) -> Any:
    def answer(moment: Moment, request: Request, market_id: str) -> Any:
        return mid_price_and_tob(book_of(moment, _listing(kind, market_id).market_id))

    return answer


_V2 = "GET /injective/exchange/v2"
ROUTES = (
    Route(f"{_V2}/exchange/exchangeParams", _params),
    Route(f"{_V2}/spot/markets", _spot_markets),
    Route(f"{_V2}/spot/markets/{{market_id}}", _spot_market),
    Route(f"{_V2}/spot/full_markets", _full_spot_markets),
    Route(f"{_V2}/spot/full_market/{{market_id}}", _full_spot_market),
    Route(f"{_V2}/spot/orderbook/{{market_id}}", _order_book(Spot)),
    Route(f"{_V2}/spot/mid_price_and_tob/{{market_id}}", _top(Spot)),
    Route(f"{_V2}/derivative/markets", _derivative_markets),
    Route(f"{_V2}/derivative/markets/{{market_id}}", _one_derivative_market),
    Route(f"{_V2}/derivative/orderbook/{{market_id}}", _order_book(Perpetual)),
    Route(f"{_V2}/derivative/mid_price_and_tob/{{market_id}}", _top(Perpetual)),
    Route(f"{_V2}/binary_options/markets", _no_markets),
)
