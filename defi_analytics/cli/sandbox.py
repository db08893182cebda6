import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import say
from defi_analytics.cli.measures import duration as duration_of
from defi_analytics.cli.measures import number
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import WrongState

if TYPE_CHECKING:
    from defi_analytics.sandbox.sandbox import Sandbox

app = new_app()


@app.command(epilog="Exit codes: 0 stopped as asked, 3 not a recording, 9 the port is taken, 130 Ctrl-C.")
@with_common
def sandbox(
    common: Common,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, metavar="N", help="Same seed, same markets. [default: 58]")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, metavar="PORT", help="0 picks a free one. [default: 10337]"),
    ] = None,
    hold: Annotated[
        bool, typer.Option("--hold", help="Stay at one block until POST /sandbox/advance?blocks=N.")
    ] = False,
    replay: Annotated[
        Path | None,
        typer.Option(
            "--replay", metavar="FOLDER", help="Serve the recorded payloads of this folder. [default: none]"
        ),
    ] = None,
    grpc: Annotated[
        bool, typer.Option("--grpc", help="Also serve the chain over gRPC, for the official SDK.")
    ] = False,
    block_time: Annotated[
        float,
        typer.Option(
            "--block-time",
            parser=number(least=0.01, most=60),
            metavar="SECONDS",
            help="From block to block, 0.01 to 60.",
        ),
    ] = 0.65,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            "--fault",
            metavar="KIND[=VALUE]",
            help="Let this go wrong, such as drop_after=0.2; may be repeated. [default: none]",
        ),
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            parser=duration_of(least_s=0.1),
            metavar="DURATION",
            help="Stop after this long, such as 10m. [default: never]",
        ),
    ] = None,
) -> int:
    r"""Run a local Injective, with planted mispricings.

    It, two reference venues, an oracle and Allora share one loopback port, each in its service's real wire
    format. What is planted is at /sandbox/truth. While it runs, `--network sandbox` uses it; otherwise a
    command starts one of its own. It executes signed transactions; its funded account is at /sandbox/status.

    \b
    Examples:
      defi sandbox
      defi sandbox --seed 7 --hold --port 10338
      defi sandbox --fault drop_after=0.2 --fault late_inclusion=3
      defi sandbox --replay recordings/2026-01-02
    """
    with suppress(asyncio.CancelledError):
        asyncio.run(
            _serve(
                common,
                seed,
                port,
                hold=hold,
                replay=replay,
                grpc=grpc,
                duration=duration,
                block_s=block_time,
                faults=fault or [],
            )
        )
    return 0


async def _serve(
    common: Common,
    seed: int | None,
    port: int | None,
    *,
    hold: bool,
    replay: Path | None,
    grpc: bool,
    duration: float | None,
    block_s: float,
    faults: list[str],
) -> None:
    from defi_analytics.cli.session import settings_of
    from defi_analytics.clock import WallClock
    from defi_analytics.sandbox.chain.faults import parse
    from defi_analytics.sandbox.sandbox import Sandbox

    own = settings_of(common).settings.sandbox
    chosen = own.port if port is None else port
    world = own.seed if seed is None else seed
    wrong = tuple(parse(text) for text in faults)
    made = Sandbox(
        world, WallClock(), chosen, hold=hold, grpc=grpc, replay=replay, block_s=block_s, faults=wrong
    )
    async with _entered(made, own.port) as running:
        # One line of JSON for scripts that wait for it; the rest is for people.
        typer.echo(json.dumps({"url": running.url, "seed": world, "endpoints": dict(running.endpoints)}))
        if not common.quiet:
            use = _use(_port(running.url), own.port)
            say(f"defi: sandbox is running; try: {use}   (Ctrl-C stops it)")
        with suppress(TimeoutError):
            async with asyncio.timeout(duration):
                await asyncio.Event().wait()


@asynccontextmanager
async def _entered(made: "Sandbox", usual_port: int) -> AsyncIterator["Sandbox"]:
    """The sandbox, running. Raises WrongState, which tells of one that has the port already."""
    from defi_analytics.app.running import running_at

    async with AsyncExitStack() as stack:
        try:
            running = await stack.enter_async_context(made)
        except WrongState as taken:
            url = f"http://127.0.0.1:{made.port}"
            found = await running_at(url, made.clock)
            if found is None:
                raise
            raise WrongState(
                f"a sandbox runs already at {url} (seed {found.seed}, block {found.block})",
                hint=f"use it: {_use(made.port, usual_port)}; another one: defi sandbox --port 0",
            ) from taken
        yield running


def _use(port: int, usual_port: int) -> str:
    elsewhere = "" if port == usual_port else f"DEFI_SANDBOX__PORT={port} "
    return f"{elsewhere}defi scan --network sandbox"


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])
