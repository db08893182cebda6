"""Balances and positions of a subaccount.

Source: cosmos.bank.v1beta1 AllBalances and injective.exchange.v2 SubaccountDeposits, both in smallest units;
SubaccountPositions, in human units.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Annotated, NamedTuple

import msgspec

from defi_analytics.domain.market import Market, MarketKey, MarketKind
from defi_analytics.domain.portfolio import Balance, Position
from defi_analytics.venues.injective.assets import Assets
from defi_analytics.venues.injective.chain import wire
from defi_analytics.venues.injective.market_rows import VENUE
from defi_analytics.venues.wire import reading

GAS_DENOM, GAS_DECIMALS = "inj", 18
_DIGITS = 60
_MOST = 10_000


class Amounts(NamedTuple):
    """In smallest units."""

    available: Decimal
    total: Decimal


class Held(NamedTuple):
    """A position as the chain keeps it: its margin without the funding that is due."""

    long: bool
    quantity: Decimal
    entry_price: Decimal
    margin: Decimal
    funding_entry: Decimal


class Rules(NamedTuple):
    """What decides a position's liquidation."""

    maintenance_margin_ratio: Decimal
    cumulative_funding: Decimal
    """Quote per base since the market began; zero where no funding is paid."""


class _Coin(msgspec.Struct, gc=False):
    denom: str
    amount: str


class _Pagination(msgspec.Struct, gc=False):
    next_key: str | None = None


class _Bank(msgspec.Struct, gc=False):
    balances: Annotated[list[_Coin], msgspec.Meta(max_length=_MOST)]
    pagination: _Pagination | None = None


class _Deposit(msgspec.Struct, gc=False):
    available_balance: str
    total_balance: str


class _Deposits(msgspec.Struct, gc=False):
    deposits: dict[str, _Deposit] | None = None


class _Position(msgspec.Struct, gc=False):
    is_long: bool = msgspec.field(name="isLong")
    quantity: str
    entry_price: str
    margin: str
    cumulative_funding_entry: str = "0.000000000000000000"


class _State(msgspec.Struct, gc=False):
    subaccount_id: str
    market_id: str
    position: _Position


class _States(msgspec.Struct, gc=False):
    state: Annotated[list[_State], msgspec.Meta(max_length=_MOST)] | None = None


class _OneState(msgspec.Struct, gc=False):
    state: _Position | None = None


class _Ratios(msgspec.Struct, gc=False):
    market_id: str
    maintenance_margin_ratio: str


class _Funding(msgspec.Struct, gc=False):
    cumulative_funding: str


class _Perpetual(msgspec.Struct, gc=False):
    funding_info: _Funding | None = None


class _FullMarket(msgspec.Struct, gc=False):
    market: _Ratios
    perpetual_info: _Perpetual | None = None


class _MarketAnswer(msgspec.Struct, gc=False):
    """A list or, where one market was asked for, that one."""

    markets: Annotated[list[_FullMarket], msgspec.Meta(max_length=_MOST)] | None = None
    market: _FullMarket | None = None


_BANK = msgspec.json.Decoder(_Bank)
_DEPOSITS = msgspec.json.Decoder(_Deposits)
_STATES = msgspec.json.Decoder(_States)
_ONE_STATE = msgspec.json.Decoder(_OneState)
_MARKET = msgspec.json.Decoder(_MarketAnswer)


def parse_bank(source: str, body: bytes) -> tuple[dict[str, Decimal], str]:
    """Smallest units by denomination, and the key of the next page; empty after the last."""
    with reading(source, "bank balances"):
        answer = _BANK.decode(body)
        coins = {coin.denom: Decimal(wire.whole(coin.amount)) for coin in answer.balances}
        return coins, (answer.pagination or _Pagination()).next_key or ""


def parse_deposits(source: str, body: bytes) -> dict[str, Amounts]:
    with reading(source, "subaccount deposits"):
        return {
            denom: Amounts(wire.dec(one.available_balance), wire.dec(one.total_balance))
            for denom, one in (_DEPOSITS.decode(body).deposits or {}).items()
        }


def parse_positions(source: str, body: bytes, subaccount_id: str) -> dict[str, Held]:
    """By market id."""
    with reading(source, "positions"):
        states = _STATES.decode(body).state or []
        if any(state.subaccount_id.lower() != subaccount_id for state in states):
            raise ValueError("a position of another subaccount")
        held = {state.market_id.lower(): _held(state.position) for state in states}
        return {market_id: one for market_id, one in held.items() if one.quantity}


