"""Allora's chain over REST: network inferences whose skill is known.

Source: the queries of emissions.v10 as the chain's gateway writes them; topics as on mainnet.
"""

import math
from decimal import Decimal
from typing import Any, NamedTuple

from defi_analytics.sandbox.gateway import Code, Refused, Route, answered
from defi_analytics.sandbox.moment import Moment
from defi_analytics.sandbox.node import block, timestamp
from defi_analytics.sandbox.prices import Noise
from defi_analytics.sandbox.server import Request, Response
from defi_analytics.sandbox.world import World

PREFIX = "/allora"
CHAIN_ID = "allora-sandbox-1"
_FIRST_HEIGHT = 9_000_000
_BLOCK_S = 5.85
"""Nine of the exchange's blocks where those take 0.65 s."""
_WINDOW = 12
"""Blocks that workers have to submit in, after which an inference is known."""
_KEPT = 20_000
_BOLDNESS = 0.2
"""Size of a forecast without skill, as a fraction of a typical move."""
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


class Topic(NamedTuple):
    topic_id: int
    asset: str
    name: str
    epoch_blocks: int
    horizon_s: int
    log_return: bool


TOPICS = {
    topic.topic_id: topic
    for topic in (
        Topic(1, "BTC", "BTC/USD - Log Returns - 8h", 75, 28_800, log_return=True),
        Topic(2, "ETH", "ETH/USD - Log Returns - 8h", 75, 28_800, log_return=True),
        Topic(3, "SOL", "SOL/USD - Log Returns - 8h", 75, 28_800, log_return=True),
        Topic(9, "ETH", "ETH/USD - Price Prediction - 8h", 60, 28_800, log_return=False),
        Topic(10, "SOL", "SOL/USD - Price Prediction - 8h", 60, 28_800, log_return=False),
        Topic(14, "BTC", "BTC/USD - Price Prediction - 8h", 60, 28_800, log_return=False),
    )
}
_NEXT_ID = 24


class Forecast(NamedTuple):
    """One epoch of one topic, in the topic's unit."""

    nonce: int
    combined: float
    workers: tuple[tuple[str, float], ...]
    actual: float
    """What will truly happen: the fair price, or its log return, a horizon after the nonce."""


def respond(request: Request, moment: Moment) -> Response:
    return answered(_ROUTES, request, moment)


def forecast(world: World, topic: Topic, nonce: int) -> Forecast:
    """Correlated with the outcome by the world's skill, and about as bold as that skill deserves.

    In a calm world no move is foretold, for a forecast that knows better than the market is an edge.
    """
    start = math.floor(_since(nonce) / world.block_s + 1e-6)
    end = start + round(topic.horizon_s / world.block_s)
    base, target = world.prices.usd(topic.asset, start), world.prices.usd(topic.asset, end)
    deviation = world.prices.path(topic.asset).deviation(end - start)
    noise = world.forecasts.fork(topic.topic_id).fork(nonce)
    actual = math.log(target / base)
    error = deviation * noise.normal(0) * math.sqrt(1 - world.skill**2)
    boldness = 0.0 if world.calm else max(world.skill, _BOLDNESS)
    combined = boldness * (world.skill * actual + error)
    workers = _workers(world, topic, combined, deviation)
    if not topic.log_return:
        combined, actual = base * math.exp(combined), target
        workers = tuple((name, base * math.exp(value)) for name, value in workers)
    return Forecast(nonce, combined, workers, actual)


def latest_nonce(world: World, topic: Topic, block_number: int) -> int:
    """The newest epoch whose window has closed by this block of the exchange's chain."""
    return (_height(world, block_number) - _WINDOW) // topic.epoch_blocks * topic.epoch_blocks


def _height(world: World, block_number: int) -> int:
    return _FIRST_HEIGHT + math.floor(block_number * world.block_s / _BLOCK_S + 1e-6)


def _since(height: int) -> float:
    """Seconds from the world's block 0 to this one of Allora's."""
    return (height - _FIRST_HEIGHT) * _BLOCK_S


def _workers(world: World, topic: Topic, combined: float, deviation: float) -> tuple[tuple[str, float], ...]:
    """Five to twelve log returns that scatter around the combined one."""
    members = world.forecasts.fork(1000 + topic.topic_id)
    count = 5 + members.bits(0) % 8
    names = [_address(members.fork(n + 1)) for n in range(count)]
    scatter = [0.15 * deviation * members.fork(n + 1).normal(round(combined * 1e9)) for n in range(count)]
    return tuple((name, combined + error) for name, error in zip(names, scatter, strict=True))


def _address(noise: Noise) -> str:
    return "allo1" + "".join(_BECH32[noise.bits(n) % 32] for n in range(38))


def _topic(topic_id: str) -> Topic:
    if not topic_id.isdecimal():
        raise Refused(Code.INVALID_ARGUMENT, f"type mismatch, parameter: topic_id: {topic_id!r}")
    topic = TOPICS.get(int(topic_id[:9]))
    if topic is None:
        raise Refused(Code.NOT_FOUND, f"topic {topic_id} not found")
    return topic


