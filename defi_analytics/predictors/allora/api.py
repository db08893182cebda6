"""The keyed API: fewer figures than the chain (no workers), one host for both networks.

The consumer endpoint has no network in its path and answers for testnet's ids; its timestamp is the moment of
signing. So mainnet is read from the topics' rows, which also tell when an inference was made, and so are
log returns: a signed uint256 cannot be negative.
Source: allora_sdk 1.3.0 (PyPI); allora-sdk-go, client.api.go; docs.allora.network, "Quickstart: consume".
"""

import re
from collections.abc import AsyncIterator, Callable
from urllib.parse import urlsplit

from defi_analytics.domain.prediction import PredictionKind, Topic
from defi_analytics.domain.text import safe
from defi_analytics.errors import AuthError, Malformed, NotFound
from defi_analytics.ports import HttpClient
from defi_analytics.predictors.allora.api_wire import (
    ApiTopic,
    ConsumerInference,
    RowInference,
    parse_consumer,
    parse_row_inference,
    parse_topics_page,
)
from defi_analytics.predictors.allora.fields import SOURCE
from defi_analytics.predictors.allora.inference import Reading
from defi_analytics.predictors.allora.networks import find_network
from defi_analytics.predictors.allora.topics import make_topic

_API_URL = "https://api.allora.network/v2"
# Names the chain a signature is for. Off-chain it only has to be one the API knows.
_SIGNATURE_FORMAT = "ethereum-11155111"
_TRUSTED = (".allora.network", ".upshot.xyz")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_MOST_PAGES = 100
# What every parser of URLs reads alike: no user part, backslash, space or letter from elsewhere.
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(?:/[A-Za-z0-9._~/-]*)?")


class ApiSource:
    """`key` is called for each request and what it returns is kept nowhere.

    Raises AuthError when `base_url` is a host the key must not be shown to.
    """

    def __init__(
        self,
        http: HttpClient,
        key: Callable[[], str],
        network: str = "mainnet",
        base_url: str = _API_URL,
        *,
        allow_custom_host: bool = False,
    ) -> None:
        if not allow_custom_host:
            _check_host(base_url)
        self._http = http
        self._key = key
        self._url = base_url.rstrip("/")
        self._chain_id = find_network(network).chain_id
        self.network = find_network(network).name

    async def read(self, topic: Topic) -> Reading:
        """Raises NotFound when the topic has no inference."""
        listed = await self._listed(topic.topic_id)
        latest = parse_row_inference(listed.latest)
        if self.network == "testnet" and topic.kind is not PredictionKind.LOG_RETURN:
            return _from_consumer(await self._consumer(topic.topic_id), latest)
        if latest is None:
            raise NotFound(SOURCE, f"topic {topic.topic_id} has no inference yet")
        return Reading(value=latest.value, made_at=latest.made_at, naive=latest.naive)

    async def topic(self, topic_id: int) -> Topic:
        """Raises NotFound where there is no such topic, or its name does not say what it forecasts."""
        topic = make_topic(self.network, (await self._listed(topic_id)).row)
        if topic is None:
            raise NotFound(SOURCE, f"topic {topic_id} does not say which asset and horizon it forecasts")
        return topic

    async def topics(self) -> list[Topic]:
        """Every active topic whose name we understand."""
        made = [make_topic(self.network, listed.row) async for listed in self._rows() if listed.active]
        return [topic for topic in made if topic]

    async def _listed(self, topic_id: int) -> ApiTopic:
        async for listed in self._rows():
            if listed.row.topic_id == topic_id:
                return listed
        raise NotFound(SOURCE, f"no topic {topic_id} on {self.network}")

    async def _rows(self) -> AsyncIterator[ApiTopic]:
        token, seen = "", {""}
        for _ in range(_MOST_PAGES):
            params = {"continuation_token": token} if token else {}
            page = parse_topics_page(await self._get(f"allora/{self._chain_id}/topics", params))
            for listed in page.topics:
                yield listed
            token = page.next_token
            # The last page has no token. One that was already used would turn in circles.
            if token in seen:
                return
            seen.add(token)

    async def _consumer(self, topic_id: int) -> ConsumerInference:
        params = {"allora_topic_id": str(topic_id), "inference_value_type": "uint256"}
        inference = parse_consumer(await self._get(f"allora/consumer/{_SIGNATURE_FORMAT}", params))
        if inference.topic_id != topic_id:
            raise Malformed(SOURCE, f"asked for topic {topic_id}, got topic {inference.topic_id}")
        return inference

    async def _get(self, path: str, params: dict[str, str]) -> bytes:
        return await self._http.get(
            SOURCE, f"{self._url}/{path}", params, {"x-api-key": _usable(self._key())}
        )


def _from_consumer(inference: ConsumerInference, latest: RowInference | None) -> Reading:
    if latest is None:
        return Reading(
            value=inference.value,
            made_at=inference.signed_at,
            knots=inference.percentiles,
            age_proven=False,
            notes=("the API tells when it signed, not when the network inferred",),
        )
    return Reading(
        value=inference.value, made_at=latest.made_at, naive=latest.naive, knots=inference.percentiles
    )


def _usable(key: str) -> str:
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise AuthError("the Allora API key is empty or holds characters a key cannot hold")
    return key


def _check_host(base_url: str) -> None:
    hint = "use https and a host of allora.network, or allow custom hosts"
    try:
        parts = urlsplit(base_url)
        host = parts.hostname or ""
    except ValueError as error:
        raise AuthError("the Allora API URL cannot be read", hint=hint) from error
    trusted = parts.scheme == "https" and host.endswith(_TRUSTED)
    loopback = parts.scheme in {"http", "https"} and host in _LOOPBACK
    if not _PLAIN_URL.fullmatch(base_url) or not (trusted or loopback):
        raise AuthError(f"the Allora API key is not sent to {safe(host, 80)}", hint=hint)
