"""What a node tells of an account's money, positions and orders."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.venues.injective.chain.kit import (
    PERP_ID,
    SUBACCOUNT,
    USDT,
    FakeNode,
    perp,
    spot,
)

HASH = "0x" + "cd" * 32


MARKETS = (spot(), perp())


def dec(text: str) -> str:
    return f"{Decimal(text):.18f}"


def bank(coins: Mapping[str, str], next_key: str | None = None) -> bytes:
    rows = [{"denom": denom, "amount": amount} for denom, amount in coins.items()]
    return json.dumps({"balances": rows, "pagination": {"next_key": next_key, "total": "0"}}).encode()


def deposits(**own: tuple[str, str]) -> bytes:
    rows = {
        denom: {"available_balance": dec(one), "total_balance": dec(two)} for denom, (one, two) in own.items()
    }
    return json.dumps({"deposits": rows}).encode()


def positions(subaccount: str = SUBACCOUNT, market: str = PERP_ID, **changes: Any) -> bytes:
    own = {
        "isLong": True,
        "quantity": dec("2"),
        "entry_price": dec("10"),
        "margin": dec("4"),
        "cumulative_funding_entry": dec("0.5"),
    }
    return json.dumps(
        {"state": [{"subaccount_id": subaccount, "market_id": market, "position": own | changes}]}
    ).encode()


def a_full_market(market: str, ratio: str, funding: str | None) -> dict[str, Any]:
    info = {"funding_info": {"cumulative_funding": dec(funding)}} if funding else None
    return {"market": {"market_id": market, "maintenance_margin_ratio": dec(ratio)}, "perpetual_info": info}


def full_market(market: str = PERP_ID, ratio: str = "0.05", funding: str | None = "0.7") -> bytes:
    return json.dumps({"market": a_full_market(market, ratio, funding)}).encode()


def full_markets(*markets: str, ratio: str = "0.05", funding: str | None = "0.7") -> bytes:
    return json.dumps({"markets": [a_full_market(one, ratio, funding) for one in markets]}).encode()


def counts(market: str = PERP_ID, resting: int = 1, conditional: int = 1) -> bytes:
    """All of them buys that do not only reduce, as the gateway writes it: each side a row of its own."""

    def side(resting: int, conditional: int) -> dict[str, Any]:
        return {
            "vanilla_limit_order_count": resting,
            "reduce_only_limit_order_count": 0,
            "aggregate_reduce_only_quantity": dec("0"),
            "aggregate_vanilla_quantity": dec(str(resting)),
            "vanilla_conditional_order_count": conditional,
            "reduce_only_conditional_order_count": 0,
        }

    sides = ((True, side(resting, conditional)), (False, side(0, 0)))
    rows = [{"metadata": one, "market_id": market, "isBuy": buys} for buys, one in sides]
    return json.dumps({"metadata": rows}).encode()


def orders(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"orders": list(rows)}).encode()


RESTING = {
    "price": dec("5.1"),
    "quantity": dec("3"),
    "fillable": dec("1"),
    "isBuy": False,
    "order_hash": HASH.upper().replace("0X", "0x"),
    "cid": "c",
}


CONDITIONAL = {
    "price": dec("9"),
    "quantity": dec("2"),
    "margin": dec("0"),
    "triggerPrice": dec("9.5"),
    "isBuy": True,
    "isLimit": False,
    "order_hash": HASH,
    "cid": "",
}


def node(**changes: Any) -> FakeNode:
    answers = {
        "bank/v1beta1/balances": bank({"inj": "1500000000000000000", USDT: "2000000", "factory/x/dust": "7"}),
        "subaccountDeposits": deposits(**{USDT: ("500000.5", "1500000")}),
        "subaccount_positions": positions(),
        "order_metadata": counts(),
        "derivative/markets?": full_markets(PERP_ID),
        "derivative/orders/conditional": orders(CONDITIONAL),
        "derivative/orders/": orders({**RESTING, "margin": dec("7")}),
        "spot/orders/": orders(RESTING),
    }
    return FakeNode(**{**changes, **{key: one for key, one in answers.items() if key not in changes}})