def _latest(moment: Moment, request: Request, topic_id: str) -> Any:
    topic = _topic(topic_id)
    return _inferences(moment.world, topic, latest_nonce(moment.world, topic, moment.block))


def _at_nonce(moment: Moment, request: Request, topic_id: str, nonce: str) -> Any:
    topic = _topic(topic_id)
    latest = latest_nonce(moment.world, topic, moment.block)
    known = nonce.isdecimal() and latest - _KEPT <= int(nonce) <= latest
    if not known or int(nonce) % topic.epoch_blocks:
        raise Refused(Code.NOT_FOUND, f"no inferences of topic {topic_id} at block {nonce}")
    return _inferences(moment.world, topic, int(nonce))


def _inferences(world: World, topic: Topic, nonce: int) -> dict[str, Any]:
    made = forecast(world, topic, nonce)
    values = [value for _, value in made.workers]
    naive = sum(values) / len(values)
    return {
        "network_inferences": {
            "topic_id": str(topic.topic_id),
            "nonce": str(nonce),
            "combined_value": _labeled(made.combined),
            "inferer_values": [{"worker": name, "values": _labeled(value)} for name, value in made.workers],
            "forecaster_values": [{"worker": _address(Noise(nonce)), "values": _labeled(made.combined)}],
            "naive_value": _labeled(naive),
            "one_out_inferer_values": [
                {
                    "withheld_inferer": name,
                    "combined_inference": _labeled((sum(values) - value) / (len(values) - 1)),
                }
                for name, value in made.workers
            ],
            "one_out_forecaster_values": [],
            "one_in_forecaster_values": [],
            "one_out_inferer_forecaster_values": [],
        },
        "inference_block_height": str(nonce),
    }


def _labeled(value: float) -> list[dict[str, Any]]:
    """The chain's decimals have 34 significant digits."""
    return [{"label_id": 1, "label_name": "y", "value": f"{Decimal(value):.30f}"}]


def _is_active(moment: Moment, request: Request, topic_id: str) -> Any:
    if not topic_id.isdecimal() or not 0 < int(topic_id[:9]) < _NEXT_ID:
        raise Refused(Code.NOT_FOUND, f"topic {topic_id} not found")
    return {"is_active": int(topic_id) in TOPICS}


def _topic_row(moment: Moment, request: Request, topic_id: str) -> Any:
    topic = _topic(topic_id)
    return {
        "topic": {
            "id": str(topic.topic_id),
            "creator": _address(Noise(topic.topic_id)),
            "metadata": topic.name,
            "loss_method": "czar" if topic.log_return else "mse",
            "epoch_last_ended": str(latest_nonce(moment.world, topic, moment.block)),
            "epoch_length": str(topic.epoch_blocks),
            "ground_truth_lag": str(topic.horizon_s * 10 // 59),
            "p_norm": "3.0",
            "alpha_regret": "0.1",
            "allow_negative": topic.log_return,
            "epsilon": "0.01",
            "worker_submission_window": str(_WINDOW),
        },
        "weight": "1000000.0",
        "effective_revenue": "0.0",
        "topic_stake": "1000000000000000000",
    }


def _next_topic_id(moment: Moment, request: Request) -> Any:
    return {"next_topic_id": str(_NEXT_ID)}


def _latest_block(moment: Moment, request: Request) -> Any:
    return _block(moment, _height(moment.world, moment.block))


def _block_at(moment: Moment, request: Request, height: str) -> Any:
    latest = _height(moment.world, moment.block)
    if not height.isdecimal() or int(height[:18]) > latest:
        raise Refused(Code.INVALID_ARGUMENT, "requested block height is bigger then the chain length")
    if int(height) < latest - _KEPT:
        raise Refused(Code.NOT_FOUND, f"block {height} is not available")
    return _block(moment, int(height))


def _block(moment: Moment, height: int) -> dict[str, Any]:
    return block(height, CHAIN_ID, timestamp(moment, _since(height) / moment.block_s))


_V10 = f"GET {PREFIX}/emissions/v10"
_BLOCKS_PATH = f"GET {PREFIX}/cosmos/base/tendermint/v1beta1/blocks"
_ROUTES = (
    Route(f"{_V10}/latest_network_inferences/{{topic}}", _latest),
    Route(f"{_V10}/latest_network_inferences_outlier_resistant/{{topic}}", _latest),
    Route(f"{_V10}/network_inferences/{{topic}}/last_inference/{{nonce}}", _at_nonce),
    Route(f"{_V10}/is_topic_active/{{topic}}", _is_active),
    Route(f"{_V10}/topics/{{topic}}", _topic_row),
    Route(f"{_V10}/next_topic_id", _next_topic_id),
    Route(f"{_BLOCKS_PATH}/latest", _latest_block),
    Route(f"{_BLOCKS_PATH}/{{height}}", _block_at),
)
