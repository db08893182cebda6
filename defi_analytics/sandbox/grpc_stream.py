"""The chain stream over gRPC: one message for every block, for as long as the client listens.

Source: injective.stream.v2.Stream/StreamV2.
"""

from collections import deque
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf import json_format, message_factory

from defi_analytics.ports import Clock
from defi_analytics.sandbox.chain import protobufs
from defi_analytics.sandbox.chain.blocks import Made
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.protojson import from_json
from defi_analytics.sandbox.chain.stream import Subscription

_SERVICE, _METHOD = "injective.stream.v2.Stream", "StreamV2"
_LONGEST_WAIT_S = 0.1


def handler(chain: Chain, clock: Clock) -> Any:
    """What a gRPC server adds to its handlers."""
    method = protobufs.service(_SERVICE).methods_by_name[_METHOD]
    answer_type = message_factory.GetMessageClass(method.output_type)

    async def stream(filters: Any, context: Any) -> AsyncIterator[Any]:
        wanted = json_format.MessageToDict(filters, preserving_proto_field_name=True)
        subscription = Subscription(chain, wanted)
        told: deque[dict[str, Any]] = deque()

        def hear(made: Made) -> None:
            told.append(subscription.message(made))

        with chain.listening(hear):
            while True:
                chain.moment()
                while told:
                    yield from_json(method.output_type.full_name, told.popleft())
                await clock.sleep(min(chain.clock.block_s / 2, _LONGEST_WAIT_S))

    served = grpc.unary_stream_rpc_method_handler(
        stream,
        request_deserializer=message_factory.GetMessageClass(method.input_type).FromString,
        response_serializer=answer_type.SerializeToString,
    )
    return grpc.method_handlers_generic_handler(_SERVICE, {_METHOD: served})
