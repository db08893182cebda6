"""What no single setting can tell: settings that contradict each other."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from defi_analytics.config.settings import Settings
from defi_analytics.config.tree import Node, Trail, dotted, found
from defi_analytics.errors import ConfigError
from defi_analytics.keys.api import may_receive_key


def check(settings: Settings, tree: Node) -> tuple[str, ...]:
    """Warnings about the whole. Raises ConfigError with every contradiction."""
    violations = tuple(
        f"{found(tree, trail).where}: {dotted(trail)}: {text}" for trail, text in _contradictions(settings)
    )
    if violations:
        raise ConfigError("the settings contradict each other", violations=violations)
    url = settings.allora.base_url
    if may_receive_key(url, allow_custom_host=settings.allora.allow_custom_host):
        return ()
    where = found(tree, ("allora", "base_url")).where
    return (
        f"{where}: allora.base_url: the key is not sent to {url} unless allora.allow_custom_host is true",
    )


def _contradictions(settings: Settings) -> Iterator[tuple[Trail, str]]:
    yield from _endpoints(settings)
    for index, name in enumerate(settings.scan.against):
        if name not in settings.venues:
            yield ("scan", "against", index), f"{name}: {fees_wanted(name)}"
    seen: dict[str, int] = {}
    for index, market in enumerate(settings.injective.markets):
        trail: Trail = ("injective", "markets", index)
        if market.max_trade_size is not None and market.max_trade_size < market.min_trade_size:
            yield (
                (*trail, "max_trade_size"),
                f"must be ≥ min_trade_size ({market.min_trade_size}), got {market.max_trade_size}",
            )
        if seen.setdefault(market.id, index) != index:
            yield (*trail, "id"), f"{market.id} is already listed as injective.markets[{seen[market.id]}]"


def fees_wanted(venue: str) -> str:
    """How to make a venue that is not ours usable."""
    return f"its fees are not known: set venues.{venue}.taker_fee and venues.{venue}.maker_fee"


def _endpoints(settings: Settings) -> Iterator[tuple[Trail, str]]:
    """Mainnet prices on a testnet run, or the reverse, would look real."""
    for name in ("lcd_url", "indexer_url", "chart_url", "tm_url"):
        host = urlsplit(getattr(settings.injective, name)).hostname or ""
        if not host.endswith(".injective.network"):
            continue
        network = "testnet" if "testnet" in host.split(".") else "mainnet"
        if network != settings.network:
            yield ("injective", name), f"{host} is {network}, but injective.network is {settings.network}"
