"""What a scan shows: what stands, why the rest does not, what failed, and what to do next."""

import shlex
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from defi_analytics.app.scan import Scan
from defi_analytics.cli.common import Output
from defi_analytics.cli.envelope import Document, say
from defi_analytics.cli.figures import decimal_text
from defi_analytics.cli.render import emit, hint, whole_words
from defi_analytics.cli.scan_rows import COLUMNS, explanation, scan_row
from defi_analytics.cli.schemas import Meta, ScanRow, SourceRow, WarningRow
from defi_analytics.cli.session import Session
from defi_analytics.domain.text import safe
from defi_analytics.errors import DefiError

_REASONS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Options:
    """How `scan` shows what it finds; what it looks for is in `app.ScanRequest`."""

    top: int | None
    include_rejected: bool
    explain: bool
    watch_s: float | None
    count: int | None
    record: bool
    exit_code: bool


def show(
    session: Session, found: Scan, options: Options, error: DefiError | None = None, *, again: bool = False
) -> None:
    """`again`: one of several in a row, whose header stands above already."""
    rows = _chosen(found, options, session)
    document = Document(
        "scan",
        rows,
        found.snapshot.network,
        [WarningRow(code=p.code, message=p.message, source=p.source) for p in found.snapshot.problems],
        Meta(
            elapsed_ms=round(found.elapsed_s * 1000),
            sources=_sources(rows),
            candidates=len(found.edges),
            standing=sum(edge.stands for edge in found.edges),
        ),
        error=error,
    )
    common = replace(session.common, no_header=session.common.no_header or again)
    if rows or common.format is not Output.TABLE:
        emit(document, COLUMNS, common)
    else:
        for warning in document.warnings:
            say(f"defi: warning: {safe(warning.message, 400)}")
    if options.explain and not common.json and common.output in {Output.AUTO, Output.TABLE}:
        for row in rows:
            sys.stdout.write("\n".join(map(whole_words, explanation(row))) + "\n")
    if common.format not in {Output.JSON, Output.NDJSON}:
        _conclude(session, found, rows, options)


def _chosen(found: Scan, options: Options, session: Session) -> list[ScanRow]:
    edges = [e for e in found.edges if e.stands or options.include_rejected]
    # A program gets everything unless it says otherwise; a person gets what fits a screen.
    asked = session.common.format is Output.TABLE or "scan.top" in session.loaded.origins
    screen = session.loaded.settings.scan.top if asked else None
    chosen = edges[: options.top or screen]
    return [scan_row(edge, found.snapshot.time, session.app.note_on(edge.market)) for edge in chosen]


def _sources(rows: Sequence[ScanRow]) -> list[SourceRow]:
    ages: dict[str, int] = {}
    for row in rows:
        for seen in row.inputs:
            ages[seen.name] = max(ages.get(seen.name, 0), seen.age_ms)
    return [SourceRow(name=name, age_ms=age) for name, age in sorted(ages.items())]


def _conclude(session: Session, found: Scan, rows: Sequence[ScanRow], options: Options) -> None:
    if session.common.quiet:
        return
    standing = sum(edge.stands for edge in found.edges)
    unseen = (len(found.edges) if options.include_rejected else standing) - len(rows)
    if unseen > 0:
        say(f"{unseen} more rows are not shown; --top {len(rows) + unseen} shows all")
    rejected = Counter(e.rejection.code for e in found.edges if e.rejection is not None)
    reasons = ", ".join(f"{code} {n}" for code, n in rejected.most_common(_REASONS_SHOWN))
    # Of one look among several; one alone was now.
    at = f", at {found.snapshot.time:%H:%M:%S}Z" if options.watch_s or options.count else ""
    say(
        f"{standing} of {len(found.edges)} candidates stand"
        + (f"; rejected: {reasons}" if reasons else "")
        + f" ({safe(found.snapshot.network)}, {found.elapsed_s:.1f} s{at})"
    )
    hint(session.common, _next(session, found, options))


def _next(session: Session, found: Scan, options: Options) -> str:
    rejected = ["--include-rejected"] if options.include_rejected else []
    command = shlex.join(["defi", "scan", *found.request.markets, *_repeated(session, found), *rejected])
    if not (rejected or any(edge.stands for edge in found.edges)):
        return f"Next: {command} --include-rejected   shows why each candidate was rejected"
    if not options.explain:
        return f"Next: {command} --explain   shows every cost and the age of each input"
    return f"Next: {command} --watch 5   looks again every 5 seconds"


def _repeated(session: Session, found: Scan) -> list[str]:
    """The options without which the next command would look at something else."""
    common, asked = session.common, found.request
    given = [("--config", str(path)) for path in common.config]
    given += [("--network", common.network.value)] if common.network else []
    given += [("--kind", kind.value) for kind in sorted(asked.kinds or ())]
    given += [("--against", venue) for venue in asked.against or ()]
    given += [("--size", f"{decimal_text(size)}{asked.size_quote}") for size in asked.sizes]
    limits = {
        "--min-edge-bps": None if asked.min_edge is None else asked.min_edge * 10_000,
        "--min-profit": asked.min_profit,
        "--max-age": asked.max_age_s,
    }
    given += [(name, text) for name, limit in limits.items() if (text := decimal_text(limit))]
    return [text for option in given for text in option]
