"""Injective's indexer over REST: candles (chart, formerly chronos) and funding rates.

Source: the indexer's chart API (TradingView's UDF history) and its Goa REST derivative API.
"""

from typing import Any

import msgspec

from defi_analytics.sandbox.candles import MAX_CANDLES, Bar, bars, on_grid
from defi_analytics.sandbox.exchange import funding_charged
from defi_analytics.sandbox.gateway import Route, answered, whole
from defi_analytics.sandbox.ledger import indexer as users
from defi_analytics.sandbox.listings import LISTINGS, Listing, Perpetual, Spot
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request, Response

_MINUTES = ("1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "1440")
_RESOLUTIONS = {
    **{minutes: int(minutes) * 60 for minutes in _MINUTES},
    "D": 86_400,
    "1D": 86_400,
    "1W": 604_800,
    "7D": 604_800,
}
_MAX_RATES = 100


class _Unknown(Exception):
    pass


def respond(request: Request, moment: Moment) -> Response:
    try:
        return answered((*_ROUTES, *users.ROUTES), request, moment)
    except _Unknown as unknown:
        fault = {"name": "not_found", "id": "sandbox", "message": str(unknown)}
        flags = {"temporary": False, "timeout": False, "fault": False}
        body = msgspec.json.encode({**fault, **flags})
        return Response(404, body, "application/vnd.goa.error")


def _history(kind: type[Any]) -> Any:
    def answer(moment: Moment, request: Request, *_: str) -> Any:
        wanted = request.first("marketId") or request.first("symbol")
        listing = next((one for one in LISTINGS.values() if wanted in _names(one)), None)
        if not isinstance(listing, kind):
            raise _Unknown(f"no market {wanted!r}")
        columns = _columns(_bars(moment, request, listing))
        return {**columns, "s": "ok" if columns["t"] else "no_data"}

    return answer


def _market_history(moment: Moment, request: Request, *_: str) -> Any:
    found = []
    for market_id in request.every("marketIDs"):
        if market_id in LISTINGS:
            columns = _columns(_bars(moment, request, LISTINGS[market_id]))
            found.append({"marketID": market_id, "resolution": request.first("resolution"), **columns})
    return found


def _columns(found: list[Bar]) -> dict[str, list[float]]:
    values = {name[0]: [_figure(getattr(bar, name)) for bar in found] for name in Bar._fields[1:]}
    return {"t": [bar.open_s for bar in found], **values}


def _names(listing: Listing) -> tuple[str, ...]:
    if isinstance(listing, Spot):
        return listing.market_id, f"{listing.base_denom}/{listing.quote_denom}"
    return (listing.market_id,)


def _bars(moment: Moment, request: Request, listing: Listing) -> list[Bar]:
    resolution_s = _RESOLUTIONS.get(request.first("resolution"))
    if resolution_s is None:
        raise _Unknown("unknown resolution")
    end_s = whole(request, "to", int(moment.at.timestamp()))
    start_s = whole(request, "from", end_s - 100 * resolution_s)
    count = min(whole(request, "countback", 0), MAX_CANDLES)
    if count:
        end_s = min(end_s, int(moment.at.timestamp()))
        start_s = (end_s // resolution_s - count + 1) * resolution_s
    noise = Noise(int(listing.market_id[2:18], 16))
    tick = float(listing.price_tick)

    def price(block: int) -> float:
        return on_grid(moment.world.centre(listing, block), tick)

    return bars(moment, price, noise, resolution_s, (start_s, end_s))


def _figure(value: float) -> float:
    return float(f"{value:.10g}")


def _funding_rates(moment: Moment, request: Request) -> Any:
    listing = LISTINGS.get(request.first("marketId"))
    if not isinstance(listing, Perpetual):
        raise _Unknown("no such derivative market")
    skip, limit = whole(request, "skip", 0), min(whole(request, "limit", _MAX_RATES), _MAX_RATES)
    charged = (funding_charged(moment, listing.market_id, ago) for ago in range(skip, skip + limit))
    rates = [
        {
            "marketId": listing.market_id,
            "rate": str(hour.rate),
            "timestamp": round(hour.at.timestamp() * 1000),
        }
        for hour in charged
    ]
    return {"fundingRates": rates, "paging": {"total": 5571, "from": skip + 1, "to": skip + limit}}


_ROUTES = (
    *(
        Route(f"GET /api/{service}/v1/{kind}/history", _history(listing))
        for service in ("chart", "chronos")
        for kind, listing in (("spot", Spot), ("derivative", Perpetual))
    ),
    Route("GET /api/{service}/v1/market/history", _market_history),
    Route("GET /api/exchange/derivative/v1/fundingRates", _funding_rates),
)
