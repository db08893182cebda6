"""Where Allora's two networks answer. Source: docs.allora.network/api/networks.json, 2026-07-31."""

from typing import NamedTuple

from defi_analytics.errors import ConfigError


class Network(NamedTuple):
    name: str
    chain_id: str
    lcd_url: str


NETWORKS = {
    network.name: network
    for network in (
        Network("mainnet", "allora-mainnet-1", "https://allora-api.mainnet.allora.network"),
        Network("testnet", "allora-testnet-1", "https://allora-api.testnet.allora.network"),
    )
}


def find_network(name: str) -> Network:
    """Raises ConfigError."""
    if name not in NETWORKS:
        raise ConfigError(f"Allora has no network {name!r}; there are {', '.join(NETWORKS)}")
    return NETWORKS[name]
