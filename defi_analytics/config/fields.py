"""The kinds of value that settings have: each is its type and what a text must be to become one."""

from decimal import Decimal
from typing import Annotated

from defi_analytics.config.values import Number, Registered, Text, Url

NETWORKS = ("mainnet", "testnet", "sandbox")
KINDS = ("cross-venue", "oracle", "prediction")
STRATEGY_NAMES = ("convergence", "oracle", "prediction")
VENUE_NAMES = ("hyperliquid", "binance", "binance-perp", "okx", "okx-perp")
VENUE_GROUP = "defi_analytics.venues"
"""Entry points of this group offer further venues, by name."""
ZERO, ONE = Decimal(0), Decimal(1)

Amount = Annotated[Decimal, Number(at_least=ZERO)]
Positive = Annotated[Decimal, Number(above=ZERO)]
Fraction = Annotated[Decimal, Number(at_least=ZERO, below=ONE)]
Fee = Annotated[Decimal, Number(above=Decimal("-0.1"), below=Decimal("0.1"))]
Seconds = Annotated[Decimal, Number(above=ZERO, at_most=Decimal(86400))]
Address = Annotated[str, Url()]
VenueName = Annotated[str, Registered(VENUE_NAMES, VENUE_GROUP)]
Symbol = Annotated[str, Text(r"[A-Za-z0-9.]{1,20}", "an asset symbol such as INJ")]
Pair = Annotated[str, Text(r"[A-Z0-9.]{1,20}/[A-Z0-9.]{1,20}", "a pair such as USDC/USDT")]
Denom = Annotated[str, Text(r"[A-Za-z][A-Za-z0-9/:._-]{1,127}", "a denom such as peggy0x… or ibc/…")]
MarketId = Annotated[
    str,
    Text(
        r"0x[0-9a-fA-F]{64}|[A-Za-z0-9.*?]{1,20}/[A-Za-z0-9.*?]{1,20}( PERP|-PERP)?",
        "INJ/USDT, INJ/USDT PERP or a 0x… id",
    ),
]
