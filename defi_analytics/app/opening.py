"""Opens the parts for a run and closes them again, however it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import cache, partial
from pathlib import Path, PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from defi_analytics.app.parts import App
from defi_analytics.clock import WallClock
from defi_analytics.config.loaded import Loaded
from defi_analytics.config.settings import LoggingSettings, Settings
from defi_analytics.errors import DefiError, Unavailable
from defi_analytics.ports import Clock, HttpClient

if TYPE_CHECKING:
    from defi_analytics.http.policy import Policy
    from defi_analytics.venues.injective.networks import Network

INJECTIVE_RATE_PER_S = 20
"""The chain's limit per address. Source: api.injective.exchange, "Rate Limits"."""

STATUS_PATH = "/sandbox/status"


@asynccontextmanager
async def opened_app(
    loaded: Loaded,
    environ: Mapping[str, str],
    *,
    hold: bool = True,
    ask_all: bool = False,
    warn: Callable[[str], None] = lambda line: None,
) -> AsyncIterator[App]:
    """The parts, open; closed again however the run ends. A sandbox is started if none is running.

    `warn` is told in a line what a person should know of the parts that are made later on.
    """
    from defi_analytics.http.client import Http

    clock = WallClock()
    settings = trusted(loaded)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            Http(clock, policy_of(settings, ask_all=ask_all), _shared_limits(settings))
        )
        passing = False
        if settings.network == "sandbox":
            endpoints = await sandbox_endpoints(settings, http, clock, stack, hold=hold)
            passing = host_and_port(endpoints["lcd"]) != host_and_port(sandbox_url(settings))
            settings = pointed_at(settings, endpoints)
        key = cache(partial(_told_key, loaded, environ, warn))
        yield App(settings, http, clock, injective_network(settings), key, warn, passing)


def _shared_limits(settings: Settings) -> Path | None:
    """Where processes share limits; a sandbox is at another port each time, and limits nobody."""
    return None if settings.network == "sandbox" else settings.home / "hosts"


def policy_of(settings: Settings, *, ask_all: bool = False) -> "Policy":
    """How the one HTTP client behaves: the settings' limits and each host's own rate.

    `ask_all` asks hosts that keep failing too, though never one that asked us to wait.
    """
    from defi_analytics.http.policy import Policy

    own, network = settings.http, injective_network(settings)
    rates = {host_of(venue.url): venue.rate_per_s for venue in settings.venues.values() if venue.url}
    rates |= dict.fromkeys(
        map(host_of, (network.lcd_url, network.indexer_url, network.tm_url)), INJECTIVE_RATE_PER_S
    )
    return Policy(
        deadline_s=float(own.deadline_s),
        attempts=own.attempts,
        max_body_bytes=own.max_body_bytes,
        rate_per_s=own.rate_per_s,
        rates_per_s=rates | LOOPBACK_RATES_PER_S,
        breaker_failures=NEVER_RESTS if ask_all else Policy().breaker_failures,
    )


REFUSALS = frozenset({401, 403})
NEVER_RESTS = 1_000_000
"""Failures in a row that no run reaches."""
LOOPBACK_RATES_PER_S = dict.fromkeys(("127.0.0.1", "::1", "localhost"), 1000)
"""A sandbox, or a node of one's own: nobody's limit but this machine's."""


def host_and_port(url: str) -> str:
    return urlsplit(url).netloc


def host_of(url: str) -> str:
    return urlsplit(url).hostname or ""


def injective_network(settings: Settings) -> "Network":
    """The network's own addresses, with those that the settings replace."""
    from defi_analytics.venues.injective.networks import MAINNET, NETWORKS, SANDBOX_CHAIN, custom

    own = settings.injective
    if settings.network == "sandbox" and not own.lcd_url:
        return custom("sandbox", SANDBOX_CHAIN, sandbox_url(settings))
    known = NETWORKS.get(settings.network, MAINNET)
    if not (own.lcd_url or own.indexer_url or own.chart_url or own.tm_url):
        return known
    return custom(
        settings.network,
        SANDBOX_CHAIN if settings.network == "sandbox" else known.chain_id,
        own.lcd_url or known.lcd_url,
        own.indexer_url or known.indexer_url,
        [f"{own.chart_url}/api/chart/v1"] if own.chart_url else known.chart_urls,
        own.tm_url or known.tm_url,
    )


