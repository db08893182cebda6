"""What Allora publishes beside its network: lists of topics and endpoints, and candles (the ground truth).

Source: docs.allora.network/api/topics.json and networks.json; forge-data.allora.run ("Allora Atlas").
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from defi_analytics.domain.book import Candle
from defi_analytics.predictors.allora.fields import decode, instant, malformed, whole
from defi_analytics.predictors.allora.wire import TopicRow


class _Topic(msgspec.Struct, gc=False):
    network: str
    id: int
    metadata: str
    epoch_length: int
    loss_method: str
    sandbox: bool


class _Topics(msgspec.Struct, gc=False):
    topics: list[_Topic]


class _Network(msgspec.Struct, gc=False):
    chain_id: str
    lcd: str
    emissions_namespace: str


class _Networks(msgspec.Struct, gc=False):
    networks: dict[str, _Network]


class _Prices(msgspec.Struct, gc=False):
    open: float
    high: float
    low: float
    close: float
    volume: float


class _Row(msgspec.Struct, gc=False):
    """One-minute rows hold their prices in `values`, resampled ones beside the time."""

    timestamp: str
    values: _Prices | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    close: float | None = None
    volume: float | None = None


class _Rows(msgspec.Struct, gc=False):
    results: list[_Row]


class _Dataset(msgspec.Struct, gc=False):
    name: str


class _Datasets(msgspec.Struct, gc=False):
    results: list[_Dataset]


class PublishedTopic(NamedTuple):
    network: str
    row: TopicRow
    loss: str
    sandbox: bool


class Endpoint(NamedTuple):
    chain_id: str
    lcd_url: str
    emissions: str
    """`v10`, say, when the list was made."""


def parse_published_topics(body: bytes) -> tuple[PublishedTopic, ...]:
    """Every active topic of both networks, as the documentation lists them."""
    with malformed("published topics"):
        return tuple(
            PublishedTopic(
                topic.network,
                TopicRow(whole(topic.id), topic.metadata, whole(topic.epoch_length)),
                topic.loss_method,
                topic.sandbox,
            )
            for topic in decode(body, _Topics).topics
        )


def parse_published_networks(body: bytes) -> Mapping[str, Endpoint]:
    """Endpoints by network name."""
    with malformed("published networks"):
        return {
            name: Endpoint(
                network.chain_id, network.lcd.rstrip("/"), network.emissions_namespace.rpartition("/")[2]
            )
            for name, network in decode(body, _Networks).networks.items()
        }


def parse_atlas_candles(body: bytes) -> tuple[Candle, ...]:
    """`/rows/`, of any resolution, oldest first. Prices are USD."""
    with malformed("candles"):
        return tuple(sorted((_candle(row) for row in decode(body, _Rows).results), key=lambda c: c.at))


def parse_atlas_datasets(body: bytes) -> tuple[str, ...]:
    """Names to ask `/rows/` for, such as `tiingo_btcusd_1min`."""
    with malformed("datasets"):
        return tuple(dataset.name for dataset in decode(body, _Datasets).results)


def _candle(row: _Row) -> Candle:
    prices = row.values or row
    figures = [prices.open, prices.high, prices.low, prices.close, prices.volume]
    known = [figure for figure in figures if figure is not None and figure >= 0]
    if len(known) != len(figures):
        raise ValueError("a candle lacks a price, or has a negative one")
    return Candle(instant(row.timestamp), *known)
