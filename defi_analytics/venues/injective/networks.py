"""Where each Injective network answers without a key.

Source: injective-py 1.16.2 core/network.py, injective-ts packages/networks/src/endpoints.ts.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    name: str
    chain_id: str
    lcd_url: str
    """The chain's REST gateway."""
    indexer_url: str
    """The indexer's host: its REST paths start at /api/exchange."""
    chart_urls: tuple[str, ...]
    """Roots of the candle service, likeliest first: it moved from chronos to chart, and both are in use."""
    tm_url: str = ""
    """CometBFT's RPC over HTTP: what every block did."""


MAINNET = Network(
    name="mainnet",
    chain_id="injective-1",
    lcd_url="https://sentry.lcd.injective.network",
    indexer_url="https://sentry.exchange.grpc-web.injective.network",
    chart_urls=(
        "https://sentry.exchange.grpc-web.injective.network/api/chart/v1",
        "https://k8s.global.mainnet.chart.grpc-web.injective.network/api/chart/v1",
        "https://sentry.exchange.grpc-web.injective.network/api/chronos/v1",
    ),
    tm_url="https://sentry.tm.injective.network",
)
TESTNET = Network(
    name="testnet",
    chain_id="injective-888",
    lcd_url="https://testnet.sentry.lcd.injective.network",
    indexer_url="https://testnet.sentry.exchange.grpc-web.injective.network",
    chart_urls=(
        "https://k8s.testnet.chart.grpc-web.injective.network/api/chart/v1",
        "https://testnet.sentry.exchange.grpc-web.injective.network/api/chart/v1",
        "https://testnet.sentry.exchange.grpc-web.injective.network/api/chronos/v1",
    ),
    tm_url="https://testnet.sentry.tm.injective.network",
)
SANDBOX_CHAIN = "injective-777"
"""Not mainnet's: what is signed for the sandbox is worthless elsewhere."""
NETWORKS = {network.name: network for network in (MAINNET, TESTNET)}


def custom(
    name: str,
    chain_id: str,
    lcd_url: str,
    indexer_url: str = "",
    chart_urls: Sequence[str] = (),
    tm_url: str = "",
) -> Network:
    """A network of one's own, such as a sandbox: one address may serve as all that a network has."""
    lcd, indexer = lcd_url.rstrip("/"), (indexer_url or lcd_url).rstrip("/")
    charts = tuple(url.rstrip("/") for url in chart_urls) or (
        f"{indexer}/api/chart/v1",
        f"{indexer}/api/chronos/v1",
    )
    return Network(name, chain_id, lcd, indexer, charts, (tm_url or lcd_url).rstrip("/"))
