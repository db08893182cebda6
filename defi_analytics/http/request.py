import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_address

import httpx

from defi_analytics import __version__
from defi_analytics.http.host_state import Host

Params = Mapping[str, str] | Sequence[tuple[str, str]]

PORTS = {"http": 80, "https": 443}
LAST_PORT = 65_535
LONGEST_PLACE = 120
_DEFAULTS = {
    "accept": "application/json",
    "accept-encoding": "gzip",
    "user-agent": f"defi-analytics/{__version__}",
}
CREDENTIALS = frozenset({"authorization", "x-api-key"})
"""Headers that say who we are."""
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?", re.ASCII)
_FIELD_NAME = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
_FIELD_VALUE = re.compile(r"[^\x00-\x1f\x7f]{0,8192}")


def built(
    method: str, url: str, params: Params | None, headers: Mapping[str, str], content: bytes
) -> httpx.Request:
    """A request we are willing to send. Raises ValueError, whose text repeats no part of it."""
    pairs = list(params.items() if isinstance(params, Mapping) else params or ())
    try:
        target = httpx.URL(url, params=pairs) if pairs else httpx.URL(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise ValueError("not a URL") from None
    _check_url(target)
    fields = {**_DEFAULTS, **{name.lower(): value for name, value in headers.items()}}
    return httpx.Request(method, target, headers=_encoded(fields), content=content or None)


def host_of(request: httpx.Request) -> Host:
    url = request.url
    return Host(url.raw_host.decode("ascii"), url.port or PORTS[url.scheme])


def carries_key(request: httpx.Request) -> bool:
    return not CREDENTIALS.isdisjoint(request.headers)


def place_of(request: httpx.Request) -> str:
    """Host and path, which is all that an error may tell about a request; percent-encoded, so harmless."""
    path = request.url.raw_path.partition(b"?")[0].decode("ascii")
    return f"{request.url.netloc.decode('ascii')}{path}"[:LONGEST_PLACE]


def _check_url(url: httpx.URL) -> None:
    host = url.raw_host.decode("ascii")
    if url.scheme not in PORTS:
        raise ValueError("neither https nor http")
    if url.userinfo:
        raise ValueError("a URL that carries a user or password")
    if not (":" in host or _HOST_NAME.fullmatch(host)):
        raise ValueError("a URL without a proper host name")
    if not 0 < (url.port or PORTS[url.scheme]) <= LAST_PORT:
        raise ValueError("a URL with an impossible port")
    if url.scheme == "http" and not _is_loopback(host):
        raise ValueError("plain http to another machine: use https")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _encoded(fields: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    for name, value in fields.items():
        if not (_FIELD_NAME.fullmatch(name) and _FIELD_VALUE.fullmatch(value)):
            raise ValueError("a header with control characters, or too long")
    try:
        return [(name.encode("ascii"), value.encode("utf-8")) for name, value in fields.items()]
    except UnicodeEncodeError:
        raise ValueError("a header that is not text") from None
