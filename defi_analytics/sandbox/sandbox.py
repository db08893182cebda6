"""The sandbox: an exchange, its reference venues, an oracle and a forecaster on one loopback port."""

import importlib
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Self

from defi_analytics.ports import Clock
from defi_analytics.sandbox import allora, binance, control, hyperliquid, indexer
from defi_analytics.sandbox.chain import genesis
from defi_analytics.sandbox.chain.chain import Chain
from defi_analytics.sandbox.chain.faults import Fault, Faults, Kind
from defi_analytics.sandbox.front import Front
from defi_analytics.sandbox.ledger.ledger import Ledger
from defi_analytics.sandbox.moment import BlockClock, Moment
from defi_analytics.sandbox.replay import Recording
from defi_analytics.sandbox.server import Request, Response, Server, serve
from defi_analytics.sandbox.truth import Planted, truth
from defi_analytics.sandbox.world import BLOCK_S, World

_INDEXER = "api"
_SURFACES = {
    "hyperliquid": hyperliquid.respond,
    "binance": binance.respond,
    "allora": allora.respond,
    _INDEXER: indexer.respond,
}
"""By the first segment of the path; the chain has all the others."""


@dataclass(slots=True)
class Sandbox:
    """Serves while its context is open. Same seed and block: same answers, but for their times.

    Entering raises WrongState when the port is taken and ConfigError when `replay` is not a recording.
    """

    seed: int
    clock: Clock
    port: int = 0
    """0 picks a free one."""
    hold: bool = False
    """Stay at `start_block` until POST /sandbox/advance?blocks=N; otherwise blocks follow the clock."""
    start_block: int = 0
    latency_s: float = 0.0
    """What every answer waits first."""
    grpc: bool = False
    """Also serve the chain's gRPC queries, on a port of their own; needs the `injective` extra."""
    replay: Path | None = None
    """Serve this recording instead of a world."""
    skill: float = 0.3
    """Correlation between the forecasts and what happens."""
    block_s: float = BLOCK_S
    """Between two blocks."""
    calm: bool = False
    """Without planted mispricings: nothing is there to be found."""
    faults: Sequence[Fault] = ()
    """What goes wrong, drawn from `seed`."""
    _stack: AsyncExitStack = field(init=False, repr=False)
    _chain: Chain = field(init=False, repr=False)
    _front: Front = field(init=False, repr=False)
    _server: Server = field(init=False, repr=False)
    _grpc_address: str = field(init=False, default="", repr=False)
    _recording: Recording | None = field(init=False, default=None, repr=False)

    async def __aenter__(self) -> Self:
        self._recording = Recording(self.replay) if self.replay else None
        self._begin()
        async with AsyncExitStack() as stack:
            self._server = await stack.enter_async_context(
                serve(self._respond, port=self.port, latency_s=self.latency_s, clock=self.clock)
            )
            if self.grpc:
                # Loaded only when asked for: the SDK's stubs cost half a second.
                self._grpc_address = await stack.enter_async_context(self._serve_grpc())
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._stack.aclose()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def server(self) -> Server:
        return self._server

    @property
    def endpoints(self) -> Mapping[str, str]:
        """Base URLs, as each service's own would be; `grpc` is host:port, when it is served."""
        return {**endpoints_at(self.url), **({"grpc": self._grpc_address} if self._grpc_address else {})}

    @property
    def chain(self) -> Chain:
        return self._chain

    def moment(self) -> Moment:
        return self._chain.moment()

    def advance(self, blocks: int = 1) -> None:
        """Raises WrongState unless the sandbox is held."""
        self._chain.advance(blocks)

    def truth(self, min_edge: Decimal = control.DEFAULT_MIN_EDGE) -> list[Planted]:
        """What is truly mispriced at the current block."""
        moment = self.moment()
        return truth(moment.world, moment.block, min_edge)

    async def _respond(self, request: Request) -> Response:
        if self._recording is not None:
            return self._recording.respond(request)
        first = request.path.split("/", 2)[1]
        if first == "sandbox":
            return control.respond(request, self._chain)
        if first in _SURFACES:
            moment = self.moment()
            behind = self._chain.faults.blocks(Kind.INDEXER_LAG) if first == _INDEXER else 0
            return _SURFACES[first](request, self._chain.as_of(moment, behind))
        return await self._front.respond(request)

    def _serve_grpc(self) -> AbstractAsyncContextManager[str]:
        chain = importlib.import_module("defi_analytics.sandbox.grpc_chain")
        stream = importlib.import_module("defi_analytics.sandbox.grpc_stream")
        served: AbstractAsyncContextManager[str] = chain.serve_grpc(
            self._front.respond, stream.handler(self._chain, self.clock)
        )
        return served

    def _begin(self) -> None:
        world = World(self.seed, self.skill, self.block_s, calm=self.calm)
        blocks = BlockClock(world, self.clock, self.start_block, hold=self.hold)
        self._chain = Chain(blocks, Ledger(world), Faults(seed=self.seed))
        self._front = Front(self._chain, self.clock)
        genesis.fund(self._chain)
        self._chain.set_faults(self.faults, self.seed)


def endpoints_at(url: str) -> Mapping[str, str]:
    """The base URLs of the services of a sandbox that answers at `url`."""
    chain = dict.fromkeys(("lcd", "tm", "indexer", "chart"), url)
    return chain | {name: f"{url}/{name}" for name in ("hyperliquid", "binance", "allora")}
