"""The parts of one run, each made when it is first asked for: a command pays only for what it uses."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from defi_analytics.app.venues import VENUES, pick
from defi_analytics.config.settings import Settings
from defi_analytics.domain.edge import Edge
from defi_analytics.domain.market import Market, MarketKind
from defi_analytics.domain.prediction import Prediction
from defi_analytics.domain.snapshot import Snapshot
from defi_analytics.errors import ConfigError, UsageError
from defi_analytics.mispricing.limits import Limits, Scope
from defi_analytics.ports import Clock, HttpClient, MarketData, Predictor, PriceHistory, QuoteSource

if TYPE_CHECKING:
    from defi_analytics.app.topic_list import TopicList
    from defi_analytics.predictors.allora.api import ApiSource
    from defi_analytics.predictors.allora.lcd import LcdSource
    from defi_analytics.predictors.allora.predictor import AlloraPredictor
    from defi_analytics.predictors.allora.topics import Registry
    from defi_analytics.storage.journal import SqliteJournal
    from defi_analytics.venues.injective.assets import Assets
    from defi_analytics.venues.injective.indexer import InjectiveIndexer
    from defi_analytics.venues.injective.lcd import InjectiveMarketData
    from defi_analytics.venues.injective.networks import Network

SANDBOX_VENUES = ("hyperliquid", "binance")
"""Those that the sandbox imitates."""


@dataclass(slots=True)
class App:
    """The parts of one run. Reading only: nothing here holds a key that could sign."""

    settings: Settings
    http: HttpClient
    clock: Clock
    injective_network: "Network"
    allora_key: Callable[[], Callable[[], str] | None] = lambda: None
    """Looks for Allora's key, once a part needs it: what reveals it, or nothing. Raises AuthError."""
    warn: Callable[[str], None] = lambda line: None
    """Told in a line what a person should know."""
    passing: bool = False
    """The network is a sandbox that was started for this command, and ends with it."""
    _venues: dict[str, MarketData] = field(default_factory=dict)
    _topics: "TopicList | None" = None
    _reused: Predictor | None = None
    _recorded: set[tuple[int, datetime]] = field(default_factory=set)

    @property
    def network(self) -> str:
        return self.settings.network

    def injective(
        self, kinds: frozenset[MarketKind] = frozenset(MarketKind), known: Sequence[Market] = ()
    ) -> "InjectiveMarketData":
        """Its listing tells of the `known` markets whatever became of them."""
        from defi_analytics.venues.injective.lcd import InjectiveMarketData

        made = InjectiveMarketData(self.http, self.clock, self.injective_network, self.assets(), kinds)
        made.known = tuple(known)
        return made

    def indexer(self) -> "InjectiveIndexer":
        from defi_analytics.venues.injective.indexer import InjectiveIndexer

        return InjectiveIndexer(self.http, self.clock, self.injective_network, self.assets())

    def oracle(self) -> QuoteSource:
        from defi_analytics.venues.injective.oracle import InjectiveOracle

        return InjectiveOracle(self.http, self.injective_network, self.assets())

    def note_on(self, market: Market) -> str:
        """What a person should know of the base of an Injective market: empty, or that it is bridged."""
        return self.assets().note(market.base_denom) if market.verified else ""

    def assets(self) -> "Assets":
        from defi_analytics.venues.injective.assets import assets_of

        return assets_of(self.injective_network.chain_id).with_extra(self.settings.assets)

    def venue(self, name: str) -> MarketData:
        """A reference venue, the same object each time: it may remember contract sizes."""
        if self.network == "sandbox" and name not in SANDBOX_VENUES:
            raise UsageError(
                f"the sandbox does not imitate {name!r}", hint=f"it has {', '.join(SANDBOX_VENUES)}"
            )
        if name not in self._venues:
            make = pick("venues", VENUES, name)
            if name not in self.settings.venues:
                from defi_analytics.config.checks import fees_wanted

                raise UsageError(f"venue {name!r} has no settings", hint=fees_wanted(name))
            self._venues[name] = make(self.settings.venues[name], self.http, self.clock)
        return self._venues[name]

    def predictor(self) -> "AlloraPredictor":
        """Allora through the chain's keyless interface, or through its API when a key is set."""
        from defi_analytics.predictors.allora.predictor import AlloraPredictor, TopicChoice

        registry = self.topics()
        return AlloraPredictor(
            self._allora_source(),
            self.clock,
            registry,
            self.history(),
            float(self.settings.allora.confidence_level),
            TopicChoice(
                pinned_topics(self.settings, registry),
                self.settings.allora.prediction_settings.time_horizon,
            ),
        )

    def topics(self) -> "Registry":
        """The topics known without asking; in the sandbox only those it imitates."""
        return self.topic_list().registry

    def topic_list(self) -> "TopicList":
        """The same, with its date and origin: what the last refresh kept, where it is the newer."""
        if self._topics is None:
            from defi_analytics.app.topic_list import topic_list

            self._topics = topic_list(self.settings, self.warn)
        return self._topics

    def _allora_source(self) -> "ApiSource | LcdSource":
        own = self.settings.allora
        # The sandbox imitates the chain's interface alone, and a key has no business there.
        key = None if self.network == "sandbox" else self.allora_key()
        if key is not None:
            from defi_analytics.predictors.allora.api import ApiSource

            custom = own.allow_custom_host
            return ApiSource(self.http, key, own.network, own.base_url, allow_custom_host=custom)
        from defi_analytics.predictors.allora.lcd import LcdSource

        return LcdSource(self.http, own.network, own.lcd_url)

    def reused_predictor(self) -> Predictor:
        """The same, asked again only after the settings' `update_interval`: for looks that repeat."""
        if self._reused is None:
            from defi_analytics.predictors.reused import ReusedPredictor

            own = self.settings.allora.prediction_settings
            self._reused = ReusedPredictor(self.predictor(), self.clock, own.update_interval)
        return self._reused

    def history(self) -> PriceHistory:
        """Who tells what an asset was worth in a past minute."""
        from defi_analytics.venues.binance import BinanceMarketData

        own = self.settings.venues["binance"]
        return BinanceMarketData(self.http, self.clock, own.url, own.taker_fee, own.maker_fee)

    def journal(self) -> "SqliteJournal":
        from defi_analytics.storage.journal import SqliteJournal

        return SqliteJournal(self.settings.home / "journal.sqlite")

    async def find_market(self, name: str) -> Market:
        """See `find_markets`."""
        (found,) = await self.find_markets((name,))
        return found

    async def find_markets(self, names: Sequence[str]) -> tuple[Market, ...]:
        """One for each name, paused ones too, each once. Raises UnknownMarket, naming the nearest."""
        return await self.meant(names, (await self.injective().listing()).markets.values())

    async def meant(self, names: Sequence[str], listed: Collection[Market]) -> tuple[Market, ...]:
        """As `find_markets`, with the `listed` ones at hand."""
        from defi_analytics.venues.injective.resolve import meant

        return await meant(names, listed, self.inactive, single=True)

    async def inactive(self) -> Collection[Market]:
        """Those that take no orders. Raises DataError."""
        return (await self.injective().inactive()).markets.values()

    def record_scan(self, snapshot: Snapshot, scope: Scope, limits: Limits, edges: Sequence[Edge]) -> None:
        """Appends what a scan found, rejected candidates with their reasons included, and all it went by."""
        from defi_analytics.engine.replay import recorded

        body = {"network": self.network, "edges": edges, **recorded(snapshot, scope, limits)}
        with self.journal() as journal:
            journal.append("scan", snapshot.time, body)

    def record_predictions(self, predictions: Sequence[Prediction]) -> None:
        """Appends predictions, each with the time it became usable, for later scoring; each once a run."""
        asked = {(p.topic.topic_id, p.usable_at): p for p in predictions}
        new = {key: prediction for key, prediction in asked.items() if key not in self._recorded}
        if not new:
            return
        with self.journal() as journal:
            for key, prediction in new.items():
                journal.append(
                    "prediction", prediction.usable_at, {"network": self.network, "prediction": prediction}
                )
                self._recorded.add(key)

    def default_against(self) -> tuple[str, ...]:
        """The settings' venues; in the sandbox only those it imitates."""
        wanted = self.settings.scan.against
        return tuple(n for n in wanted if n in SANDBOX_VENUES) if self.network == "sandbox" else wanted


def pinned_topics(settings: Settings, registry: "Registry") -> Mapping[str, int]:
    """The topic to use by asset, as the settings pin it. Raises ConfigError for a model_id nobody knows."""
    own = settings.allora
    pinned = dict(own.topics)
    if own.model_id != "auto":
        topic = registry.get(own.network, int(own.model_id))
        if topic is None:
            raise ConfigError(
                f"allora.model_id: no topic {own.model_id} on {own.network}", hint="see: defi topics list"
            )
        pinned[topic.asset] = topic.topic_id
    return pinned
