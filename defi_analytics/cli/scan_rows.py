"""Edges as rows, columns and explanations."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from defi_analytics.cli.figures import ago, amount, bps, decimal_text, short, time_text
from defi_analytics.cli.render import Column
from defi_analytics.cli.schemas import (
    CostsRow,
    InputRow,
    MarketName,
    RateRow,
    RejectionRow,
    ScanRow,
    SizeRow,
)
from defi_analytics.domain.edge import Edge, Pricing, Rejection, Side
from defi_analytics.domain.market import Market
from defi_analytics.domain.text import safe


def scan_row(edge: Edge, now: datetime, note: str = "") -> ScanRow:
    """`note` is about the market itself, and comes after what the arithmetic has to say."""
    pricing, signal = edge.pricing, edge.signal
    return ScanRow(
        kind=edge.kind.value,
        market=market_name(edge.market),
        against=edge.against,
        reference=market_name(edge.reference) if edge.reference else None,
        side=edge.side.value if edge.side else None,
        stands=edge.stands,
        rejection=_rejection_row(edge.rejection),
        indicative_edge=decimal_text(edge.indicative, 8),
        gross_edge=decimal_text(pricing.gross_edge, 8) if pricing else None,
        net_edge=decimal_text(pricing.net_edge, 8) if pricing else None,
        quantity=decimal_text(pricing.quantity) if pricing else None,
        notional=decimal_text(pricing.notional) if pricing else None,
        profit=decimal_text(pricing.profit) if pricing else None,
        quote=edge.market.quote,
        buy_price=decimal_text(pricing.buy_price) if pricing else None,
        sell_price=decimal_text(pricing.sell_price) if pricing else None,
        costs=_costs_row(pricing) if pricing else None,
        exhausted=pricing.exhausted if pricing else False,
        fair=decimal_text(signal.fair) if signal else None,
        uncertainty=decimal_text(signal.uncertainty, 6) if signal else None,
        z=decimal_text(signal.z, 6) if signal else None,
        probability=decimal_text(signal.probability, 4) if signal else None,
        sizes=_size_rows(pricing) if pricing else [],
        rates=[
            RateRow(
                base=r.base,
                quote=r.quote,
                bid=decimal_text(r.bid) or "",
                ask=decimal_text(r.ask) or "",
                source=r.source,
                age_ms=_ms((now - r.at).total_seconds()),
            )
            for r in edge.rates
        ],
        inputs=[InputRow(name=i.name, at=i.at, age_ms=_ms(i.age_s)) for i in edge.inputs],
        at=now,
        notes=[*edge.notes, *([note] if note else [])],
    )


def market_name(market: Market) -> MarketName:
    return MarketName(
        venue=market.venue, market_id=market.market_id, ticker=market.ticker, kind=market.kind.value
    )


def _rejection_row(rejection: Rejection | None) -> RejectionRow | None:
    if rejection is None:
        return None
    return RejectionRow(
        code=rejection.code,
        limit=decimal_text(rejection.limit, 8),
        value=decimal_text(rejection.value, 8),
        unit=rejection.unit,
        detail=rejection.detail,
    )


def _costs_row(pricing: Pricing) -> CostsRow:
    costs = pricing.costs
    return CostsRow(
        buy_fee=decimal_text(costs.buy_fee) or "",
        sell_fee=decimal_text(costs.sell_fee) or "",
        slippage=decimal_text(costs.slippage) or "",
        conversion=decimal_text(costs.conversion) or "",
        carry=decimal_text(costs.carry) or "",
        exit_fee=decimal_text(costs.exit_fee) or "",
        gas=decimal_text(costs.fixed) or "",
    )


def _size_rows(pricing: Pricing) -> list[SizeRow]:
    return [
        SizeRow(
            quantity=decimal_text(p.quantity) or "",
            notional=decimal_text(p.notional) or "",
            net_edge=decimal_text(p.net, 8) or "",
            profit=decimal_text(p.profit) or "",
        )
        for p in pricing.curve
    ]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _does(row: ScanRow, side: str) -> str:
    other = {Side.BUY.value: "sell", Side.SELL.value: "buy"}[side]
    here = f"{side} on {row.market.venue}"
    if row.reference is None:
        return f"{here}, close at the fair value"
    return (
        f"{here}, {other} {safe(row.reference.ticker)} ({row.reference.kind}) on {safe(row.reference.venue)}"
    )


def _verdict(row: ScanRow) -> str:
    return "stands" if row.rejection is None else row.rejection.code


def _age(row: ScanRow) -> str:
    return ago(max(i.age_ms for i in row.inputs) / 1000) if row.inputs else ""


def _age_s(row: ScanRow) -> str:
    return f"{max(i.age_ms for i in row.inputs) / 1000:.3f}" if row.inputs else ""


def _verdict_style(row: ScanRow) -> str:
    return "bold green" if row.stands else "dim"


COLUMNS: Sequence[Column[ScanRow]] = (
    Column("Market", lambda r: r.market.ticker),
    Column("Kind", lambda r: r.kind, spare=5),
    Column("Against", lambda r: r.against),
    Column("Side", lambda r: r.side or ""),
    Column("Gross bps", lambda r: bps(r.gross_edge), number=True, spare=3),
    Column("Net bps", lambda r: bps(r.net_edge or r.indicative_edge), number=True),
    Column("Size", lambda r: amount(r.notional, 0), number=True, spare=2, exact=lambda r: r.notional or ""),
    Column("Profit", lambda r: amount(r.profit), number=True, exact=lambda r: r.profit or ""),
    Column("Quote", lambda r: r.quote, spare=1),
    Column("Age", _age, number=True, spare=4, exact=_age_s),
    Column("Verdict", _verdict, style=_verdict_style),
    Column("Time", lambda r: time_text(r.at), machine=True),
)


def explanation(row: ScanRow) -> Iterator[str]:
    """One candidate in full, a fact a line; every number with its unit."""
    title = f"{safe(row.market.ticker)} against {safe(row.against, 60)} ({row.kind})"
    yield f"{title}: {_verdict(row)}"
    if row.rejection is not None:
        yield f"  why not     {_why(row.rejection)}"
    if row.side is not None:
        yield f"  do          {_does(row, row.side)}"
    yield from _waterfall(row)
    yield from _fair_value(row)
    for rate in row.rates:
        prices = f"{short(rate.bid)} to {short(rate.ask)}"
        yield f"  rate        {rate.base}/{rate.quote} {prices} from {safe(rate.source)}"
    for size in row.sizes:
        earns = f"net {bps(size.net_edge)} bps, {amount(size.profit, 4)} {row.quote}"
        yield f"  at size     {amount(size.notional)} {row.quote}: {earns}"
    for seen in row.inputs:
        yield f"  input       {safe(seen.name, 60)}, {ago(seen.age_ms / 1000)} old"
    for note in row.notes:
        yield f"  note        {safe(note, 200)}"


def _fair_value(row: ScanRow) -> Iterator[str]:
    if row.fair is None:
        return
    yield f"  fair value  {short(row.fair)} {row.quote}, uncertainty {bps(row.uncertainty)} bps"
    sure = f", probability {row.probability} (not calibrated)" if row.probability else ""
    yield f"  gap         {float(row.z or 0):.2f} times the uncertainty{sure}"


def _why(rejection: RejectionRow) -> str:
    parts = [rejection.code]
    if rejection.value is not None:
        parts.append(f"value {rejection.value}")
    if rejection.limit is not None:
        parts.append(f"limit {rejection.limit}")
    if rejection.unit:
        parts.append(rejection.unit)
    if rejection.detail:
        parts.append(f"({safe(rejection.detail, 200)})")
    return " ".join(parts)


def _waterfall(row: ScanRow) -> Iterator[str]:
    """From gross to net, in the settlement quote."""
    if row.costs is None or row.profit is None:
        return
    costs = row.costs
    parts = {
        "buy fee": costs.buy_fee,
        "sell fee": costs.sell_fee,
        "slippage": costs.slippage,
        "conversion": costs.conversion,
        "funding": costs.carry,
        "exit fees": costs.exit_fee,
        "gas": costs.gas,
    }
    gross = float(row.profit) + sum(float(part) for part in parts.values())
    yield f"  size        {row.quantity} base, {amount(row.notional)} {row.quote}"
    yield f"  prices      buy at {short(row.buy_price)}, sell at {short(row.sell_price)} on average"
    yield f"  gross         {gross:,.4f} {row.quote} ({bps(row.gross_edge)} bps)"
    for name, part in parts.items():
        if float(part):
            yield f"  - {name:<12}{float(part):,.4f} {row.quote}"
    yield f"  net           {float(row.profit):,.4f} {row.quote} ({bps(row.net_edge)} bps)"
