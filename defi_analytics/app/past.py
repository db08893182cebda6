"""What risk did: halts and refusals out of an account's journal."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from defi_analytics.engine.decisions import DECIDED, unpacked
from defi_analytics.errors import Mismatch
from defi_analytics.ports import Journal
from defi_analytics.risk.codes import Denial
from defi_analytics.risk.halting import KINDS

_COUNTS = frozenset({"risk.trade", "risk.exit", "risk.gas"})
"""Counted, but nothing that risk did."""


class Event(NamedTuple):
    at: datetime
    kind: str
    """halt, reduce, resume, flow, unreadable or denial."""
    code: str
    about: str
    limit: float | None = None
    value: float | None = None
    unit: str = ""
    by: str = ""
    reason: str = ""


def events(journal: Journal, since: datetime | None = None) -> Iterator[Event]:
    """Oldest first. Raises what the journal raises."""
    for at, kind, body in journal.replay():
        if since is not None and at < since:
            continue
        if kind == DECIDED:
            yield from _denials(at, body)
        elif kind.startswith(KINDS) and kind not in _COUNTS:
            yield from _told(at, kind.removeprefix(KINDS), body)


def _told(at: datetime, kind: str, body: Mapping[str, Any]) -> Iterator[Event]:
    if kind == "equity":
        if not isinstance(body.get("equity"), int | float):
            yield Event(at, "unreadable", Denial.RISK_STATE_UNKNOWN.name, "", reason="no equity is known")
        return
    if kind == "flow":
        amount = body.get("amount")
        yield Event(at, kind, "", "", value=amount if isinstance(amount, int | float) else None)
        return
    rebased = "the peak is forgotten" if body.get("rebase") == 1 else ""
    yield Event(
        at,
        kind,
        str(body.get("code", body.get("ack", ""))),
        "",
        by=str(body.get("by", "")),
        reason=str(body.get("reason", rebased)),
    )


def _denials(at: datetime, body: Mapping[str, Any]) -> Iterator[Event]:
    """With their figures, which only the packed part of a decision has; without, where that is not whole."""
    if not body.get("refused"):
        return
    try:
        answers = unpacked(body)["said"]["answers"]
        refused = [answer for answer in answers if "code" in answer]
        made = [
            Event(
                at,
                "denial",
                Denial(answer["code"]).name,
                f"{answer['about']['market']['ticker']} {answer['about']['side']}",
                answer["limit"],
                answer["value"],
                answer["unit"],
                by=answer["about"]["strategy"],
                reason=answer["about"]["client_order_id"],
            )
            for answer in refused
        ]
    except (Mismatch, KeyError, TypeError, ValueError):
        made = [Event(at, "denial", code, "", reason=name) for name, code in body["refused"]]
    yield from made
