"""Which list of Allora's topics is in force: the one that comes with `defi`, or a newer one that was kept."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from defi_analytics.config.settings import Settings
from defi_analytics.domain.prediction import Topic
from defi_analytics.errors import WrongState
from defi_analytics.predictors.allora.kept_topics import keep, kept, path_of
from defi_analytics.predictors.allora.topics import BUNDLED_AT, Registry, bundled_registry


class TopicList(NamedTuple):
    registry: Registry
    at: datetime
    """When the network listed these."""
    origin: str
    """For a person: where the list comes from."""


def topic_list(settings: Settings, warn: Callable[[str], None]) -> TopicList:
    """The newest list known without asking; `warn` is told of one that was kept but cannot be used."""
    bundled = bundled_registry()
    if settings.network == "sandbox":
        from defi_analytics.sandbox.allora import TOPICS

        imitated = (topic for topic in bundled.topics("mainnet") if topic.topic_id in TOPICS)
        return TopicList(Registry(imitated), BUNDLED_AT, "the sandbox")
    network = settings.allora.network
    try:
        found = kept(settings.home, network)
    except WrongState as error:
        warn(f"{error.message}: using the list that comes with defi ({error.hint})")
        found = None
    if found is None or found.at <= BUNDLED_AT:
        return TopicList(bundled, BUNDLED_AT, "it comes with defi")
    return TopicList(Registry(found.topics), found.at, str(path_of(settings.home, network)))


def keep_topics(settings: Settings, at: datetime, topics: Sequence[Topic]) -> None:
    """For later commands; never those of the sandbox, which are not the real ones. Raises WrongState."""
    if settings.network != "sandbox":
        keep(settings.home, settings.allora.network, at, topics)
