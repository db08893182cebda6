"""What `--json` prints, row by row. Additive only within a version; `defi schema NAME` prints the schema.

Prices, quantities and money are decimal strings; edges and rates of return are fractions, never percent;
times are RFC 3339 UTC. A number that could not be determined is null, and a neighbouring field says why.
"""

from datetime import datetime

import msgspec

from defi_analytics.cli.row import Row


class MarketRow(Row, frozen=True, kw_only=True):
    venue: str
    market_id: str
    ticker: str
    kind: str
    status: str
    base: str
    """Verified asset symbol; empty when the identity could not be proven."""
    quote: str
    base_denom: str = ""
    quote_denom: str = ""
    base_decimals: int = 0
    quote_decimals: int = 0
    initial_margin_ratio: str | None = None
    """Fraction of notional, like `maintenance_margin_ratio`; null on spot and where it is not known."""
    maintenance_margin_ratio: str | None = None
    price_tick: str
    quantity_tick: str
    min_notional: str
    min_quantity: str
    maker_fee: str
    taker_fee: str
    bid: str | None = None
    ask: str | None = None
    mid: str | None = None
    mark: str | None = None
    funding_hourly: str | None = None
    note: str = ""
    """That the base is a bridged form of the asset, where it is."""


class MarketName(Row, frozen=True, kw_only=True):
    venue: str
    market_id: str
    ticker: str
    kind: str


class RejectionRow(Row, frozen=True, kw_only=True):
    code: str
    limit: str | None
    value: str | None
    unit: str
    detail: str


class CostsRow(Row, frozen=True, kw_only=True):
    """Each in the settlement quote."""

    buy_fee: str
    sell_fee: str
    slippage: str
    conversion: str
    carry: str
    """Funding over the holding time."""
    exit_fee: str
    """Closing both legs again, where one is a perpetual."""
    gas: str


class SizeRow(Row, frozen=True, kw_only=True):
    quantity: str
    notional: str
    net_edge: str
    profit: str


class RateRow(Row, frozen=True, kw_only=True):
    base: str
    quote: str
    bid: str
    ask: str
    source: str
    age_ms: int


class InputRow(Row, frozen=True, kw_only=True):
    name: str
    at: datetime
    age_ms: int


class ScanRow(Row, frozen=True, kw_only=True):
    kind: str
    market: MarketName
    against: str
    reference: MarketName | None
    side: str | None
    """What to do on Injective."""
    stands: bool
    rejection: RejectionRow | None
    indicative_edge: str | None
    """Net, of the first unit at the top of the books."""
    gross_edge: str | None
    net_edge: str | None
    quantity: str | None
    notional: str | None
    profit: str | None
    quote: str
    buy_price: str | None
    sell_price: str | None
    costs: CostsRow | None
    exhausted: bool
    """The venue's book ended before the profit did."""
    fair: str | None
    uncertainty: str | None
    z: str | None
    probability: str | None
    sizes: list[SizeRow]
    rates: list[RateRow]
    inputs: list[InputRow]
    at: datetime
    """When it was looked at."""
    notes: list[str]


class IntervalRow(Row, frozen=True, kw_only=True):
    level: str
    low: str
    high: str


class PredictionRow(Row, frozen=True, kw_only=True):
    asset: str
    source: str
    network: str
    topic_id: int
    topic: str
    kind: str
    horizon_s: int
    value: str
    predicted_price: str | None
    base_price: str | None
    base_price_source: str
    base_time: datetime
    target_time: datetime
    usable_at: datetime
    age_s: int
    share_gone: str
    interval: IntervalRow | None
    """Spread of the workers' values, in the topic's own unit: how far they disagree."""
    dispersion: str | None
    naive: str | None
    outlier_resistant: str | None
    inferers: int
    forecasters: int
    stale: bool
    market: MarketName | None = None
    market_mid: str | None = None
    gap: str | None = None
    """predicted price / market mid - 1."""
    notes: list[str]


class TopicRow(Row, frozen=True, kw_only=True):
    network: str
    topic_id: int
    name: str
    asset: str
    kind: str
    horizon_s: int
    epoch_blocks: int
    playground: bool


class LevelRow(Row, frozen=True, kw_only=True):
    price: str
    quantity: str
    cumulative: str
    """Notional up to and including this level, in quote."""


class BookRow(Row, frozen=True, kw_only=True):
    venue: str
    market_id: str
    ticker: str
    at: datetime
    sequence: int | None
    truncated: bool
    bids: list[LevelRow]
    asks: list[LevelRow]


class CandleRow(Row, frozen=True, kw_only=True):
    at: datetime
    open: str
    high: str
    low: str
    close: str
    volume: str


class FundingRow(Row, frozen=True, kw_only=True):
    at: datetime
    """The end of the hour it was charged for."""
    rate: str
    """What a long paid a short, a fraction of notional."""


class VenueRow(Row, frozen=True, kw_only=True):
    name: str
    role: str
    url: str
    kinds: str
    taker_fee: str
    maker_fee: str


class PingRow(Row, frozen=True, kw_only=True):
    name: str
    ok: bool
    elapsed_ms: int
    markets: int
    code: str
    message: str


class CheckRow(Row, frozen=True, kw_only=True):
    name: str
    ok: bool
    message: str
    hint: str


class WarningRow(Row, frozen=True, kw_only=True):
    code: str
    message: str
    source: str = ""


class SourceRow(Row, frozen=True, kw_only=True):
    name: str
    age_ms: int


class Meta(Row, frozen=True, kw_only=True):
    elapsed_ms: int | None = None
    sources: list[SourceRow] = msgspec.field(default_factory=list)
    candidates: int | None = None
    """How many were judged, and how many of them stand, whatever `data` was cut to."""
    standing: int | None = None


class ErrorRow(Row, frozen=True, kw_only=True):
    code: str
    exit_code: int
    message: str
    hint: str
    retryable: bool
    violations: list[str] = msgspec.field(default_factory=list)


VERSION = 1
