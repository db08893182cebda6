"""The chain's gRPC queries, so that the official SDK reads the sandbox as it reads a node.

Every answer is the REST gateway's own, turned into protobuf: the two can not disagree.
Source: injective.exchange.v2.Query and cosmos.base.tendermint.v1beta1.Service; in protobuf a decimal is an
integer string, eighteen places shifted.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec
from google.protobuf import json_format, message_factory
from pyinjective.proto.cosmos.base.tendermint.v1beta1 import query_pb2 as tendermint_pb2
from pyinjective.proto.injective.exchange.v2 import query_pb2 as exchange_pb2

from defi_analytics.sandbox import lcd
from defi_analytics.sandbox.moment import BlockClock
from defi_analytics.sandbox.server import Request

_EXCHANGE = "/injective/exchange/v2"
_TENDERMINT = "/cosmos/base/tendermint/v1beta1"
_METHODS = {
    exchange_pb2.DESCRIPTOR.services_by_name["Query"]: {
        "SpotMarkets": f"{_EXCHANGE}/spot/markets",
        "SpotMarket": f"{_EXCHANGE}/spot/markets/{{market_id}}",
        "FullSpotMarkets": f"{_EXCHANGE}/spot/full_markets",
        "FullSpotMarket": f"{_EXCHANGE}/spot/full_market/{{market_id}}",
        "SpotOrderbook": f"{_EXCHANGE}/spot/orderbook/{{market_id}}",
        "SpotMidPriceAndTOB": f"{_EXCHANGE}/spot/mid_price_and_tob/{{market_id}}",
        "DerivativeMarkets": f"{_EXCHANGE}/derivative/markets",
        "DerivativeMarket": f"{_EXCHANGE}/derivative/markets/{{market_id}}",
        "DerivativeOrderbook": f"{_EXCHANGE}/derivative/orderbook/{{market_id}}",
        "DerivativeMidPriceAndTOB": f"{_EXCHANGE}/derivative/mid_price_and_tob/{{market_id}}",
        "BinaryOptionsMarkets": f"{_EXCHANGE}/binary_options/markets",
    },
    tendermint_pb2.DESCRIPTOR.services_by_name["Service"]: {
        "GetLatestBlock": f"{_TENDERMINT}/blocks/latest",
        "GetBlockByHeight": f"{_TENDERMINT}/blocks/{{height}}",
        "GetNodeInfo": f"{_TENDERMINT}/node_info",
    },
}
_DECIMAL = re.compile(r"(-?\d+)\.(\d{18})")
_STATUS = {status.value[0]: status for status in grpc.StatusCode}


@asynccontextmanager
async def serve_grpc(clock: BlockClock) -> AsyncIterator[str]:
    """Serves on a free loopback port while the context is open; yields host:port."""
    server = grpc.aio.server()
    for service, methods in _METHODS.items():
        handlers = {
            name: _handler(service.methods_by_name[name], path, clock) for name, path in methods.items()
        }
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield address
    finally:
        await server.stop(grace=None)


def _handler(method: Any, path: str, clock: BlockClock) -> Any:
    answer_type = message_factory.GetMessageClass(method.output_type)
    return grpc.unary_unary_rpc_method_handler(
        _answer(path, clock, answer_type),
        request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
        response_serializer=answer_type.SerializeToString,
    )


def _answer(path: str, clock: BlockClock, answer_type: Any) -> Callable[[Any, Any], Awaitable[Any]]:
    async def answer(message: Any, context: Any) -> Any:
        response = lcd.respond(_request(path, message), clock.moment())
        payload = msgspec.json.decode(response.body)
        if response.status != 200:  # noqa: PLR2004 -- HTTP's own
            await context.abort(_STATUS[payload["code"]], payload["message"])
        return json_format.ParseDict(_shifted(payload), answer_type())

    return answer


def _request(path: str, message: Any) -> Request:
    """The REST request that means the same: fields named in the path go there, the others into the query."""
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    captured = re.findall(r"{(\w+)}", path)
    filled = path.format(**{name: str(fields.pop(name, "0")) for name in captured})
    query = tuple((name, _text(item)) for name, value in fields.items() for item in _items(value))
    return Request("GET", filled, query, (), b"")


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _shifted(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shifted(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_shifted(item) for item in value]
    if isinstance(value, str) and (found := _DECIMAL.fullmatch(value)):
        return str(int(found[1] + found[2]))
    return value
