"""A hundred ways for one upstream to fail, seen from the command line, while the others are well."""

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.cli.harness import Ran
from tests.faults import (
    BOOK_KINDS,
    ENCODING_KINDS,
    JSON_KINDS,
    NUMBER_KINDS,
    STATUS_KINDS,
    STRING_KINDS,
    TRANSPORT_KINDS,
)
from tests.integration.upstreams import Upstreams

DEADLINE_S = 0.5
SLACK_S = 1.0
GROUPS = {
    "status": STATUS_KINDS,
    "encoding": ENCODING_KINDS,
    "json": JSON_KINDS,
    "number": NUMBER_KINDS,
    "string": STRING_KINDS,
    "book": BOOK_KINDS,
    "transport": TRANSPORT_KINDS,
}
UNUSABLE = frozenset({*STATUS_KINDS, *ENCODING_KINDS, *JSON_KINDS, *TRANSPORT_KINDS})
"""Kinds after which nothing of an answer is left, so that its source must be named."""
WAITS = frozenset({"s418", "s429", "s429_ra3600", "s429_date", "s429_bad", "s503"})
"""Kinds that ask us to leave the host alone: then the oracle's host is not asked for order books either."""
TARGETS = ("injective", "injective-oracle", "binance", "hyperliquid", "okx", "allora")
SCAN = ("scan", "INJ/USDT", "WETH/USDT", "--include-rejected", "--json")
# A forecast is checked against, and its uncertainty measured by, Binance's candles.
DERIVED = {
    "injective": ("cross-venue", "oracle", "prediction"),
    "injective-oracle": ("oracle",),
    "binance": ("prediction",),
    "hyperliquid": (),
    "okx": (),
    "allora": ("prediction",),
}

Key = tuple[str, str, str]
Numbers = tuple[Any, ...]


@pytest.fixture(scope="module")
def upstreams(background):
    upstreams = Upstreams()
    background.call(upstreams.__aenter__())
    yield upstreams
    background.call(upstreams.__aexit__())


@pytest.fixture
def defi(upstreams, bare, home, monkeypatch):
    """Runs a command against the upstreams, each run with a state of its own: no host stays blocked."""
    path = home / "upstreams.yaml"
    path.write_text(json.dumps(upstreams.settings()))
    monkeypatch.setenv("DEFI_CONFIG", str(path))
    runs = iter(range(10_000))

    def run(*args: str, target: str = "okx", kind: str = "ok") -> tuple[Ran, float]:
        upstreams.fault(target, kind)
        state = home / f"run-{next(runs)}"
        monkeypatch.setenv("DEFI_HOME", str(state))
        start = time.monotonic()
        ran = bare(*args, "--timeout", str(DEADLINE_S))
        elapsed_s = time.monotonic() - start
        assert not (state / "crashes").exists(), (args, target, kind)
        return ran, elapsed_s

    return run


def standing(ran: Ran) -> Mapping[Key, Numbers]:
    """What stands, by (kind, market, against), with every number that a trader would act on."""
    names = ("side", "quantity", "notional", "gross_edge", "net_edge", "profit", "buy_price", "sell_price")
    return {
        (row["kind"], row["market"]["market_id"], row["against"]): tuple(row[name] for name in names)
        for row in ran.rows
        if row["stands"]
    }


def derived(key: Key, target: str) -> bool:
    """Whether an edge rests on what the target says."""
    return key[0] in DERIVED[target] or key[2] == target


def complaints(
    ran: Ran, elapsed_s: float, target: str, kind: str, baseline: Mapping[Key, Numbers]
) -> list[str]:
    """All that is wrong with a scan during which `target` answered as `kind` says."""
    document = ran.document
    found = []
    if elapsed_s > DEADLINE_S + SLACK_S:
        found.append(f"took {elapsed_s:.1f} s")
    if len(ran.err.splitlines()) > 5:
        found.append(f"{len(ran.err.splitlines())} lines on stderr")
    stands = standing(ran)
    found += [
        f"{key} stands with {numbers}, not in the baseline"
        for key, numbers in stands.items()
        if baseline.get(key) != numbers
    ]
    if not document["ok"]:
        if not target.startswith("injective"):
            found.append(f"failed: {document['error']['message']}")
        elif "injective" not in document["error"]["message"]:
            found.append(f"does not name the source: {document['error']['message']}")
        return found
    if not (target == "injective-oracle" and kind in WAITS):
        found += [f"{key} is missing" for key in baseline if not derived(key, target) and key not in stands]
    if kind in UNUSABLE and target not in {warning["source"] for warning in document["warnings"]}:
        found.append(f"no warning names it: {document['warnings']}")
    return found


