"""`defi key check`, `grant` and `revoke`: what a key may do for the account that holds the funds."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from defi_analytics.app.signing import Asked, keystore, name_of, opened
from defi_analytics.cli.common import Common, Output, with_common
from defi_analytics.cli.doctor import COLUMNS as CHECK_COLUMNS
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.key_input import Name
from defi_analytics.cli.key_rows import GrantRow
from defi_analytics.cli.measures import seconds
from defi_analytics.cli.options import PassphraseFd, asked_for
from defi_analytics.cli.render import emit
from defi_analytics.cli.schemas import CheckRow
from defi_analytics.cli.session import Session, settings_of
from defi_analytics.cli.session import opened as session_opened
from defi_analytics.config.settings import KeySettings, Settings
from defi_analytics.errors import AuthError, ConfigError, UsageError
from defi_analytics.keys import process

if TYPE_CHECKING:
    from defi_analytics.domain.market import Market
    from defi_analytics.venues.injective.chain.grants import TradingGrant
    from defi_analytics.venues.injective.chain.trader import Trader

LONGEST_S = 30 * 86_400.0
GAS = 200_000
FEE_WEI = GAS * 160_000_000
"""At the chain's lowest gas price; the wallet sets its own. Source: injective.txfees, min_gas_price."""


def expiry(text: str) -> float:
    """Raises typer.BadParameter for what is no duration, too short or too long."""
    value = seconds(text, least_s=60.0)
    if value > LONGEST_S:
        raise typer.BadParameter(f"{text!r} is too long: a grant lasts at most 30d")
    return value


Granter = Annotated[
    str,
    typer.Option(
        "--granter",
        metavar="ADDRESS",
        help="The account that holds the funds. [default: keys.granter]",
        show_default=False,
    ),
]
Subaccount = Annotated[
    int | None,
    typer.Option(
        "--subaccount", min=0, metavar="N", help="Which of its subaccounts. [default: keys.subaccount]"
    ),
]
Markets = Annotated[
    list[str] | None,
    typer.Option("--market", metavar="MARKET", help="A market it trades; may be repeated. [default: none]"),
]


@with_common
def check(
    common: Common,
    name: Name = "",
    granter: Granter = "",
    market: Markets = None,
    subaccount: Subaccount = None,
    passphrase_fd: PassphraseFd = None,
) -> int:
    r"""Prove that key, grant, subaccount and markets fit each other, on the chosen network.

    \b
    Examples:
      defi key check --market INJ/USDT
      defi key check agent --granter inj1… --market INJ/USDT --network testnet
    """
    asked = asked_for(common, name, passphrase_fd)
    return asyncio.run(_check(common, asked, _keys(granter, subaccount), market or ()))


async def _check(common: Common, asked: Asked, given: dict[str, Any], names: Sequence[str]) -> int:
    process.harden()
    async with session_opened(common) as session:
        own = session.app.settings
        wanted = name_of(own, asked.name)
        with opened(own, wanted, asked, os.environ, session.app.warn) as signer:
            address = signer.address
        keys = replace(own.keys, **given)
        opens = CheckRow(name="key", ok=True, message=f"{wanted} opens and belongs to {address}", hint="")
        rows = [opens, *await _judged(session, keys, address, names)]
    failed = [row.message for row in rows if not row.ok]
    error = AuthError(failed[0]) if failed else None
    emit(Document("doctor", rows, session.app.network, error=error), CHECK_COLUMNS, common)
    return error.exit_code if error else 0


async def _judged(session: Session, keys: KeySettings, address: str, names: Sequence[str]) -> list[CheckRow]:
    from defi_analytics.app.fitness import SEND_SOME, lack_of_gas, shortcomings
    from defi_analytics.app.live import Onlooker, injective_chain

    with session.working("reading grants"):
        markets = await session.app.find_markets(names)
        chain = injective_chain(session.app, Onlooker(address), keys.granter, keys.subaccount)
        found, lack = await shortcomings(chain, markets), await lack_of_gas(chain)
    rows = [CheckRow(name="grant", ok=False, message=one, hint="see: defi key grant --help") for one in found]
    if not found:
        trader = chain.trader
        message = f"{trader.account} lets it trade in subaccount {trader.subaccount_id}, and nothing else"
        rows.append(CheckRow(name="grant", ok=True, message=message, hint=""))
    gas = lack or "it has INJ to pay for gas"
    return [*rows, CheckRow(name="gas", ok=not lack, message=gas, hint=SEND_SOME if lack else "")]


