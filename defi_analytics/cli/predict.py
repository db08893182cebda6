import asyncio
from typing import Annotated

import typer

from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.measures import duration
from defi_analytics.cli.tree import new_app

app = new_app()


@app.command(
    epilog="Exit codes: 0 shown, if only in part (what lacks is warned of), 5 unreachable, "
    "6 stale or malformed, 8 not covered."
)
@with_common
def predict(
    common: Common,
    asset: Annotated[
        list[str] | None, typer.Argument(help="BTC, ETH, … [default: every asset with a topic]")
    ] = None,
    horizon: Annotated[
        float | None,
        typer.Option(
            "--horizon",
            parser=duration(least_s=60),
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

    wanted_s = None if horizon is None else round(horizon)
    return asyncio.run(shown(common, tuple(asset or ()), tuple(topic or ()), wanted_s, with_market))
