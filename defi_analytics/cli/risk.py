import asyncio
from dataclasses import fields
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.options import AccountName, PassphraseFd, SigningKey, asked_for
from defi_analytics.cli.tree import Telling, new_app

HELP = r"""Show what is at risk, and stop, resume or flatten trading.

Alone it is `defi risk status`.

\b
Examples:
  defi risk
  defi risk halt --reason "news"
""".replace(r"\b", "\b")
app = new_app(help=HELP, cls=Telling)

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. [default: told by a person]")]
_TOLD = "told by a person"


@app.command(epilog="Exit codes: 0 trading is active or reduces, 21 it is halted, or its state is not known.")
@with_common
def status(common: Common, account: AccountName = None) -> int:
    r"""Show whether it may trade, what is lost, what is at stake and the room left.

    \b
    Examples:
      defi risk status
      defi risk status --account paper --json
    """
    from defi_analytics.cli.risk_run import show_status

    return asyncio.run(show_status(common, account))


@app.command(
    epilog="Exit codes: 0 it would pass, 10 it would, within a tenth of a limit, 20 refused, 2 no order."
)
@with_common
def check(
    common: Common,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            metavar="FILE",
            help="JSON or YAML with market, side, price, quantity; kind, reduce_only, trigger, strategy; "
            "- is standard input. [default: none, it must be given]",
        ),
    ],
    account: AccountName = None,
) -> int:
    r"""Hold one order against every rule, by live data; nothing is sent.

    \b
    Examples:
      defi risk check --order order.yaml
      defi risk check --order - -o json < order.json
    """
    from defi_analytics.cli.risk_run import check_order

    return asyncio.run(check_order(common, order, account))


@app.command()
@with_common
def limits(common: Common, account: AccountName = None) -> int:
    r"""List every limit: its value, where it is set, and what it refuses.

    While an agent runs they are its own, --max-loss and --max-notional included.

    \b
    Examples:
      defi risk limits
      defi risk limits --account paper --json
    """
    from defi_analytics.cli.risk_limits import show_limits

    return show_limits(common, account)


@app.command(epilog="Exit codes: 0 trading is halted, 9 neither the journal nor the file could be written.")
@with_common
def halt(
    common: Common,
    reason: Reason = _TOLD,
    account: Annotated[
        str | None,
        typer.Option("--account", metavar="ACCOUNT", help="Only this one. [default: all, of all networks]"),
    ] = None,
) -> int:
    r"""Stop trading, at once and until it is resumed; needs no network and no agent.

    It is written to each account's journal, and a file STOP is left in home: either is enough.

    \b
    Examples:
      defi risk halt --reason "news"
      defi risk halt --network testnet --account paper
    """
    from defi_analytics.cli.risk_run import halt_accounts

    return halt_accounts(common, reason, account)


@app.command(epilog="Exit codes: 0 trading is active, 21 it is still halted.")
@with_common
def resume(
    common: Common,
    ack: Annotated[
        str,
        typer.Option("--ack", metavar="CODE", help="The code that stands. [default: none; you are told it]"),
    ] = "",
    rebase_peak: Annotated[
        bool, typer.Option("--rebase-peak", help="Measure drawdown from now on; forget the peak.")
    ] = False,
    stop_file: Annotated[
        bool, typer.Option("--stop-file", help="Remove a STOP file that `halt` did not leave, too.")
    ] = False,
    account: AccountName = None,
) -> int:
    r"""Lift a halt, or `reduce`, by naming the code that stands.

    \b
    Examples:
      defi risk resume --ack HALTED
      defi risk resume --ack DRAWDOWN_HARD --rebase-peak
    """
    from defi_analytics.cli.risk_run import resume_account

    return resume_account(common, ack, account, rebase=rebase_peak, file_too=stop_file)


@app.command()
@with_common
def reduce(common: Common, reason: Reason = _TOLD, account: AccountName = None) -> int:
    r"""Let only orders that reduce pass, until it is resumed.

    \b
    Example:
      defi risk reduce --reason "a quiet weekend"
    """
    from defi_analytics.cli.risk_run import reduce_account

    return reduce_account(common, reason, account)


@app.command(epilog="Exit codes: 0 nothing is held, 9 an agent runs: stop it first, 24 something is left.")
@with_common
def flatten(
    common: Common, account: AccountName = None, key: SigningKey = "", passphrase_fd: PassphraseFd = None
) -> int:
    r"""Close what the strategies hold, at the market, and cancel their orders.

    \b
    Examples:
      defi risk flatten --account paper
      defi risk flatten --network testnet --passphrase-fd 3 3< passphrase
    """
    from defi_analytics.cli.risk_run import flatten_account

    return asyncio.run(flatten_account(common, account, asked_for(common, key, passphrase_fd)))


@app.command()
@with_common
def history(
    common: Common,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Such as 1d, 2h or 2026-01-31. [default: all]"),
    ] = None,
    account: AccountName = None,
) -> int:
    r"""List every halt, resume and refused order.

    \b
    Examples:
      defi risk history --since 1d
      defi risk history -o csv > history.csv
    """
    from defi_analytics.cli.risk_run import show_history

    return show_history(common, since, account)


@app.command()
@with_common
def stress(
    common: Common,
    shock: Annotated[
        list[str] | None,
        typer.Option(
            "--shock", metavar="CHANGE", help="Such as -20%; repeat for several. [default: -10%, -20%, -40%]"
        ),
    ] = None,
    asset: Annotated[
        str, typer.Option("--asset", metavar="ASSET", help="Only this one moves. [default: all but cash]")
    ] = "",
    account: AccountName = None,
) -> int:
    r"""Show what a fall or rise of prices would do to the account as it stands.

    \b
    Examples:
      defi risk stress
      defi risk stress --shock -20% --shock 20% --asset INJ
    """
    from defi_analytics.cli.risk_run import show_stress

    shocks = shock or ["-10%", "-20%", "-40%"]
    return asyncio.run(show_stress(common, shocks, asset.upper(), account))


@app.command()
@with_common
def explain(
    common: Common,
    code: Annotated[str, typer.Argument(help="A code such as HALTED.")],
) -> int:
    r"""Explain a code; the same as `defi explain`.

    \b
    Example:
      defi risk explain HALTED
    """
    from defi_analytics.cli.explain import explain as explain_code

    return explain_code(**_flat(common), code=code)


def _flat(common: Common) -> dict[str, object]:
    """The shared options as a command takes them."""
    return {field.name: getattr(common, field.name) for field in fields(common)}
