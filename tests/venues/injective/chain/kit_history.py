"""One history of fills, as a node and as an indexer tell it."""

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from defi_analytics.errors import ConfigError, Unavailable
from defi_analytics.venues.injective.chain.addresses import account_bytes
from tests.venues.injective.chain.kit import (
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    a_chain,
    perp,
    spot,
)

ORDER = "0x" + "0a" * 32
STATUS = b'{"result":{"node_info":{"network":"injective-888"}}}'


MARKETS = {SPOT_ID: spot(), PERP_ID: perp()}


START = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BLOCK = timedelta(milliseconds=700)


MAKER, TAKER = "LimitMatchRestingOrder", "LimitMatchNewOrder"


def dec(value: Decimal | str) -> str:
    return f"{Decimal(value):.18f}"


def b64(text: str) -> str:
    return b64encode(bytes.fromhex(text[2:])).decode()


class Trade(dict[str, Any]):
    """height, market, side, kind, price, quantity, fee, order, cid, subaccount, recipient, payout, forced."""


def trade(height: int = 1000, market: str = SPOT_ID, **changes: Any) -> Trade:
    usual = {
        "side": "buy",
        "kind": TAKER,
        "price": Decimal("5.123"),
        "quantity": Decimal("1.5"),
        "fee": Decimal("0.003842"),
        "order": ORDER,
        "cid": "defi-1",
        "subaccount": SUBACCOUNT,
        "recipient": "",
        "payout": Decimal(0),
        "forced": False,
    }
    return Trade({"height": height, "market": market, **usual, **changes})


def recipient(one: Trade) -> str:
    """Its bytes, as the node tells them; an address that is none has none."""
    try:
        return f"0x{account_bytes(one['recipient']).hex()}"
    except ConfigError:
        return "0x"


def event(one: Trade) -> dict[str, Any]:
    common = {
        "subaccount_id": b64(one["subaccount"]),
        "fee": dec(one["fee"]),
        "order_hash": b64(one["order"]),
        "fee_recipient_address": b64(recipient(one)),
        "cid": one["cid"],
    }
    fields: dict[str, Any] = {
        "market_id": one["market"],
        "executionType": one["kind"],
        "is_buy": one["side"] == "buy",
    }
    if one["market"] == SPOT_ID:
        kind = "EventBatchSpotExecution"
        fields["trades"] = [{**common, "quantity": dec(one["quantity"]), "price": dec(one["price"])}]
    else:
        kind = "EventBatchDerivativeExecution"
        delta = {
            "is_long": one["side"] == "buy",
            "execution_quantity": dec(one["quantity"]),
            "execution_margin": dec("0"),
            "execution_price": dec(one["price"]),
        }
        fields["cumulative_funding"] = one.get("index")
        fields["is_liquidation"] = one["forced"]
        payout = dec(one["payout"])
        fields["trades"] = [{**common, "position_delta": delta, "payout": payout, "pnl": dec("0")}]
    attributes = [{"key": key, "value": json.dumps(value), "index": True} for key, value in fields.items()]
    return {"type": f"injective.exchange.v2.{kind}", "attributes": attributes}


def results(height: int, *events: dict[str, Any], **more: Any) -> bytes:
    result = {"height": str(height), "txs_results": None, "finalize_block_events": list(events)}
    return json.dumps({"jsonrpc": "2.0", "id": -1, "result": result | more}).encode()


def at(height: int) -> datetime:
    """Blocks every 0.7 s."""
    return START + BLOCK * (height - 1000)


def ms(height: int) -> int:
    return (at(height) - EPOCH) // timedelta(milliseconds=1)


def header(height: int) -> bytes:
    time = f"{at(height):%Y-%m-%dT%H:%M:%S.%f}Z"
    return json.dumps(
        {"block": {"header": {"height": str(height), "time": time, "chain_id": "injective-888"}}}
    ).encode()


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def row(one: Trade, number: int) -> dict[str, Any]:
    is_spot = one["market"] == SPOT_ID
    units = 6 - 18 if is_spot else 6
    price, quantity = plain(one["price"].scaleb(units)), plain(one["quantity"].scaleb(18 if is_spot else 0))
    own: dict[str, Any] = {
        "orderHash": one["order"],
        "subaccountId": one["subaccount"],
        "marketId": one["market"],
        "tradeExecutionType": one["kind"][0].lower() + one["kind"][1:],
        "fee": plain(one["fee"].scaleb(6)),
        "executedAt": ms(one["height"]),
        "tradeId": f"{one['height']}_{number}",
        "feeRecipient": one["recipient"],
        "executionSide": "maker" if one["kind"] == MAKER else "taker",
        "cid": one["cid"],
    }
    if is_spot:
        return own | {
            "tradeDirection": one["side"],
            "price": {"price": price, "quantity": quantity, "timestamp": 0},
        }
    delta = {
        "tradeDirection": one["side"],
        "executionPrice": price,
        "executionQuantity": quantity,
        "executionMargin": "0",
    }
    payout = plain(one["payout"].scaleb(6))
    return own | {"positionDelta": delta, "payout": payout, "isLiquidation": one["forced"]}


class World:
    """One history, told by a node and by an indexer."""

    def __init__(self, *trades: Trade) -> None:
        self.trades = trades
        self.requests: list[str] = []
        self.height = 200_000
        """The node's latest."""
        self.lowest = 1
        """The first block that the node still keeps."""
        self.indexed = range(1, 10**9)
        """The blocks whose trades the indexer has."""
        self.every = 1
        """How often somebody trades, in blocks."""

    async def get(self, source: str, url: str, params: Any = None, headers: Any = None) -> bytes:
        path, query = urlsplit(url).path, dict(params or {})
        self.requests.append(f"{path}?{query}")
        if path.endswith("/status"):
            return STATUS
        if path.endswith("/block_results"):
            height = self._kept(int(query["height"]))
            return results(height, *(event(one) for one in self.trades if one["height"] == height))
        if "/blocks/" in path:
            which = path.rpartition("/")[2]
            return header(self.height if which == "latest" else self._kept(int(which)))
        return self._page(path, query) if "marketId" in query else self._anybody(query)

    def _kept(self, height: int) -> int:
        if height < self.lowest:
            raise Unavailable(
                "injective", f"height {height} is not available, lowest height is {self.lowest}"
            )
        return height

    def _anybody(self, query: Mapping[str, str]) -> bytes:
        """The newest trade up to then, as far as the indexer has come."""
        height = min(self._height(int(query["endTime"])), self.indexed.stop - 1)
        height -= height % self.every
        some = [{"executedAt": ms(height), "tradeId": f"{height}_0"}] if height in self.indexed else []
        return json.dumps({"trades": some}).encode()

    def _height(self, end_ms: int) -> int:
        return 1000 + (EPOCH + timedelta(milliseconds=end_ms) - START) // BLOCK

    def _page(self, path: str, query: Mapping[str, str]) -> bytes:
        start, end, skip = int(query["startTime"]), int(query["endTime"]), int(query["skip"])
        told = [one for one in self.trades if one["height"] in self.indexed]
        rows = [row(one, n) for n, one in enumerate(told) if one["market"] == query["marketId"]]
        rows = [
            one
            for one in rows
            if start <= one["executedAt"] <= end and one["subaccountId"] == query["subaccountId"]
        ]
        return json.dumps({"trades": rows[::-1][skip : skip + int(query["limit"])], "paging": {}}).encode()


async def fills(world: Any, first: int = 1000, last: int = 1000, **more: Any) -> list[Any]:
    return list(await a_chain(world, **more).fills(list(MARKETS.values()), first, last))
