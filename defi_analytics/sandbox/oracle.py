"""Injective's oracle module over REST: the prices Pyth pushed to the chain.

Source: the queries of injective.oracle.v1beta1, as the chain's gateway writes them.
"""

from decimal import Decimal
from typing import Any

from defi_analytics.sandbox.gateway import Code, Refused, Route, dec
from defi_analytics.sandbox.listings import FEEDS, Feed
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.server import Request

_PLACES = Decimal("1e-18")


def _price_state(moment: Moment, price: Decimal) -> dict[str, str]:
    return {"price": dec(price), "cumulative_price": dec(price * 1000), "timestamp": _published(moment)}


def _published(moment: Moment) -> str:
    return str(int(moment.at.timestamp()))


def _pyth_state(moment: Moment, feed: Feed) -> dict[str, Any]:
    price = moment.world.oracle(feed.asset, moment.block)
    confidence = (price * Decimal("0.0004")).quantize(Decimal("1e-8"))
    return {
        "price_id": feed.price_id,
        "ema_price": dec(price),
        "ema_conf": dec(confidence),
        "conf": dec(confidence),
        "publish_time": _published(moment),
        "price_state": _price_state(moment, price),
    }


def _feed(price_id: str) -> Feed:
    wanted = "0x" + price_id.lower().removeprefix("0x")
    for feed in FEEDS:
        if feed.price_id == wanted:
            return feed
    raise Refused(Code.NOT_FOUND, f"price feed {price_id}: key not found")


def _pyth_price(moment: Moment, request: Request) -> Any:
    return {"price_state": _pyth_state(moment, _feed(request.first("price_id")))}


def _pyth_price_states(moment: Moment, request: Request) -> Any:
    return {"price_states": [_pyth_state(moment, feed) for feed in FEEDS]}


def _oracle_price(moment: Moment, request: Request) -> Any:
    if request.first("oracle_type").lower() not in ("pyth", "9"):
        raise Refused(Code.NOT_FOUND, "price for this oracle type: key not found")
    prices = [
        moment.world.oracle(_feed(request.first(name)).asset, moment.block) for name in ("base", "quote")
    ]
    pair = (prices[0] / prices[1]).quantize(_PLACES)
    return {
        "price_pair_state": {
            "pair_price": dec(pair),
            "base_price": dec(prices[0]),
            "quote_price": dec(prices[1]),
            "base_cumulative_price": dec(prices[0] * 1000),
            "quote_cumulative_price": dec(prices[1] * 1000),
            "base_timestamp": _published(moment),
            "quote_timestamp": _published(moment),
        }
    }


_ORACLE = "GET /injective/oracle/v1beta1"
ROUTES = (
    Route(f"{_ORACLE}/pyth_price", _pyth_price),
    Route(f"{_ORACLE}/pyth_price_states", _pyth_price_states),
    Route(f"{_ORACLE}/price", _oracle_price),
)