@pytest.fixture
def baseline(defi):
    ran, _ = defi(*SCAN)
    assert ran.code == 0
    assert not ran.document["warnings"]
    found = standing(ran)
    # Without one of each there would be nothing for a fault to spoil.
    assert {key[2] for key in found} >= {"binance", "hyperliquid", "okx", "injective-oracle"}
    assert "prediction" in {key[0] for key in found}
    return found


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_scan_survives_one_bad_upstream_and_says_which(target, group, defi, baseline):
    failures = []
    for kind in GROUPS[group]:
        ran, elapsed_s = defi(*SCAN, target=target, kind=kind)
        failures += [f"{kind}: {what}" for what in complaints(ran, elapsed_s, target, kind, baseline)]
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("group", GROUPS)
def test_the_markets_of_a_bad_chain_are_those_of_a_good_one_or_an_error(group, defi):
    commands = (("market", "list", "--json"), ("market", "book", "INJ/USDT", "--json"))
    good = {args: shape(defi(*args)[0].rows) for args in commands}
    failures = []
    for kind in GROUPS[group]:
        for args in commands:
            ran, elapsed_s = defi(*args, target="injective", kind=kind)
            wrong = failed_wrongly(ran, elapsed_s, "injective")
            if ran.document["ok"] and kind in UNUSABLE:
                wrong.append("shows what cannot have been read")
            if ran.document["ok"] and not set(shape(ran.rows)) <= set(good[args]) and kind not in RESCALED:
                wrong.append("shows other numbers")
            failures += [f"{kind} {args[1]}: {what}" for what in wrong]
    assert not failures, "\n".join(failures)


RESCALED = frozenset({"scale_up", "scale_down", "book_repeated"})


def shape(rows):
    """The numbers of markets and books as texts that can be compared."""
    names = ("market_id", "price_tick", "quantity_tick", "taker_fee", "bid", "ask", "mid", "mark", "bids", "asks")
    return [json.dumps([row.get(name) for name in names]) for row in rows]


def failed_wrongly(ran: Ran, elapsed_s: float, *sources: str) -> list[str]:
    found = []
    if elapsed_s > DEADLINE_S + SLACK_S:
        found.append(f"took {elapsed_s:.1f} s")
    if ran.code == 0 and not ran.document["ok"]:
        found.append("exits 0 with an error")
    if not ran.document["ok"] and not any(name in ran.error["message"] for name in sources):
        found.append(f"does not name the source: {ran.error['message']}")
    return found


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("target", ["allora", "binance"])
def test_a_prediction_is_that_of_a_good_source_or_says_what_is_wrong(target, group, defi):
    good, _ = defi("predict", "BTC", "ETH", "--json")
    assert good.code == 0
    values = {row["asset"]: (row["value"], row["predicted_price"]) for row in good.rows}
    assert len(values) == 2
    failures = []
    for kind in GROUPS[group]:
        ran, elapsed_s = defi("predict", "BTC", "ETH", "--json", target=target, kind=kind)
        wrong = failed_wrongly(ran, elapsed_s, target)
        for row in ran.rows:
            same = values[row["asset"]] == (row["value"], row["predicted_price"])
            if not same and not row["stale"] and not row["notes"]:
                wrong.append(f"{row['asset']} is {row['value']} without a note")
        if target == "allora" and kind in UNUSABLE and ran.rows:
            wrong.append("shows what cannot have been read")
        if target == "binance" and len(ran.rows) != 2:
            wrong.append(f"is not shown for want of a base price: {ran.code} {ran.err}")
        failures += [f"{kind}: {what}" for what in wrong]
    assert not failures, "\n".join(failures)
