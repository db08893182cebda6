"""The chain's own answer, with every worker's value; needs no key.

Source: docs.allora.network, "Allora API endpoint"; allora-chain x/emissions/proto query services.
"""

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from defi_analytics.domain.prediction import Topic
from defi_analytics.domain.text import safe
from defi_analytics.errors import DataError, Malformed, NotFound, Unavailable
from defi_analytics.ports import HttpClient
from defi_analytics.predictors.allora.fields import SHOWN_CHARACTERS, SOURCE
from defi_analytics.predictors.allora.inference import ChainInference, Reading
from defi_analytics.predictors.allora.networks import find_network
from defi_analytics.predictors.allora.topics import make_topic
from defi_analytics.predictors.allora.wire import (
    TopicRow,
    parse_block_time,
    parse_is_active,
    parse_network_inference,
    parse_next_topic_id,
    parse_topic,
)

_VERSIONS = ("v10", "v9", "v11")
_CONCURRENT_TOPICS = 5
_NOT_IMPLEMENTED = 501
# gRPC code 12 (unimplemented) as a 404, of whose JSON the error holds a part: some gateways never say 501.
_UNIMPLEMENTED = re.compile(r"\"code\"\s*:\s*12\b|not implemented|unknown service", re.IGNORECASE)


class LcdSource:
    """Reads one network's LCD. Learns which emissions version it speaks and remembers it."""

    def __init__(
        self,
        http: HttpClient,
        network: str = "mainnet",
        lcd_url: str = "",
        versions: Sequence[str] = _VERSIONS,
    ) -> None:
        self._http = http
        self._url = (lcd_url or find_network(network).lcd_url).rstrip("/")
        self._versions = tuple(versions)
        self.network = find_network(network).name

    async def read(self, topic: Topic) -> Reading:
        """The newest network inference; two round trips, the second of two requests at once.

        Raises NotFound for a topic the chain does not know, Malformed for a classification.
        """
        topic_id = topic.topic_id
        inference = await self._inference("latest_network_inferences", topic_id)
        made_at, resistant = await asyncio.gather(
            self._block_time(inference.nonce),
            self._outlier_resistant(topic_id, inference.nonce),
            return_exceptions=True,
        )
        if isinstance(made_at, BaseException):
            raise made_at
        if isinstance(resistant, BaseException):
            raise resistant
        value, notes = resistant
        return Reading(
            value=inference.combined,
            made_at=made_at,
            naive=inference.naive,
            outlier_resistant=value,
            knots=inference.knots(),
            inferers=len(inference.inferers),
            forecasters=len(inference.forecasters),
            notes=notes,
        )

    async def topic(self, topic_id: int) -> Topic:
        """Raises NotFound where the chain has no such topic, or its name does not say what it forecasts."""
        row = await self._row(topic_id)
        topic = make_topic(self.network, row)
        if topic is None:
            raise NotFound(SOURCE, f"topic {topic_id} does not say which asset and horizon it forecasts")
        return topic

    async def topics(self) -> list[Topic]:
        """Every active topic whose name we understand, asked one by one: the chain has no list of them."""
        end = parse_next_topic_id(await self._emissions("next_topic_id"))
        gate = asyncio.Semaphore(_CONCURRENT_TOPICS)

        async def active_topic(topic_id: int) -> Topic | None:
            async with gate:
                if not parse_is_active(await self._emissions(f"is_topic_active/{topic_id}")):
                    return None
                return make_topic(self.network, await self._row(topic_id))

        tasks = [asyncio.create_task(active_topic(topic_id)) for topic_id in range(1, end)]
        try:
            return [topic for topic in await asyncio.gather(*tasks) if topic]
        finally:
            for task in tasks:
                task.cancel()

    async def _row(self, topic_id: int) -> TopicRow:
        row = parse_topic(await self._emissions(f"topics/{topic_id}"))
        _same_topic(row.topic_id, topic_id)
        return row

    async def _inference(self, endpoint: str, topic_id: int) -> ChainInference:
        inference = parse_network_inference(await self._emissions(f"{endpoint}/{topic_id}"))
        _same_topic(inference.topic_id, topic_id)
        return inference

    async def _outlier_resistant(self, topic_id: int, nonce: int) -> tuple[Decimal | None, tuple[str, ...]]:
        try:
            inference = await self._inference("latest_network_inferences_outlier_resistant", topic_id)
        except DataError as error:
            return None, (f"no outlier-resistant value: {safe(error.message, SHOWN_CHARACTERS)}",)
        if inference.nonce != nonce:
            return None, ("no outlier-resistant value: it is of another epoch",)
        return inference.combined, ()

    async def _block_time(self, height: int) -> datetime:
        url = f"{self._url}/cosmos/base/tendermint/v1beta1/blocks/{height}"
        return parse_block_time(await self._http.get(SOURCE, url), height)

    async def _emissions(self, path: str) -> bytes:
        for version in self._versions:
            try:
                body = await self._http.get(SOURCE, f"{self._url}/emissions/{version}/{path}")
            except DataError as error:
                if not _version_unknown(error):
                    raise
            else:
                self._versions = (version, *(other for other in self._versions if other != version))
                return body
        raise Unavailable(SOURCE, f"{self._url} speaks none of emissions {', '.join(self._versions)}")


def _version_unknown(error: DataError) -> bool:
    if isinstance(error, NotFound):
        return bool(_UNIMPLEMENTED.search(error.message))
    return error.status == _NOT_IMPLEMENTED


def _same_topic(answered: int, asked: int) -> None:
    if answered != asked:
        raise Malformed(SOURCE, f"asked for topic {asked}, got topic {answered}")