def parse_position(source: str, body: bytes) -> Held | None:
    """Of one subaccount in one market; None where it has none."""
    with reading(source, "position"):
        state = _ONE_STATE.decode(body).state
        held = None if state is None else _held(state)
        return held if held and held.quantity else None


def parse_rules(source: str, body: bytes) -> dict[str, Rules]:
    """By market id."""
    with reading(source, "market"):
        answer = _MARKET.decode(body)
        markets = answer.markets or []
        if answer.market:
            markets.append(answer.market)
        return {one.market.market_id.lower(): _rules(one) for one in markets}


def locked(deposits: Mapping[str, Amounts]) -> frozenset[str]:
    """Denominations of which something is set aside for orders that rest.

    The chain moves what an order may spend out of what is available and leaves it in the total, from a
    default subaccount's bank balance too. Source: injective-core, modules/exchange/keeper/subaccount,
    ChargeAccount.
    """
    return frozenset(denom for denom, one in deposits.items() if one.available != one.total)


def balances(
    markets: Sequence[Market], coins: Mapping[str, Decimal], deposits: Mapping[str, Amounts], assets: Assets
) -> dict[str, Balance]:
    """In human units, of the denominations whose decimals the markets tell, and of INJ.

    What lies in the bank trades as it is, so it adds to both; a deposit's total counts what orders lock.
    """
    found = {}
    for denom, decimals in _decimals(markets).items():
        bank, deposit = coins.get(denom, Decimal(0)), deposits.get(denom, Amounts(Decimal(0), Decimal(0)))
        with localcontext(prec=_DIGITS):
            available = (bank + deposit.available).scaleb(-decimals)
            total = (bank + deposit.total).scaleb(-decimals)
        if denom in coins or denom in deposits:
            found[denom] = Balance(denom, assets.symbol(denom), available, total)
    return found


def position(market: Market, held: Held, rules: Rules) -> Position:
    return Position(
        key=MarketKey(VENUE, market.market_id),
        quantity=held.quantity if held.long else -held.quantity,
        entry_price=held.entry_price,
        margin=funded_margin(held, rules),
        liquidation_price=liquidation_price(held, rules),
        funding_index=rules.cumulative_funding,
    )


def rules_by_itself(market: Market, held: Held) -> Rules:
    """Where no list has the market any more: the ratio as it was, and no funding since the entry."""
    return Rules(market.maintenance_margin_ratio or Decimal(0), held.funding_entry)


def funded_margin(held: Held, rules: Rules) -> Decimal:
    """Less the funding that longs owe shorts since entry, which is taken when the position is touched."""
    sign = 1 if held.long else -1
    with localcontext(prec=_DIGITS):
        return held.margin - sign * held.quantity * (rules.cumulative_funding - held.funding_entry)


def liquidation_price(held: Held, rules: Rules) -> Decimal | None:
    """Where what is left of the margin equals the maintenance margin; None where no positive price does.

    Long: (entry - margin per base) / (1 - ratio); short: (entry + margin per base) / (1 + ratio), of the
    margin less the funding that longs owe shorts since entry. Source: injective-core
    modules/exchange/types/position.go, GetLiquidationPrice.
    """
    sign = 1 if held.long else -1
    with localcontext(prec=_DIGITS):
        unit_margin = funded_margin(held, rules) / held.quantity
        price = (held.entry_price - sign * unit_margin) / (1 - sign * rules.maintenance_margin_ratio)
        return price if price > 0 else None


def _rules(row: _FullMarket) -> Rules:
    funding = row.perpetual_info.funding_info if row.perpetual_info else None
    ratio = wire.dec(row.market.maintenance_margin_ratio)
    if not 0 <= ratio < 1:
        raise ValueError("a maintenance margin ratio that is none")
    return Rules(ratio, wire.dec(funding.cumulative_funding) if funding else Decimal(0))


def _held(row: _Position) -> Held:
    held = Held(
        row.is_long,
        wire.dec(row.quantity),
        wire.dec(row.entry_price),
        wire.dec(row.margin),
        wire.dec(row.cumulative_funding_entry),
    )
    if held.quantity < 0 or held.entry_price < 0:
        raise ValueError("a negative quantity or price")
    return held


def _decimals(markets: Sequence[Market]) -> dict[str, int]:
    found = {GAS_DENOM: GAS_DECIMALS}
    for market in markets:
        found[market.quote_denom] = market.quote_decimals
        if market.kind is MarketKind.SPOT:
            found[market.base_denom] = market.base_decimals
    return found
