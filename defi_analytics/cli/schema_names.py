"""Which rows each command prints."""

from defi_analytics.cli.key_rows import GrantRow, KeyRow
from defi_analytics.cli.row import Row
from defi_analytics.cli.run_schema import RunRow
from defi_analytics.cli.schemas import (
    BookRow,
    CandleRow,
    CheckRow,
    ErrorRow,
    FundingRow,
    MarketRow,
    PingRow,
    PredictionRow,
    ScanRow,
    TopicRow,
    VenueRow,
)
from defi_analytics.cli.schemas_audit import AUDIT_SCHEMAS
from defi_analytics.cli.schemas_risk import RISK_SCHEMAS
from defi_analytics.cli.schemas_setup import CodeRow, SettingRow, VersionRow

SCHEMAS: dict[str, type[Row]] = {
    "scan": ScanRow,
    "predict": PredictionRow,
    "topics": TopicRow,
    "market": MarketRow,
    "book": BookRow,
    "candles": CandleRow,
    "funding": FundingRow,
    "run": RunRow,
    **RISK_SCHEMAS,
    **AUDIT_SCHEMAS,
    "venue": VenueRow,
    "ping": PingRow,
    "doctor": CheckRow,
    "explain": CodeRow,
    "config": SettingRow,
    "key": KeyRow,
    "grant": GrantRow,
    "version": VersionRow,
    "error": ErrorRow,
}
"""By the name that `schema` carries: defi.<name>/<VERSION>."""
