"""What risk did: halts and refusals out of an account's journal."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from defi_analytics.engine.decisions import DECIDED, said_of
from defi_analytics.engine.packing import Unpacker
from defi_analytics.errors import Mismatch
from defi_analytics.ports import Journal
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.halting import KINDS

_COUNTS = frozenset({"risk.trade", "risk.exit", "risk.gas"})
"""Counted, but nothing that risk did."""


_REASONS = {
    "flow": "",
    "capital": "what is risked; without an amount, the whole account",
    "carried": "the losses of the journal before",
}
"""Records of amounts, and what each says that gives no reason."""


class Event(NamedTuple):
    at: datetime
    kind: str
    """halt, reduce, resume, unvalued, flow, capital, carried, unreadable or denial."""
    code: str
    about: str
    limit: float | None = None
    value: float | None = None
    unit: str = ""
    by: str = ""
    reason: str = ""


def events(journal: Journal, since: datetime | None = None) -> Iterator[Event]:
    """Oldest first. Raises what the journal raises."""
    unpacker = Unpacker()
    for at, kind, body in journal.replay():
        wanted = since is None or at >= since
        if kind == DECIDED and wanted and body.get("refused"):
            yield from _denials(at, body, unpacker)
        elif kind == DECIDED:
            unpacker.follow(body)
        elif wanted and kind.startswith(KINDS) and kind not in _COUNTS:
            yield from _told(at, kind.removeprefix(KINDS), body)


def _told(at: datetime, kind: str, body: Mapping[str, Any]) -> Iterator[Event]:
    if kind == "equity":
        if not isinstance(body.get("equity"), int | float):
            yield Event(at, "unreadable", Denial.RISK_STATE_UNKNOWN.name, "", reason="no equity is known")
        return
    if kind in _REASONS:
        amount = body.get("amount")
        value = amount if isinstance(amount, int | float) else None
        yield Event(
            at,
            kind,
            "",
            "",
            value=value,
            unit="account currency",
            reason=str(body.get("reason", _REASONS[kind])),
        )
        return
    told = "the peak is forgotten" if body.get("rebase") == 1 else ""
    if kind == "unvalued":
        told = f"no price of {body.get('missing', 'a part of it')}: nothing is entered"
    yield Event(
        at,
        kind,
        str(body.get("code", body.get("ack", ""))),
        "",
        by=str(body.get("by", "")),
        reason=str(body.get("reason", told)),
    )


def _denials(at: datetime, body: Mapping[str, Any], unpacker: Unpacker) -> Iterator[Event]:
    """With their figures, which only the packed part of a decision has; without, where that is not whole."""
    try:
        whole = unpacker.unpacked(body)
        tickers = {(m["venue"], m["market_id"]): m["ticker"] for m in whole["snapshot"]["markets"]}
        answers = said_of(whole)["answers"]
        made = [_denial(at, answer, tickers) for answer in answers if "code" in answer]
    except (Mismatch, KeyError, TypeError, ValueError):
        made = [Event(at, "denial", code, "") for code in _codes(body["refused"])]
    yield from made


def _denial(at: datetime, answer: Mapping[str, Any], tickers: Mapping[tuple[str, str], str]) -> Event:
    about = answer["about"]
    return Event(
        at,
        "denial",
        Denial(answer["code"]).name,
        f"{tickers[tuple(about['market'])]} {about['side']}",
        answer["limit"],
        answer["value"],
        answer["unit"],
        by=about["strategy"],
        reason=about["client_order_id"],
    )


def _codes(refused: Any) -> list[str]:
    """How often each; older journals name each order with its code."""
    if isinstance(refused, dict):
        return [code for code, count in refused.items() for _ in range(count)]
    return [code for _, code in refused]
