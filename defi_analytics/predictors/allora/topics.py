"""Which topic answers which question.

`topics.csv` lists every topic that was active on 2026-09-05T04:13:29Z, by docs.allora.network/api/topics.json
(made from both networks' LCDs). Topics come and go: `AlloraPredictor.refresh_topics` reads today's.
Ids differ between the networks: 14 is BTC in 8 hours on mainnet and BTC in 5 minutes on testnet.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from defi_analytics.domain.prediction import PredictionKind, Topic
from defi_analytics.errors import NotCovered
from defi_analytics.predictors.allora.fields import SOURCE
from defi_analytics.predictors.allora.wire import TopicRow

BUNDLED_AT = datetime(2026, 9, 5, 4, 13, 29, tzinfo=UTC)
PRICED = (PredictionKind.PRICE, PredictionKind.LOG_RETURN)
"""Kinds that say where the price will be, the preferred one first."""

_SHORTEST_DEFAULT_S = 3600

# "(5min Updates)" says how often a topic is asked, not how far it looks.
_CADENCE = re.compile(r"\((?:5min|2h) Updates\)")
_HORIZON = re.compile(r"([0-9]{1,4})\s*(minute|min|hour|day|m|h|d)\b")
_ASSET = re.compile(r"\b(?:xyz:)?([A-Z]{2,6})(?:/(?:USD[TC]?))?\b")
_PLAYGROUND = "PLAYGROUND"
_NOT_ASSETS = frozenset({_PLAYGROUND, "FAST"})
_SECONDS = {"minute": 60, "min": 60, "m": 60, "hour": 3600, "h": 3600, "day": 86400, "d": 86400}
_KINDS = (
    (re.compile("classification", re.IGNORECASE), PredictionKind.CLASSIFICATION),
    (re.compile("volatil", re.IGNORECASE), PredictionKind.VOLATILITY),
    (re.compile("log[- ]return", re.IGNORECASE), PredictionKind.LOG_RETURN),
)
_LONGEST_NAME = 200


class TopicName(NamedTuple):
    asset: str
    kind: PredictionKind
    horizon_s: int


def parse_topic_name(name: str) -> TopicName | None:
    """What a topic's name says it forecasts; nothing when it names no asset or no horizon.

    Only the name says it: there is no field, and the ground truth's lag in blocks has slack.
    """
    text = _CADENCE.sub("", name[:_LONGEST_NAME])
    horizon = _HORIZON.search(text)
    asset = next((found for found in _ASSET.findall(text) if found not in _NOT_ASSETS), None)
    if asset is None or horizon is None or int(horizon[1]) == 0:
        return None
    kind = next((kind for pattern, kind in _KINDS if pattern.search(text)), PredictionKind.PRICE)
    return TopicName(asset, kind, int(horizon[1]) * _SECONDS[horizon[2]])


def make_topic(network: str, row: TopicRow) -> Topic | None:
    """Nothing when the row's name says nothing we can use."""
    said = parse_topic_name(row.name)
    if said is None:
        return None
    return Topic(
        network=network,
        topic_id=row.topic_id,
        name=row.name,
        asset=said.asset,
        kind=said.kind,
        horizon_s=said.horizon_s,
        epoch_blocks=row.epoch_blocks,
        playground=_PLAYGROUND in row.name.upper(),
    )


def horizon_text(horizon_s: int) -> str:
    """20m, 8h, 24h, 7d."""
    for unit, seconds, least in (("d", 86400, 2), ("h", 3600, 1), ("m", 60, 1)):
        if horizon_s % seconds == 0 and horizon_s >= least * seconds:
            return f"{horizon_s // seconds}{unit}"
    return f"{horizon_s}s"


class Registry:
    """Topics by network, in the order of their ids."""

    def __init__(self, topics: Iterable[Topic]) -> None:
        self._topics = tuple(sorted(topics, key=lambda topic: (topic.network, topic.topic_id)))

    def topics(self, network: str) -> tuple[Topic, ...]:
        return tuple(topic for topic in self._topics if topic.network == network)

    def get(self, network: str, topic_id: int) -> Topic | None:
        return next((topic for topic in self.topics(network) if topic.topic_id == topic_id), None)

    def assets(self, network: str, kinds: Sequence[PredictionKind] = PRICED) -> frozenset[str]:
        return frozenset(topic.asset for topic in self._signals(network, kinds))

    def find(
        self,
        network: str,
        asset: str,
        horizon_s: int | None = None,
        kinds: Sequence[PredictionKind] = PRICED,
    ) -> Topic:
        """The topic for exactly this horizon; horizons are never rescaled. Raises NotCovered.

        Asked for none, it takes the shortest of an hour or more, because less is largely gone when it
        arrives; where all are shorter, the shortest. Of several topics it takes the kind named first, then
        the one asked most often, then the newest. Playground topics are never chosen: anyone may answer
        them, without penalty.
        """
        known = [topic for topic in self._signals(network, kinds) if topic.asset == asset]
        if not known:
            raise self._no_asset(network, asset, kinds)
        horizons = sorted({topic.horizon_s for topic in known})
        wanted = _default_horizon(horizons) if horizon_s is None else horizon_s
        if wanted not in horizons:
            there_are = ", ".join(map(horizon_text, horizons))
            raise NotCovered(
                SOURCE,
                f"no topic of Allora's {network} for {asset} in {horizon_text(wanted)}, only {there_are}",
            )
        return min(
            (topic for topic in known if topic.horizon_s == wanted),
            key=lambda topic: (kinds.index(topic.kind), topic.epoch_blocks, -topic.topic_id),
        )

    def _signals(self, network: str, kinds: Sequence[PredictionKind]) -> list[Topic]:
        return [topic for topic in self.topics(network) if topic.kind in kinds and not topic.playground]

    def _no_asset(self, network: str, asset: str, kinds: Sequence[PredictionKind]) -> NotCovered:
        topics = self._signals(network, kinds)
        covered = ", ".join(sorted({topic.asset for topic in topics})) or "nothing"
        horizons = ", ".join(map(horizon_text, sorted({topic.horizon_s for topic in topics})))
        return NotCovered(
            SOURCE,
            f"no topic of Allora's {network} covers {asset}; covered: {covered} ({horizons})",
            hint="defi topics list",
        )


@cache
def bundled_registry() -> Registry:
    text = files(__package__).joinpath("topics.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    topics = (
        make_topic(row["network"], TopicRow(int(row["topic_id"]), row["name"], int(row["epoch_blocks"])))
        for row in rows
    )
    return Registry(topic for topic in topics if topic)


def _default_horizon(ascending: Sequence[int]) -> int:
    return next((horizon for horizon in ascending if horizon >= _SHORTEST_DEFAULT_S), ascending[0])
