from urllib.parse import urlsplit

from defi_analytics.venues.injective.networks import MAINNET, NETWORKS, TESTNET, custom


def test_mainnet_and_testnet_share_no_address_and_no_chain():
    def hosts(network):
        return {
            urlsplit(u).netloc
            for u in (network.lcd_url, network.indexer_url, network.tm_url, *network.chart_urls)
        }

    assert not hosts(MAINNET) & hosts(TESTNET)
    assert (MAINNET.chain_id, TESTNET.chain_id) == ("injective-1", "injective-888")
    assert NETWORKS == {"mainnet": MAINNET, "testnet": TESTNET}


def test_the_public_addresses_are_https_and_try_chart_before_chronos():
    for network in NETWORKS.values():
        assert all(
            u.startswith("https://")
            for u in (network.lcd_url, network.indexer_url, network.tm_url, *network.chart_urls)
        )
        assert [u.rsplit("/", 2)[1] for u in network.chart_urls] == ["chart", "chart", "chronos"]


def test_one_address_can_be_a_whole_network():
    sandbox = custom("sandbox", "injective-777", "http://127.0.0.1:8080/")
    assert sandbox.lcd_url == sandbox.indexer_url == "http://127.0.0.1:8080"
    assert sandbox.chart_urls == (
        "http://127.0.0.1:8080/api/chart/v1",
        "http://127.0.0.1:8080/api/chronos/v1",
    )


def test_a_network_may_have_each_service_elsewhere():
    network = custom("mine", "x", "https://a", "https://b/", ["https://c/v1/"])
    assert (network.indexer_url, network.chart_urls) == ("https://b", ("https://c/v1",))
