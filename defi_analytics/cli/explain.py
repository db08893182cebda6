import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Annotated

import typer

from defi_analytics import errors
from defi_analytics.cli.common import Common, with_common
from defi_analytics.cli.envelope import ERROR_MEANS, OK_MEANS, Document
from defi_analytics.cli.render import Column, emit
from defi_analytics.cli.schemas_setup import CodeRow
from defi_analytics.cli.tree import new_app
from defi_analytics.domain.edge import Reason
from defi_analytics.errors import DefiError, NotFound
from defi_analytics.risk.explained import DENIALS, ELSEWHERE

app = new_app()

COLUMNS: Sequence[Column[CodeRow]] = (
    Column("Code", lambda r: r.code),
    Column("Kind", lambda r: r.kind, spare=80),
    Column("Meaning", lambda r: r.meaning, fold=True),
    Column("What to do", lambda r: r.hint, fold=True),
)

REASONS: dict[Reason, tuple[str, str]] = {
    Reason.MARKET_STATUS: ("The market is not open for trading.", "Wait, or look at another market."),
    Reason.UNVERIFIED_ASSET: (
        "Its denoms or oracle feed are not those of a known asset; anyone can list any ticker.",
        "If you know the denom, add it to `assets` in the settings.",
    ),
    Reason.NO_REFERENCE: (
        "No venue compared with lists the asset, or a forecast lacks what it takes to be judged.",
        "Try another venue with --against; --explain tells what is lacking.",
    ),
    Reason.NO_RATE: (
        "The two quote currencies could not be converted: no venue or oracle states the rate.",
        "Add a venue that trades it, or fix the rate in `rates`.",
    ),
    Reason.NO_BOOK: (
        "An order book was empty, one-sided or could not be read.",
        "See the warnings; try again.",
    ),
    Reason.STALE_BOOK: (
        "A book or its best prices are older than --max-age, or from the future: a wrong clock.",
        "Try again; raise --max-age if you must.",
    ),
    Reason.STALE_ORACLE: ("The oracle has not published lately.", "Wait for its next price."),
    Reason.STALE_PREDICTION: (
        "The forecast's target has passed, or it is too old.",
        "Wait for the next one.",
    ),
    Reason.STALE_RATE: ("The conversion rate is too old.", "Try again."),
    Reason.IMPLAUSIBLE: (
        "The two prices differ by more than a factor of two: units or identities are mixed up.",
        "Do not trade it; compare `defi market show` with the other venue.",
    ),
    Reason.BELOW_UNCERTAINTY: (
        "The gap is within the noise of the fair value it is measured against.",
        "Nothing: a gap this small says nothing.",
    ),
    Reason.LOW_CONFIDENCE: (
        "The forecast's direction is not probable enough.",
        "Lower allora.prediction_settings.min_confidence; 0.8 hardly ever happens.",
    ),
    Reason.NOT_CROSSED: ("After fees, not even the first unit earns.", "Nothing: there is no mispricing."),
    Reason.BELOW_MIN_EDGE: ("It earns, but less than the smallest edge asked for.", "Lower --min-edge-bps."),
    Reason.BELOW_MIN_QUANTITY: (
        "What is profitable is less than one step of the two venues' common grid.",
        "Nothing: it cannot be traded.",
    ),
    Reason.BELOW_MIN_NOTIONAL: (
        "It is smaller than a venue's minimum order.",
        "Nothing: it cannot be traded.",
    ),
    Reason.BELOW_MIN_PROFIT: ("The profit is smaller than asked for.", "Lower --min-profit."),
    Reason.ABOVE_MAX_SLIPPAGE: ("Even one step slips more than the settings allow.", "Raise max_slippage."),
    Reason.NOT_EXAMINED: (
        "Better candidates used up the number of order books read in one scan.",
        "Name the market, or raise scan.max_candidates.",
    ),
}


@app.command()
@with_common
def explain(
    common: Common,
    code: Annotated[str | None, typer.Argument(help="A code such as BELOW_MIN_EDGE. [default: all]")] = None,
) -> int:
    r"""Explain a code that scan or an error printed.

    \b
    Examples:
      defi explain BELOW_MIN_EDGE
      defi explain --json
    """
    rows = list(_rows())
    if code is not None:
        wanted = code.upper().replace("-", "_")
        if wanted not in {row.code for row in rows}:
            near = ", ".join(get_close_matches(wanted, {row.code: row for row in rows}, n=3))
            raise NotFound(
                "explain", f"no code {code!r}", hint=f"nearest: {near}" if near else "see: defi explain"
            )
        # A scan's rejection and the gate's refusal may share a code: then both are told.
        rows = [row for row in rows if row.code == wanted]
    emit(Document("explain", rows), COLUMNS, common)
    return 0


def _rows() -> Iterator[CodeRow]:
    for reason, (meaning, hint) in REASONS.items():
        yield CodeRow(code=reason.name, kind="rejection", meaning=meaning, hint=hint)
    for denial, told in DENIALS.items():
        yield CodeRow(code=denial.name, kind="refusal", meaning=told.meaning, hint=told.advice)
    for name, told in ELSEWHERE.items():
        yield CodeRow(code=name, kind="not used here", meaning=told.meaning, hint=told.advice)
    for error in vars(errors).values():
        if isinstance(error, type) and issubclass(error, DefiError) and "code" in vars(error):
            yield CodeRow(
                code=error.code,
                kind=f"error, exit {error.exit_code}",
                meaning=meaning_of(error),
                hint="Try again." if error.retryable else "",
            )
    yield CodeRow(code="OK", kind="field of --json", meaning=OK_MEANS, hint=f"`error`: {ERROR_MEANS}")


def meaning_of(error: type[DefiError]) -> str:
    """What the drawing in errors.py says of it; where that says nothing or goes on with "…", its parent's."""
    if error is DefiError:
        return "a bug in defi: the crash file tells more"
    drawn = re.search(rf"{error.__name__} +\d+(?: +\*?(.+))?", errors.__doc__ or "")
    said = (drawn[1] if drawn else None) or "…"
    if not said.startswith("…"):
        return said
    return f"{meaning_of(error.__base__)}{said.removeprefix('…')}" if error.__base__ else said
