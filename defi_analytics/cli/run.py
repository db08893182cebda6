import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.measures import duration as duration_of
from defi_analytics.cli.measures import positive
from defi_analytics.cli.options import PassphraseFd, SigningKey, asked_for
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import UsageError

if TYPE_CHECKING:
    from defi_analytics.app.trading import RunRequest
    from defi_analytics.cli.run_view import How

app = new_app()


@app.command(
    epilog="Exit codes: 0 ended as asked, 3 settings, 4 key, 9 the account is in use, 20 refused, 21 halted, "
    "22 the journal and the venue disagree, 23 orders are refused, 24 something sent has no proof yet."
)
@with_common
def run(
    common: Common,
    strategy: Annotated[
        list[str] | None,
        typer.Option("--strategy", metavar="NAME", help="Repeat for several. [default: run.strategies]"),
    ] = None,
    market: Annotated[
        list[str] | None,
        typer.Option(
            "--market",
            metavar="MARKET",
            help="What may be traded, as for scan; repeat. [default: run.markets]",
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="Send real orders; without it all is on paper.")
    ] = False,
    account: Annotated[
        str,
        typer.Option("--account", metavar="ACCOUNT", help="paper-NAME for several on paper; one agent each."),
    ] = "paper",
    confirm_mainnet: Annotated[
        str | None,
        typer.Option(
            "--confirm-mainnet",
            metavar="ACCOUNT",
            help="The account, for --live on mainnet. [default: ask]",
        ),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="One round, as --cycles 1.")] = False,
    cycles: Annotated[
        int | None, typer.Option("--cycles", min=1, metavar="N", help="End after N rounds. [default: never]")
    ] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            "--duration",
            parser=duration_of(least_s=0.1),
            metavar="DURATION",
            help="End after this long, such as 6h. [default: never]",
        ),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(
            "--interval",
            parser=duration_of(least_s=0.05),
            metavar="DURATION",
            help="Between two rounds. [default: monitoring.update_interval]",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Show the orders of one round; place none, write nothing.")
    ] = False,
    max_loss: Annotated[
        float | None,
        typer.Option(
            "--max-loss",
            parser=positive,
            metavar="AMOUNT",
            help="Most to lose in a UTC day, account currency; halts. [default: risk limits alone]",
        ),
    ] = None,
    max_notional: Annotated[
        float | None,
        typer.Option(
            "--max-notional",
            parser=positive,
            metavar="AMOUNT",
            help="Largest order; account currency. [default: risk limits]",
        ),
    ] = None,
    on_exit: Annotated[
        str,
        typer.Option(
            "--on-exit",
            metavar="WHAT",
            help="cancel (orders), keep, or flatten (orders and positions).",
        ),
    ] = "cancel",
    status_file: Annotated[
        Path | None,
        typer.Option(
            "--status-file",
            metavar="FILE",
            help="Written after each round, besides that in home. [default: none]",
        ),
    ] = None,
    key: SigningKey = "",
    passphrase_fd: PassphraseFd = None,
    may_withdraw: Annotated[
        bool,
        typer.Option(
            "--i-understand-this-key-can-withdraw", help="Mainnet: also with a key that owns what it trades."
        ),
    ] = False,
    metrics_file: Annotated[
        Path | None,
        typer.Option(
            "--metrics-file", metavar="FILE", help="For Prometheus; after each round. [default: none]"
        ),
    ] = None,
) -> int:
    r"""Trade what scan finds, within limits; on paper unless told otherwise.

    \b
    Examples:
      defi run --network sandbox --once
      defi run --market INJ/USDT --duration 6h --max-loss 20
      defi run --network sandbox --live --cycles 100 -o ndjson
      defi run --account paper-weth --market WETH/USDT
    """
    from defi_analytics.app.trading import RunRequest
    from defi_analytics.cli.run_view import How

    if once and cycles is not None:
        raise UsageError("--once is --cycles 1", hint="give one of the two")
    request = RunRequest(tuple(strategy or ()), tuple(market or ()), max_loss, max_notional)
    how = How(
        live=live,
        account=account,
        confirmed=confirm_mainnet or "",
        cycles=1 if once or plan else cycles,
        duration_s=duration,
        interval_s=interval,
        plan=plan,
        on_exit=on_exit,
        status_file=status_file,
        metrics_file=metrics_file,
        asked=asked_for(common, key, passphrase_fd, may_withdraw=may_withdraw),
    )
    if live and account != "paper":
        raise UsageError("--account names one on paper", hint="with --live the key tells whose account it is")
    if common.format is Output.JSON and how.endless:
        raise UsageError("one JSON document cannot hold a run without an end", hint="use -o ndjson")
    return asyncio.run(_run(common, request, how))


async def _run(common: Common, request: "RunRequest", how: "How") -> int:
    from defi_analytics.cli.run_view import running
    from defi_analytics.cli.session import opened

    async with opened(common, hold=False) as session:
        return await running(session, request, how)
