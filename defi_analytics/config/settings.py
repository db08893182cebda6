"""Every setting, its place, its default and its comment: the one place they are written down.

`settings.yaml` is generated from here: the text at the end of each annotation becomes the comment.
Fractions are fractions (0.01 is one per cent), sizes and profits are in quote currency, times in seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from defi_analytics.config.fields import (
    KINDS,
    NETWORKS,
    ONE,
    STRATEGY_NAMES,
    ZERO,
    Address,
    Amount,
    Denom,
    Fee,
    Fraction,
    MarketId,
    Pair,
    Positive,
    Seconds,
    Symbol,
    VenueName,
)
from defi_analytics.config.risk_settings import RiskManagement
from defi_analytics.config.values import Choice, Folder, LogSpan, Number, Text, Whole, YesNo

SANDBOX_PORT = 10337
ALLORA_URL = "https://api.allora.network/v2"


@dataclass(frozen=True, slots=True)
class RiskParameters:
    max_position_size: Annotated[Positive | None, "largest position; account currency"] = None
    max_slippage: Annotated[Fraction | None, "largest slippage a scanned size may have"] = None
    stop_loss: Annotated[Fraction | None, "loss that closes a position"] = None


@dataclass(frozen=True, slots=True)
class MarketSettings:
    id: Annotated[MarketId, "ticker or market id"]
    min_trade_size: Annotated[Amount, "smallest size scanned"] = ZERO
    max_trade_size: Annotated[Positive | None, "largest size scanned; null: what the book holds"] = None
    risk_parameters: RiskParameters = RiskParameters()


@dataclass(frozen=True, slots=True)
class InjectiveSettings:
    network: Annotated[
        Annotated[str, Choice(NETWORKS)], "mainnet, testnet or sandbox; also --network, DEFI_NETWORK"
    ] = "mainnet"
    lcd_url: Annotated[Address, "the chain's REST interface; empty: the network's own"] = ""
    indexer_url: Annotated[Address, "the indexer's REST interface; empty: the network's own"] = ""
    chart_url: Annotated[Address, "candles; empty: the network's own"] = ""
    tm_url: Annotated[Address, "the chain's CometBFT RPC; empty: the network's own"] = ""
    markets: Annotated[
        tuple[MarketSettings, ...],
        "limits by market, e.g. [{id: INJ/USDT, min_trade_size: 100, max_trade_size: 10000}]",
    ] = ()


@dataclass(frozen=True, slots=True)
class ScanSettings:
    min_edge_bps: Annotated[
        Amount | None, "smallest net edge shown, in bps; null: monitoring.min_profit_threshold"
    ] = None
    min_profit: Annotated[Amount, "smallest profit shown"] = ZERO
    max_age_s: Annotated[Seconds, "older order books are refused"] = Decimal(10)
    sizes: Annotated[tuple[Positive, ...], "sizes to price; empty: the size that earns most"] = ()
    against: Annotated[tuple[VenueName, ...], "venues compared with Injective"] = (
        "hyperliquid",
        "binance",
        "okx",
    )
    kinds: Annotated[tuple[Annotated[str, Choice(KINDS)], ...], "kinds of mispricing looked for"] = KINDS
    top: Annotated[Annotated[int, Whole(1, 10_000)], "rows shown"] = 20
    max_candidates: Annotated[Annotated[int, Whole(1, 10_000)], "pairs whose whole books are fetched"] = 12
    min_z: Annotated[Amount, "a prediction's edge in units of its own uncertainty"] = ONE
    oracle_deviation: Annotated[Fraction, "distance from the oracle that is shown"] = Decimal("0.005")
    gas_cost_inj: Annotated[Amount, "network fee of one order, in INJ"] = Decimal("0.000048")


@dataclass(frozen=True, slots=True)
class HttpSettings:
    deadline_s: Annotated[Seconds, "one call with all its attempts"] = Decimal(10)
    attempts: Annotated[Annotated[int, Whole(1, 4)], "tries per call within the deadline, at most 4"] = 3
    max_body_bytes: Annotated[Annotated[int, Whole(1024, 268_435_456)], "largest answer, decompressed"] = (
        4_194_304
    )
    rate_per_s: Annotated[
        Annotated[int, Whole(1, 1000)], "requests to one host; venues have their own below"
    ] = 10


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """Fees are fractions of notional, for an account without discounts; a negative one is a rebate."""

    url: Annotated[Address, ""]
    taker_fee: Annotated[Fee, ""]
    maker_fee: Annotated[Fee, ""]
    rate_per_s: Annotated[Annotated[int, Whole(1, 1000)], ""]


def _venue(url: str, taker_fee: str, maker_fee: str, rate_per_s: int) -> VenueSettings:
    return VenueSettings(url, Decimal(taker_fee), Decimal(maker_fee), rate_per_s)


VENUES: Mapping[str, VenueSettings] = MappingProxyType({
    "hyperliquid": _venue("https://api.hyperliquid.xyz", "0.00045", "0.00015", 10),
    "binance": _venue("https://api.binance.com", "0.001", "0.001", 10),
    "binance-perp": _venue("https://fapi.binance.com", "0.0005", "0.0002", 10),
    "okx": _venue("https://www.okx.com", "0.0015", "0.001", 10),
    "okx-perp": _venue("https://www.okx.com", "0.0005", "0.0002", 10),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PredictionSettings:
    min_confidence: Annotated[Fraction, "smallest probability of the predicted direction"] = Decimal("0.55")
    time_horizon: Annotated[
        Annotated[int, Whole(60, 31_536_000)] | None,
        "seconds ahead; null: the shortest there is with a price",
    ] = None
    update_interval: Annotated[
        Annotated[int, Whole(1, 86_400)], "seconds a prediction is reused before asking again"
    ] = 300


@dataclass(frozen=True, slots=True)
class AlloraSettings:
    """The key is never here: see `defi_analytics.keys.api`."""

    network: Annotated[Annotated[str, Choice(("mainnet", "testnet"))], "topics differ between the two"] = (
        "mainnet"
    )
    base_url: Annotated[Address, "the interface that needs a key (ALLORA_API_KEY)"] = ALLORA_URL
    lcd_url: Annotated[Address, "the interface that needs none; empty: the network's own"] = ""
    allow_custom_host: Annotated[
        Annotated[bool, YesNo()], "send the key to a base_url that is not Allora's or this machine"
    ] = False
    use_keyring: Annotated[Annotated[bool, YesNo()], "look for the key in the system's keyring too"] = False
    model_id: Annotated[
        Annotated[str, Text(r"auto|[1-9][0-9]{0,8}", "auto or a topic id")],
        "auto picks the topic by asset and horizon",
    ] = "auto"
    topics: Annotated[
        Mapping[Symbol, Annotated[int, Whole(1, 10**9)]],
        "topic by asset, where auto picks the wrong one, e.g. {BTC: 14}",
    ] = field(default_factory=dict)
    confidence_level: Annotated[
        Annotated[Decimal, Number(above=ZERO, at_most=Decimal("0.9544"))],
        "level of the interval shown, at most 0.9544",
    ] = Decimal("0.95")
    prediction_settings: PredictionSettings = PredictionSettings()


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    update_interval: Annotated[Seconds, "seconds between two looks of `scan --watch` and `run`"] = Decimal(60)
    min_profit_threshold: Annotated[Fraction, "smallest net edge shown, where scan.min_edge_bps is null"] = (
        Decimal("0.0005")
    )
    max_active_positions: Annotated[Annotated[int, Whole(0, 10**6)], "markets held at the same time"] = 3
    risk_management: RiskManagement = RiskManagement()  # noqa: RUF009 - it is frozen


@dataclass(frozen=True, slots=True)
class KeySettings:
    """Which key signs and for whom. The keys themselves are files below home: see `defi_analytics.keys`."""

    name: Annotated[
        Annotated[str, Text(r"(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)?", "a key's name such as agent")],
        "the key that signs; empty: agent, and in the sandbox its development key",
    ] = ""
    granter: Annotated[
        Annotated[str, Text(r"(?:inj1[02-9ac-hj-np-z]{38})?", "an inj1… address")],
        "the account it trades for, which granted it that; empty: its own",
    ] = ""
    subaccount: Annotated[Annotated[int, Whole(0, 2**31 - 1)], "which of that account's subaccounts"] = 0
    use_keyring: Annotated[
        Annotated[bool, YesNo()], "look for the key's passphrase in the system's keyring too"
    ] = False


@dataclass(frozen=True, slots=True)
class LoggingSettings:
    level: Annotated[
        Annotated[str, Choice(("DEBUG", "INFO", "WARNING", "ERROR"))], "what the file receives"
    ] = "INFO"
    file_path: Annotated[
        Annotated[str, Text(r"[^\x00-\x1f\x7f-\x9f]{0,1000}", "a file name")],
        "relative to home; empty: no file",
    ] = "logs/defi.log"
    rotation: Annotated[
        Annotated[str, LogSpan(sizes=True)], "a duration (1 day), a size (10 MB), or both: whichever is first"
    ] = "1 day, 10 MB"
    retention: Annotated[Annotated[str, LogSpan(sizes=False)], "rotated files are deleted after this"] = (
        "30 days"
    )
    format: Annotated[Annotated[str, Choice(("text", "json"))], "json: one object in a line"] = "text"


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What `defi run` trades, and how; what it may lose is in monitoring.risk_management."""

    strategies: Annotated[
        tuple[Annotated[str, Choice(STRATEGY_NAMES)], ...],
        "in order of preference where several want a market",
    ] = STRATEGY_NAMES
    markets: Annotated[tuple[MarketId, ...], "what may be traded; empty: injective.markets"] = ()
    currency: Annotated[Symbol, "what the account is valued in"] = "USDT"
    paper_balances: Annotated[
        Mapping[Symbol, Amount], "what a paper account begins with, e.g. {USDT: 1000, INJ: 10}"
    ] = field(default_factory=lambda: {"USDT": Decimal(1000)})
    timeout_blocks: Annotated[
        Annotated[int, Whole(2, 1000)], "a transaction that is in no block by then never will be"
    ] = 30
    resting_blocks: Annotated[
        Annotated[int, Whole(1, 10_000)], "a resting order leaves the book after so many"
    ] = 40
    max_fee: Annotated[
        Positive, "INJ for one transaction; ten times as much for one that only reduces or cancels"
    ] = Decimal("0.01")
    memory_warning_mb: Annotated[Annotated[int, Whole(50, 1_000_000)], "told once when it is exceeded"] = 1000


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    seed: Annotated[Annotated[int, Whole(0, 2**31)], "the same seed makes the same markets"] = 58
    port: Annotated[Annotated[int, Whole(1, 65_535)], "on this machine"] = SANDBOX_PORT


