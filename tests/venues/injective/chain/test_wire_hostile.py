"""Whatever a node or indexer sends, only Malformed comes out."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from defi_analytics.errors import Malformed
from defi_analytics.venues.injective.blocks import parse_block
from defi_analytics.venues.injective.chain import (
    executions,
    grants,
    holdings,
    node,
    outcome,
    resting,
    simulation,
    submission,
    trades,
)
from tests.venues.injective.chain.kit import (
    ADDRESS,
    PERP_ID,
    SPOT_ID,
    SUBACCOUNT,
    account,
    base_fee,
    block,
    perp,
    spot,
)
from tests.venues.injective.chain.kit import simulation as simulated
from tests.venues.injective.chain.kit_grants import answer, trading
from tests.venues.injective.chain.kit_history import event, results, row, trade
from tests.venues.injective.chain.kit_holdings import (
    CONDITIONAL,
    RESTING,
    bank,
    counts,
    deposits,
    full_market,
    full_markets,
    orders,
    positions,
)
from tests.venues.injective.chain.kit_outcome import HASH, order_fail
from tests.venues.injective.chain.kit_outcome import outcome as found

SOURCE = "injective"
MARKETS = {SPOT_ID: spot(), PERP_ID: perp()}
PARSERS: dict[str, tuple[bytes, Callable[[bytes], Any]]] = {
    "newest trade": (
        b'{"trades":[{"executedAt":"5","tradeId":"7_1"}]}',
        lambda body: trades.parse_newest(SOURCE, body, 5),
    ),
    "block": (block(), lambda body: parse_block(SOURCE, body)),
    "account": (account(), lambda body: node.parse_account(SOURCE, body, ADDRESS)),
    "base fee": (base_fee(), lambda body: node.parse_base_fee(SOURCE, body)),
    "simulation": (simulated(), lambda body: simulation.parse_simulation(SOURCE, body)),
    "outcome": (
        found(b"", [order_fail("[1]", '["a"]')]),
        lambda body: outcome.parse_outcome(SOURCE, body, HASH),
    ),
    "bank": (bank({"inj": "1"}), lambda body: holdings.parse_bank(SOURCE, body)),
    "deposits": (deposits(inj=("1", "2")), lambda body: holdings.parse_deposits(SOURCE, body)),
    "positions": (positions(), lambda body: holdings.parse_positions(SOURCE, body, SUBACCOUNT)),
    "rules": (full_market(), lambda body: holdings.parse_rules(SOURCE, body)),
    "rules of several": (full_markets(PERP_ID, SPOT_ID), lambda body: holdings.parse_rules(SOURCE, body)),
    "order counts": (counts(), lambda body: resting.parse_counts(SOURCE, body)),
    "resting": (
        orders({**RESTING, "margin": "1.000000000000000000"}),
        lambda body: resting.parse_resting(SOURCE, body, perp()),
    ),
    "conditional": (orders(CONDITIONAL), lambda body: resting.parse_conditional(SOURCE, body, perp())),
    "block results": (
        results(1000, event(trade()), event(trade(market=PERP_ID))),
        lambda body: executions.parse_block_results(SOURCE, body, 1000, MARKETS, SUBACCOUNT),
    ),
    "spot trades": (
        json.dumps({"trades": [row(trade(), 0)]}).encode(),
        lambda body: trades.parse_trades(SOURCE, body, spot(), SUBACCOUNT),
    ),
    "trades": (
        json.dumps({"trades": [row(trade(market=PERP_ID), 0)]}).encode(),
        lambda body: trades.parse_trades(SOURCE, body, perp(), SUBACCOUNT),
    ),
    "grants": (answer(trading()), lambda body: grants.parse_grants(SOURCE, body)),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "NaN",
            "-0.000000000000000001",
            "1e999999",
            "9" * 70,
            "9" * 60 + "." + "0" * 18,
            "\ud800",
            "\x00",
            "0x",
            "=",
            "[]",
            "{}",
            "null",
            "\u0661",
            "9999-12-31T23:59:59-23:59",
        ]
    ),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    below = [leaf for key, inner in pairs for leaf in leaves(inner, (*path, key))]
    return [path, *below] if path else below


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    copy = json.loads(json.dumps(value))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = odd
    return copy


@pytest.mark.parametrize("name", PARSERS)
def test_the_good_one_is_read(name: str):
    good, parse = PARSERS[name]
    parse(good)


@pytest.mark.parametrize("name", PARSERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_one_oddity_is_read_or_malformed(name: str, data: st.DataObject):
    good, parse = PARSERS[name]
    value = json.loads(good)
    body = json.dumps(changed(value, data.draw(st.sampled_from(leaves(value))), data.draw(ODD))).encode()
    with suppress(Malformed):
        parse(body)


@pytest.mark.parametrize("name", PARSERS)
@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 50_000, b"<html>", b"{}{}"]
)
def test_what_is_no_answer_at_all_is_malformed(name: str, body: bytes):
    with pytest.raises(Malformed):
        PARSERS[name][1](body)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_an_answer_to_a_broadcast_never_raises(body: bytes):
    submission.parse_submission(body, HASH)
