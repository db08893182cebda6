"""Allora's predictions, from the chain without a key or from the API with one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from defi_analytics.domain.prediction import Prediction, PredictionKind, Topic
from defi_analytics.errors import AuthError, DataError, NotCovered, Unavailable, UsageError
from defi_analytics.metrics.dispersion import MAX_LEVEL
from defi_analytics.ports import Clock, PriceHistory
from defi_analytics.predictors.allora.api import ApiSource
from defi_analytics.predictors.allora.fields import SOURCE
from defi_analytics.predictors.allora.inference import Reading
from defi_analytics.predictors.allora.interpret import Base, base_time, interpret
from defi_analytics.predictors.allora.lcd import LcdSource
from defi_analytics.predictors.allora.topics import PRICED, Registry, bundled_registry


class TopicChoice(NamedTuple):
    """Which topic to use where no horizon is asked for: the one pinned to the asset, else of this horizon."""

    pinned: Mapping[str, int] = MappingProxyType({})
    horizon_s: int | None = None


class AlloraPredictor:
    """A `Predictor` over either source.

    `interval_level` is the share of the workers' opinions the interval holds, at most 0.9544 (UsageError).
    Without `history` a log return has no predicted price, and a price is not checked against the market.
    """

    def __init__(
        self,
        source: LcdSource | ApiSource,
        clock: Clock,
        registry: Registry | None = None,
        history: PriceHistory | None = None,
        interval_level: float = 0.95,
        choice: TopicChoice | None = None,
    ) -> None:
        if not 0 < interval_level <= MAX_LEVEL:
            raise UsageError(f"the interval level must be above 0 and at most {MAX_LEVEL}")
        self._source = source
        self._clock = clock
        self._registry = registry or bundled_registry()
        self._history = history
        self._interval_level = interval_level
        self._choice = choice or TopicChoice()

    @property
    def name(self) -> str:
        return SOURCE

    def assets(self) -> frozenset[str]:
        """Those with a price or log-return topic on this network; INJ is not among them."""
        return self._registry.assets(self._source.network)

    async def predict(self, asset: str, horizon_s: int | None = None) -> Prediction:
        """The current inference of `Registry.find`'s topic. Raises NotCovered without asking anyone.

        Where no horizon is asked for, the topic pinned to the asset comes first, then the default horizon.
        """
        if horizon_s is None and asset in self._choice.pinned:
            return await self.predict_topic(self._choice.pinned[asset])
        wanted_s = horizon_s or self._choice.horizon_s
        return await self._predict(self._registry.find(self._source.network, asset, wanted_s))

    async def predict_topic(self, topic_id: int) -> Prediction:
        """Any topic that forecasts one number, also a volatility; one the registry lacks is looked up."""
        known = self._registry.get(self._source.network, topic_id)
        return await self._predict(known or await self._source.topic(topic_id))

    async def refresh_topics(self) -> Sequence[Topic]:
        """The topics that are active now, by id; the registry of this predictor stays as it is."""
        return sorted(await self._source.topics(), key=lambda topic: topic.topic_id)

    async def _predict(self, topic: Topic) -> Prediction:
        if topic.kind is PredictionKind.CLASSIFICATION:
            raise NotCovered(SOURCE, f"topic {topic.topic_id} names a class, not a price")
        reading = await self._source.read(topic)
        base = await self._base(topic, reading)
        # Read last, so that it is never earlier than the moment we knew everything.
        return interpret(topic, reading, base, self._clock.now(), self._interval_level)

    async def _base(self, topic: Topic, reading: Reading) -> Base:
        if self._history is None or topic.kind not in PRICED:
            return None
        try:
            return await self._history.minute_close(topic.asset, base_time(reading.made_at))
        except AuthError as error:
            # A venue that shuts out a whole country says 403, which is no reason to hide the forecast.
            return Unavailable(SOURCE, error.message)
        except DataError as error:
            return error