@with_common
def grant(
    common: Common,
    name: Name = "",
    granter: Granter = "",
    market: Markets = None,
    subaccount: Subaccount = None,
    expires: Annotated[
        float | None,
        typer.Option(
            "--expires",
            parser=expiry,
            metavar="DURATION",
            help="At most 30d. [default: 30d]",
            show_default=False,
        ),
    ] = None,
) -> int:
    r"""Print the transaction by which the main wallet lets a key trade, unsigned.

    It allows batches of orders and cancels on these markets of one subaccount until it expires, and nothing
    else: with it the key cannot withdraw, send or transfer. Bad trades can still lose money.

    \b
    Examples:
      defi key grant --granter inj1… --market INJ/USDT > grant.json
      defi key grant agent --granter inj1… --subaccount 1 --market INJ/USDT --market BTC/USDT --expires 7d
    """
    if not market:
        raise UsageError("--market is missing", hint="name each market that the key may trade")
    return asyncio.run(_grant(common, name, _keys(granter, subaccount), market, expires or LONGEST_S))


async def _grant(
    common: Common, name: str, given: dict[str, Any], names: Sequence[str], expires_s: float
) -> int:
    from defi_analytics.venues.injective.chain.grants import trading_grant, unsigned_grant

    async with session_opened(common) as session:
        trader = _grantee(session.app.settings, name, given)
        with session.working("looking up markets"):
            markets = await session.app.find_markets(names)
        until = session.app.clock.now().replace(microsecond=0) + timedelta(seconds=round(expires_s))
        made = trading_grant(trader, markets, until)
        transaction = unsigned_grant(trader, made, GAS, FEE_WEI)
        _print(common, session.app.network, _granted(trader, made, transaction))
        _explain(session, trader, made, markets)
    return 0


@with_common
def revoke(common: Common, name: Name = "", granter: Granter = "") -> int:
    r"""Print the transaction by which the main wallet takes a key's trading back, unsigned.

    \b
    Example:
      defi key revoke agent --granter inj1… > revoke.json
    """
    from defi_analytics.venues.injective.chain.grants import MAY_TRADE, unsigned_revoke

    settings = settings_of(common).settings
    trader = _grantee(settings, name, _keys(granter, None))
    row = GrantRow(
        granter=trader.account,
        grantee=trader.signer,
        subaccount_id="",
        allows=[],
        revokes=[MAY_TRADE],
        markets=[],
        expires=None,
        transaction=unsigned_revoke(trader, GAS, FEE_WEI),
    )
    _print(common, settings.network, row)
    if not common.quiet:
        say(f"defi: unsigned; sign and send it with the wallet of {trader.account}")
    return 0


def _keys(granter: str, subaccount: int | None) -> dict[str, Any]:
    """The settings that the options override. Raises UsageError for a granter that is no address."""
    if granter:
        from defi_analytics.venues.injective.chain.addresses import account_bytes

        try:
            account_bytes(granter)
        except ConfigError as error:
            raise UsageError(f"--granter: {error.message}") from None
    given = {"granter": granter or None, "subaccount": subaccount}
    return {name: value for name, value in given.items() if value is not None}


def _trader(keys: KeySettings, address: str) -> "Trader":
    from defi_analytics.venues.injective.chain.trader import trader

    return trader(address, keys.granter, keys.subaccount)


def _grantee(settings: Settings, name: str, given: dict[str, Any]) -> "Trader":
    stored = keystore(settings).found(name_of(settings, name))
    made = _trader(replace(settings.keys, **given), stored.address)
    if not made.delegated:
        raise UsageError(
            "--granter is missing, or is the key itself", hint="name the account that holds the funds"
        )
    return made


def _granted(trader: "Trader", made: "TradingGrant", transaction: dict[str, Any]) -> GrantRow:
    from defi_analytics.venues.injective.chain.grants import MAY_TRADE

    return GrantRow(
        granter=trader.account,
        grantee=trader.signer,
        subaccount_id=made.subaccount_id,
        allows=[MAY_TRADE],
        revokes=[],
        markets=sorted(made.spot_markets | made.derivative_markets),
        expires=made.expires,
        transaction=transaction,
    )


def _print(common: Common, network: str, row: GrantRow) -> None:
    """The bare transaction, which is what wallets read, unless a form is asked for."""
    if common.output is Output.AUTO and not common.json:
        sys.stdout.write(f"{json.dumps(row.transaction, indent=2)}\n")
    else:
        emit(Document("grant", [row], network), (), common)


def _explain(session: Session, trader: "Trader", made: "TradingGrant", markets: Sequence["Market"]) -> None:
    from defi_analytics.venues.injective.chain.grants import MAY_TRADE

    if session.common.quiet:
        return
    say(f"defi: unsigned; sign and send it with the wallet of {trader.account}. It lets {trader.signer}")
    say(f"  send     {MAY_TRADE}, to place and cancel orders")
    say(f"  on       {', '.join(market.ticker for market in markets)}")
    say(f"  in       subaccount {made.subaccount_id}")
    say(f"  until    {made.expires:%Y-%m-%d %H:%M} UTC")
    say("  nothing else: it cannot withdraw, send or transfer; bad trades can still lose money")
