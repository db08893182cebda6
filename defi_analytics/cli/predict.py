import asyncio
import re
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.tree import new_app
from defi_analytics.errors import UsageError

_UNITS_S = {"m": 60, "h": 3600, "d": 86400}

app = new_app()


@app.command(epilog="Exit codes: 0 shown, 5 unreachable, 6 stale or malformed, 8 not covered.")
@with_common
def predict(
    common: Common,
    asset: Annotated[
        list[str] | None, typer.Argument(help="BTC, ETH, … [default: every asset with a topic]")
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(
            "--horizon",
            metavar="DURATION",
            help="How far ahead: 20m, 8h, 1d. [default: the shortest from 1h on]",
        ),
    ] = None,
    topic: Annotated[
        list[int] | None,
        typer.Option(
            "--topic",
            min=1,
            metavar="ID",
            help="Topic instead of an asset; repeat for several. [default: none]",
        ),
    ] = None,
    with_market: Annotated[
        bool, typer.Option("--with-market", help="Compare with the mid of Injective's order book.")
    ] = False,
) -> int:
    r"""Show Allora's current predictions, with age and uncertainty.

    \b
    Examples:
      defi predict BTC
      defi predict BTC ETH --horizon 8h --with-market
      defi predict --topic 14 --json
    """
    from defi_analytics.cli.predict_view import shown

    wanted_s = None if horizon is None else seconds(horizon)
    return asyncio.run(shown(common, tuple(asset or ()), tuple(topic or ()), wanted_s, with_market))


def seconds(text: str) -> int:
    """The seconds of 5m, 8h or 1d. Raises UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,4})\s*(m|h|d)(in|our|ours|ay|ays)?", text.strip().lower())
    if found is None:
        raise UsageError(f"--horizon {text!r} is not a duration such as 5m, 8h or 24h")
    return int(found[1]) * _UNITS_S[found[2]]
