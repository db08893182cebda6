"""Every upstream of a reading command as a server of its own, each of which can be told to break its answers."""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from defi_analytics.clock import WallClock
from defi_analytics.sandbox import allora, binance, hyperliquid, lcd
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.server import Request, Response
from tests.faults import FaultServer

SEED = 58
ORACLE_PATH = "/injective/oracle/"
Surface = Callable[[Request, Moment], Response]


class PathFaults(FaultServer):
    """Breaks only what is below one path; connections are reset after the request, for only it has a path."""

    def __init__(self, good: Any, below: str) -> None:
        super().__init__(good, "ok")
        self.below, self.fault = below, "ok"

    def _payload(self, path: str, body: bytes) -> Any:
        return path.startswith(self.below), super()._payload(path, body)

    async def _answer(self, writer: Any, kind: str, good: Any) -> bool:
        broken, payload = good
        return await super()._answer(writer, self.fault if broken else "ok", payload)


class Upstreams:
    """Good answers are those of a sandbox that is held at one block; OKX, which it lacks, is made up here."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(SEED, WallClock(), hold=True)
        self.servers: dict[str, FaultServer] = {
            "binance": FaultServer(self._below("/binance", binance.respond), "ok"),
            "hyperliquid": FaultServer(self._below("/hyperliquid", hyperliquid.respond), "ok"),
            "allora": FaultServer(self._below("/allora", allora.respond), "ok"),
            "okx": FaultServer(okx, "ok"),
            "injective": PathFaults(self._below("", lcd.respond), "/injective/exchange/"),
        }
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._sandbox)
        for server in self.servers.values():
            await self._stack.enter_async_context(server)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._stack.aclose()

    def fault(self, target: str, kind: str) -> None:
        """`target` is a server's name or "injective-oracle"; every other upstream is well."""
        for name, server in self.servers.items():
            server.kind = kind if name == target and name != "injective" else "ok"
        chain = self.servers["injective"]
        assert isinstance(chain, PathFaults)
        chain.below = ORACLE_PATH if target == "injective-oracle" else "/injective/exchange/"
        chain.fault = kind if target.startswith("injective") else "ok"

    def settings(self) -> dict[str, Any]:
        """A rate and gas that no upstream tells, so that one upstream's fault cannot move another's edges."""
        url = {name: server.url for name, server in self.servers.items()}
        chain = url["injective"]
        return {
            "injective": {"lcd_url": chain, "indexer_url": chain, "chart_url": chain},
            "venues": {name: {"url": url[name]} for name in ("binance", "hyperliquid", "okx")},
            "allora": {"lcd_url": url["allora"], "prediction_settings": {"min_confidence": 0}},
            "rates": {"USDC/USDT": "1.0004", "USD/USDT": "0.9998"},
            "scan": {"gas_cost_inj": 0, "min_z": 0, "against": ["binance", "hyperliquid", "okx"]},
        }

    def _below(self, prefix: str, surface: Surface) -> Callable[[str, bytes], bytes | None]:
        def good(path: str, body: bytes) -> bytes | None:
            target = urlsplit(prefix + path)
            query = tuple(parse_qsl(target.query, keep_blank_values=True))
            request = Request("POST" if body else "GET", unquote(target.path), query, (), body)
            answer = surface(request, self._sandbox.moment())
            return answer.body if answer.status == 200 else None

        return good


OKX_BIDS = (("17.25", "300"), ("17.24", "500"), ("17.2", "2000"))
OKX_ASKS = (("17.26", "300"), ("17.27", "500"), ("17.3", "2000"))


def okx(path: str, body: bytes) -> bytes | None:
    """INJ-USDT above Injective's price, and BTC-USDT for company."""
    now_ms = str(int(time.time() * 1000))
    target = urlsplit(path)
    match target.path.removeprefix("/api/v5/"):
        case "market/tickers":
            tops = {"INJ-USDT": (OKX_BIDS, OKX_ASKS), "BTC-USDT": ((("56000", "1"),), (("58000", "1"),))}
            return _enveloped(
                [
                    {
                        "instId": name,
                        "bidPx": bids[0][0],
                        "bidSz": bids[0][1],
                        "askPx": asks[0][0],
                        "askSz": asks[0][1],
                        "ts": now_ms,
                    }
                    for name, (bids, asks) in tops.items()
                ]
            )
        case "market/books":
            sides = {"bids": OKX_BIDS, "asks": OKX_ASKS}
            levels = {side: [[p, q, "0", "1"] for p, q in rows] for side, rows in sides.items()}
            return _enveloped([{**levels, "ts": now_ms}])
        case "public/instruments":
            return _enveloped(
                [
                    {
                        "instId": "INJ-USDT",
                        "state": "live",
                        "tickSz": "0.001",
                        "lotSz": "0.01",
                        "minSz": "0.1",
                        "baseCcy": "INJ",
                        "quoteCcy": "USDT",
                    }
                ]
            )
    return None


def _enveloped(rows: Sequence[Any]) -> bytes:
    return json.dumps({"code": "0", "msg": "", "data": rows}).encode()
