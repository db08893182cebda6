"""The chain's gRPC services, so that the official SDK reads and writes the sandbox as it does a node.

Every answer is the REST gateway's own, turned into protobuf: the two can not disagree, and what goes wrong
goes wrong over both.
Source: the services of the official SDK's stubs, whose google.api.http options name the REST paths.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import msgspec
from google.protobuf import json_format, message_factory
from pyinjective.proto.google.api import annotations_pb2

from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.protojson import from_json
from defi_analytics.sandbox.server import Fate, Handler, Request

_SERVICES = (
    "cosmos.auth.v1beta1.Query",
    "cosmos.authz.v1beta1.Query",
    "cosmos.bank.v1beta1.Query",
    "cosmos.base.tendermint.v1beta1.Service",
    "cosmos.tx.v1beta1.Service",
    "injective.exchange.v2.Query",
    "injective.oracle.v1beta1.Query",
    "injective.txfees.v1beta1.Query",
)
_Answer = Callable[[Any, Any], Awaitable[Any]]
_STATUS = {status.value[0]: status for status in grpc.StatusCode}


@asynccontextmanager
async def serve_grpc(handler: Handler, *more: grpc.GenericRpcHandler) -> AsyncIterator[str]:
    """Serves on a free loopback port while the context is open; yields host:port."""
    server = grpc.aio.server()
    for service in map(protobufs.service, _SERVICES):
        handlers = {method.name: _handler(method, handler) for method in service.methods}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    server.add_generic_rpc_handlers(more)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield address
    finally:
        await server.stop(grace=None)


def _handler(method: Any, handler: Handler) -> Any:
    answer_type = message_factory.GetMessageClass(method.output_type)
    return grpc.unary_unary_rpc_method_handler(
        _answer(_rule(method), handler, method.output_type.full_name),
        request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
        response_serializer=answer_type.SerializeToString,
    )


def _rule(method: Any) -> tuple[str, str]:
    """The HTTP method and path pattern that mean the same."""
    rule = method.GetOptions().Extensions[annotations_pb2.http]
    return ("POST", rule.post) if rule.post else ("GET", rule.get)


def _answer(rule: tuple[str, str], handler: Handler, answer_type: str) -> _Answer:
    async def answer(message: Any, context: Any) -> Any:
        response = await handler(_request(*rule, message))
        if response.fate is Fate.SILENCE:
            await asyncio.Event().wait()
        if response.fate is Fate.RESET:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")
        payload = msgspec.json.decode(response.body)
        if response.status != 200:  # noqa: PLR2004 -- HTTP's own
            await context.abort(_STATUS[payload["code"]], payload["message"])
        try:
            return from_json(answer_type, payload)
        except ValueError:  # another query's answer: a REST path that this one's path also fits
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Not Implemented")

    return answer


def _request(method: str, path: str, message: Any) -> Request:
    """Fields named in the path go there, the others into the query, or all of them into the body."""
    fields = json_format.MessageToDict(message, preserving_proto_field_name=True)
    if method == "POST":
        return Request(method, path, (), (), msgspec.json.encode(fields))
    captured = re.findall(r"{(\w+)}", path)
    filled = path.format(**{name: str(fields.pop(name, "0")) for name in captured})
    return Request(method, filled, tuple(_query("", fields)), (), b"")


def _query(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """As a gateway reads it back: fields of fields after a dot, repeated ones repeated."""
    if isinstance(value, dict):
        for field, item in value.items():
            yield from _query(f"{name}.{field}" if name else field, item)
    elif isinstance(value, list):
        for item in value:
            yield from _query(name, item)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else str(value)