@dataclass(frozen=True, slots=True)
class Settings:
    home: Annotated[
        Annotated[Path, Folder()],
        "folder of state and logs; also DEFI_HOME. A ./settings.yaml moves it only where --config names it",
    ]
    injective: InjectiveSettings = InjectiveSettings()
    scan: ScanSettings = ScanSettings()
    venues: Annotated[
        Mapping[VenueName, VenueSettings], "by venue; check the fees against your own account's"
    ] = field(default_factory=lambda: VENUES)
    rates: Annotated[Mapping[Pair, Positive], "fixed rates between quote currencies, e.g. {USDC/USDT: 1}"] = (
        field(default_factory=dict)
    )
    assets: Annotated[
        Mapping[Denom, Symbol], "denoms you vouch for, added to the verified table, e.g. {peggy0x…: USDT}"
    ] = field(default_factory=dict)
    allora: AlloraSettings = AlloraSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    keys: KeySettings = KeySettings()
    http: HttpSettings = HttpSettings()
    logging: LoggingSettings = LoggingSettings()
    run: RunSettings = RunSettings()
    sandbox: SandboxSettings = SandboxSettings()

    @property
    def network(self) -> str:
        return self.injective.network

    @property
    def risk(self) -> RiskManagement:
        return self.monitoring.risk_management

    @property
    def min_edge(self) -> Decimal:
        """The smallest net edge to show, as a fraction."""
        bps = self.scan.min_edge_bps
        return self.monitoring.min_profit_threshold if bps is None else bps / 10_000