def allora_key(
    loaded: Loaded, environ: Mapping[str, str]
) -> tuple[Callable[[], str] | None, tuple[str, ...]]:
    """What reveals Allora's key when it is sent, if there is one, and what to warn of. Raises AuthError.

    The log learns to hide the key. A keyring is only asked where the settings say so: its backends are slow.
    """
    from defi_analytics.keys.api import VARIABLES, resolve, system_keyring
    from defi_analytics.log import hide

    asked = loaded.settings.allora.use_keyring
    if (
        not asked
        and "allora" not in loaded.secrets
        and not any(name in environ for name in VARIABLES["allora"])
    ):
        return None, ()
    keyring = system_keyring if asked else lambda service, name: None
    found = resolve("allora", environ, loaded.secrets.get("allora"), keyring)
    if found.secret is None:
        return None, found.warnings
    hide(found.secret.reveal())
    return found.secret.reveal, found.warnings


def _told_key(
    loaded: Loaded, environ: Mapping[str, str], warn: Callable[[str], None]
) -> Callable[[], str] | None:
    key, warnings = allora_key(loaded, environ)
    for warning in warnings:
        warn(warning)
    return key


def trusted(loaded: Loaded) -> Settings:
    """The settings without what a stranger's ./settings.yaml may not decide.

    A file that merely lies in the working folder says neither where a key is sent nor which file is written;
    `load` refuses one that moves `home`.
    """
    settings = loaded.settings
    allora, log = settings.allora, settings.logging
    if loaded.is_unasked("allora.allow_custom_host") or loaded.is_unasked("allora.base_url"):
        allora = replace(allora, allow_custom_host=False)
    path = PurePath(log.file_path)
    if loaded.is_unasked("logging.file_path") and (path.is_absolute() or ".." in path.parts):
        log = replace(log, file_path=LoggingSettings().file_path)
    return replace(settings, allora=allora, logging=log)


def sandbox_url(settings: Settings) -> str:
    return f"http://127.0.0.1:{settings.sandbox.port}"


async def sandbox_endpoints(
    settings: Settings, http: HttpClient, clock: Clock, stack: AsyncExitStack, *, hold: bool
) -> Mapping[str, str]:
    """Those of the sandbox that is running at the configured port, else of one started for this run."""
    from defi_analytics.sandbox.sandbox import Sandbox, endpoints_at

    if await asked_sandbox(http, f"{sandbox_url(settings)}{STATUS_PATH}") is not None:
        return endpoints_at(sandbox_url(settings))
    sandbox = Sandbox(settings.sandbox.seed, clock, hold=hold)
    return (await stack.enter_async_context(sandbox)).endpoints


async def asked_sandbox(http: HttpClient, url: str) -> bytes | None:
    """What a sandbox at this status address says of itself; nothing where none answers.

    A closed port is the usual case and must not cost any retries. Raises Unavailable where somebody has the
    port and does not answer: a sandbox of one's own instead would be another chain with the same accounts.
    """
    parts = urlsplit(url)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.close()
        return await http.get("sandbox", url)
    except Unavailable as error:
        if error.status in REFUSALS:
            return None  # someone else's service: ours needs no key
        raise
    except (OSError, DefiError):
        return None


def pointed_at(settings: Settings, endpoints: Mapping[str, str]) -> Settings:
    """The settings with every upstream that the sandbox imitates replaced by it."""
    venues = {name: replace(own, url=endpoints.get(name, own.url)) for name, own in settings.venues.items()}
    injective = replace(
        settings.injective,
        lcd_url=endpoints["lcd"],
        indexer_url=endpoints["indexer"],
        chart_url=endpoints["chart"],
        tm_url=endpoints.get("tm", endpoints["lcd"]),
    )
    allora = replace(settings.allora, lcd_url=endpoints["allora"], network="mainnet")
    return replace(settings, venues=venues, injective=injective, allora=allora)
