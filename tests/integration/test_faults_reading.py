"""A hundred ways for one upstream to fail, seen from the command line, while the others are well."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from tests.cli.harness import Background, Defi, Ran, clean_environment, forget_log
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

HASTY_S, PATIENT_S = 0.5, 3.0
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
def upstreams():
    with Background() as background:
        upstreams = Upstreams()
        background.call(upstreams.__aenter__())
        yield upstreams
        background.call(upstreams.__aexit__())


class Run(NamedTuple):
    """One command during a fault."""

    ran: Ran
    late_s: float
    """Beyond the deadline."""


@pytest.fixture
def defi(upstreams, monkeypatch, tmp_path, capsys):
    """Runs a command against the upstreams, each run with a state of its own: no host stays blocked."""
    clean_environment(monkeypatch, tmp_path)
    path = tmp_path / "upstreams.yaml"
    path.write_text(json.dumps(upstreams.settings()))
    monkeypatch.setenv("DEFI_CONFIG", str(path))
    runs = iter(range(10_000))
    main = Defi(capsys)

    def run(*args: str, target: str = "okx", kind: str = "ok", deadline_s: float = PATIENT_S) -> Run:
        upstreams.fault(target, kind)
        state = tmp_path / f"run-{next(runs)}"
        monkeypatch.setenv("DEFI_HOME", str(state))
        start = time.monotonic()
        ran = main(*args, "--timeout", str(deadline_s))
        late_s = time.monotonic() - start - deadline_s
        assert not (state / "crashes").exists(), (args, target, kind)
        return Run(ran, late_s)

    yield run
    forget_log()


Complaints = Callable[[Run, str], Sequence[str]]


@pytest.fixture
def failures(defi):
    """What `complaints` finds in a command run once during each kind of a group.

    A machine that is busy with something else can make any upstream late, so whatever is found wrong with
    little time must be found again with more.
    """

    def found(args: Sequence[str], target: str, group: str, complaints: Complaints) -> list[str]:
        wrong = []
        for kind in GROUPS[group]:
            hasty = complaints(defi(*args, target=target, kind=kind, deadline_s=HASTY_S), kind)
            if hasty:
                again = complaints(defi(*args, target=target, kind=kind, deadline_s=PATIENT_S), kind)
                wrong += [f"{kind}: {what}" for what in again]
        return wrong

    return found


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


def scanned_badly(run: Run, target: str, kind: str, baseline: Mapping[Key, Numbers]) -> list[str]:
    """All that is wrong with a scan during which `target` answered as `kind` says."""
    found = failed_badly(run, target.removesuffix("-oracle"))
    stands = standing(run.ran)
    found += [f"{key} stands with {told}" for key, told in stands.items() if baseline.get(key) != told]
    if not run.ran.document["ok"]:
        return found if target.startswith("injective") else [*found, "failed for all"]
    if not (target == "injective-oracle" and kind in WAITS):
        found += [f"{key} is missing" for key in baseline if not derived(key, target) and key not in stands]
    if kind in UNUSABLE and target not in {warning["source"] for warning in run.ran.document["warnings"]}:
        found.append(f"no warning names it: {run.ran.document['warnings']}")
    return found


def failed_badly(run: Run, source: str) -> list[str]:
    """What is wrong with any command's end, good or bad."""
    document = run.ran.document
    found = [f"{run.late_s:.1f} s late"] if run.late_s > SLACK_S else []
    if len(run.ran.err.splitlines()) > 5:
        found.append(f"{len(run.ran.err.splitlines())} lines on stderr")
    if (run.ran.code == 0) is not document["ok"]:
        found.append(f"exits {run.ran.code} with ok {document['ok']}")
    if not document["ok"] and source not in document["error"]["message"]:
        found.append(f"does not name the source: {document['error']['message']}")
    return found


@pytest.fixture
def baseline(defi):
    ran = defi(*SCAN).ran
    assert ran.code == 0
    assert not ran.document["warnings"]
    found = standing(ran)
    # Without one of each there would be nothing for a fault to spoil.
    assert {key[2] for key in found} >= {"binance", "hyperliquid", "okx", "injective-oracle"}
    assert "prediction" in {key[0] for key in found}
    return found


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_scan_survives_one_bad_upstream_and_says_which(target, group, failures, baseline):
    def complaints(run: Run, kind: str) -> list[str]:
        return scanned_badly(run, target, kind, baseline)

    assert failures(SCAN, target, group, complaints) == []


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("args", [("market", "list"), ("market", "book", "INJ/USDT")])
def test_the_markets_of_a_bad_chain_are_those_of_a_good_one_or_an_error(args, group, defi, failures):
    good = shape(defi(*args, "--json").ran)

    def complaints(run: Run, kind: str) -> list[str]:
        found = failed_badly(run, "injective")
        if run.ran.document["ok"] and kind in UNUSABLE:
            found.append("shows what cannot have been read")
        # A chain that is wrong about everything by the same factor cannot be seen through by itself.
        if kind not in {"scale_up", "scale_down"} and not shape(run.ran) <= good:
            found.append("shows other numbers")
        return found

    assert failures((*args, "--json"), "injective", group, complaints) == []


def shape(ran: Ran) -> set[str]:
    """The numbers of markets and books as texts that can be compared."""
    names = (
        "market_id",
        "price_tick",
        "quantity_tick",
        "taker_fee",
        "bid",
        "ask",
        "mid",
        "mark",
        "bids",
        "asks",
    )
    return {json.dumps([row.get(name) for name in names]) for row in ran.rows}


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("target", ["allora", "binance"])
def test_a_prediction_is_that_of_a_good_source_or_says_what_is_wrong(target, group, defi, failures):
    args = ("predict", "BTC", "ETH", "--json")
    good = defi(*args).ran
    assert good.code == 0
    values = {row["asset"]: (row["value"], row["predicted_price"]) for row in good.rows}
    assert len(values) == 2

    def complaints(run: Run, kind: str) -> list[str]:
        found = [] if run.ran.rows else failed_badly(run, target)
        for row in run.ran.rows:
            same = values[row["asset"]] == (row["value"], row["predicted_price"])
            if not (same or row["stale"] or row["notes"]):
                found.append(f"{row['asset']} is {row['value']} without a note")
        if target == "allora" and kind in UNUSABLE and run.ran.rows:
            found.append("shows what cannot have been read")
        if target == "binance" and len(run.ran.rows) != len(values):
            found.append(f"is not shown for want of a base price: {run.ran.code} {run.ran.err}")
        return found

    assert failures(args, target, group, complaints) == []
