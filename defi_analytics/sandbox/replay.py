r"""Serves recorded payloads instead of a simulated world.

A recording is a folder with an `index.json` that maps requests to files in it:

    {
      "GET /injective/exchange/v2/spot/full_markets": "full_markets.json",
      "GET /injective/exchange/v2/spot/orderbook/0xabc?limit=50": "book.json",
      "POST /hyperliquid/info {\"type\": \"l2Book\"}": "inj.json",
      "GET /allora/emissions/v10/topics/14": {"file": "gone.txt", "status": 404, "content_type": "text/plain"}
    }

A key is "METHOD path", then optionally "?query" and a JSON object. A request matches when method and path
are equal, it has all of the key's query pairs (it may have more), and its JSON body has all of the object's
members, at any depth. Of several matches the one that demands most wins. No match is a 404 that says so.
"""

import re
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from defi_analytics.errors import ConfigError
from defi_analytics.sandbox.gateway import json_response
from defi_analytics.sandbox.server import Request, Response

_KEY = re.compile(r"(?P<method>[A-Z]+) (?P<path>/[^? ]*)(\?(?P<query>[^ ]*))?( (?P<body>\{.*\}))?", re.DOTALL)


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file: str
    status: int = 200
    content_type: str = "application/json"


class _Recorded(NamedTuple):
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    body: dict[str, Any]
    response: Response

    def match(self, request: Request, body: Any) -> bool:
        return (
            (self.method, self.path) == (request.method, request.path)
            and set(self.query) <= set(request.query)
            and _contains(body, self.body)
        )

    @property
    def demands(self) -> int:
        return len(self.query) + _members(self.body)


class Recording:
    """A folder's payloads, all read at once. Raises ConfigError naming everything that is wrong with it."""

    def __init__(self, folder: Path) -> None:
        try:
            index = msgspec.json.decode((folder / "index.json").read_bytes(), type=dict[str, str | _Entry])
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigError(f"{folder / 'index.json'}: {error}") from error
        self._recorded: list[_Recorded] = []
        problems = []
        for key, value in index.items():
            try:
                entry = _Entry(value) if isinstance(value, str) else value
                self._recorded.append(_recorded(folder.resolve(), key, entry))
            except (OSError, ValueError, RecursionError) as error:
                problems.append(f"{key}: {error}")
        if problems:
            raise ConfigError(f"{folder} cannot be replayed", violations=tuple(problems))
        self._recorded.sort(key=lambda recorded: -recorded.demands)

    def respond(self, request: Request) -> Response:
        try:
            body = msgspec.json.decode(request.body) if request.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            body = None
        for recorded in self._recorded:
            if recorded.match(request, body):
                return recorded.response
        query = "&".join(f"{name}={value}" for name, value in request.query)
        asked = f"{request.method} {request.path}" + (f"?{query}" if query else "")
        return json_response({"error": "not recorded", "request": asked, "body": body}, 404)


def _recorded(folder: Path, key: str, entry: _Entry) -> _Recorded:
    found = _KEY.fullmatch(key)
    if found is None:
        raise ValueError("is not METHOD /path?query {json}")
    path = (folder / entry.file).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"{entry.file} is outside the folder")
    body = msgspec.json.decode(found["body"] or "{}", type=dict[str, Any])
    query = tuple(parse_qsl(found["query"] or "", keep_blank_values=True))
    response = Response(entry.status, path.read_bytes(), entry.content_type)
    return _Recorded(found["method"], unquote(found["path"]), query, body, response)


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return isinstance(value, dict) and all(
            name in value and _contains(value[name], item) for name, item in wanted.items()
        )
    return bool(value == wanted)


def _members(value: Any) -> int:
    return sum(1 + _members(item) for item in value.values()) if isinstance(value, dict) else 0
