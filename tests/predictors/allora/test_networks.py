import pytest

from defi_analytics.errors import ConfigError
from defi_analytics.predictors.allora.networks import NETWORKS, find_network
from defi_analytics.predictors.allora.published import parse_published_networks
from tests.predictors.allora.payloads import sample


def test_the_networks_are_those_that_are_published():
    published = parse_published_networks(sample("docs_networks_2026-07-31.json"))
    known = {name: (network.chain_id, network.lcd_url) for name, network in NETWORKS.items()}
    assert known == {name: (network.chain_id, network.lcd_url) for name, network in published.items()}


def test_an_unknown_network_lists_the_known_ones():
    with pytest.raises(ConfigError, match="there are mainnet, testnet"):
        find_network("devnet")
