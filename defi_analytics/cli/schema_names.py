"""Which rows each command prints."""

from defi_analytics.cli.run_schema import RunRow
from defi_analytics.cli.schemas import (
    BookRow,
    CandleRow,
    CheckRow,
    CodeRow,
    ErrorRow,
    FundingRow,
    MarketRow,
    PingRow,
    PredictionRow,
    Row,
    ScanRow,
    SettingRow,
    TopicRow,
    VenueRow,
    VersionRow,
)

SCHEMAS: dict[str, type[Row]] = {
    "scan": ScanRow,
    "predict": PredictionRow,
    "topics": TopicRow,
    "market": MarketRow,
    "book": BookRow,
    "candles": CandleRow,
    "funding": FundingRow,
    "run": RunRow,
    "venue": VenueRow,
    "ping": PingRow,
    "doctor": CheckRow,
    "explain": CodeRow,
    "config": SettingRow,
    "version": VersionRow,
    "error": ErrorRow,
}
"""By the name that `schema` carries: defi.<name>/<VERSION>."""
