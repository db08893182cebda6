"""No secret is ever found where it does not belong: not in what is printed, logged, kept or passed on."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from http import HTTPStatus
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from defi_analytics import log
from defi_analytics.clock import WallClock
from defi_analytics.http.client import Http
from defi_analytics.keys import process, terminal
from defi_analytics.keys.api import Secret
from defi_analytics.keys.keystore import Keystore
from defi_analytics.keys.signer import KeySigner
from defi_analytics.sandbox.sandbox import Sandbox
from defi_analytics.sandbox.server import Request, Response, serve
from tests.cli.harness import Background, Defi, clean_environment, command, forget_log, process_environment
from tests.docs import command_tree
from tests.faults import STATUS_KINDS
from tests.faults.server import STATUSES
from tests.integration.canary import Canary, files, hatched

LEAVES = [path for path, found in command_tree().items() if not hasattr(found, "list_commands")]
NO_CONTENT = HTTPStatus.NO_CONTENT
GRANTER = "inj17w0adeg64ky0daxwd2ugyuneellmjgnxf5vkec"
FAULTS = (*STATUS_KINDS, "garbled")
"""How an upstream throws back what it was sent."""
LEVELS: tuple[list[str], ...] = ([], ["-vv"], ["-q", "--json"])
PLAUSIBLE: dict[tuple[str, ...], list[str]] = {
    ("scan",): ["INJ/USDT", "--explain", "--include-rejected", "--record"],
    ("predict",): ["BTC", "ETH", "--with-market"],
    ("market", "list"): ["INJ/*"],
    ("market", "show"): ["INJ/USDT PERP"],
    ("market", "book"): ["INJ/USDT"],
    ("market", "candles"): ["INJ/USDT", "--count", "3"],
    ("market", "funding"): ["INJ/USDT PERP", "--count", "3"],
    ("topics", "list"): ["--refresh"],
    ("topics", "show"): ["14"],
    ("run",): ["--once", "--market", "INJ/USDT"],
    ("sandbox",): ["--port", "0", "--duration", "0.2"],
    ("config", "init"): ["made.yaml", "--force"],
    ("key", "new"): ["fresh"],
    ("key", "import"): ["given", "--from-fd", "KEY"],
    ("key", "address"): ["agent"],
    ("key", "check"): ["agent", "--granter", GRANTER, "--market", "INJ/USDT"],
    ("key", "grant"): ["agent", "--granter", GRANTER, "--market", "INJ/USDT"],
    ("key", "revoke"): ["agent", "--granter", GRANTER],
    ("report",): ["--by", "market"],
    ("explain",): ["NOT_CROSSED"],
}
"""Arguments with which a command does its work; none where it needs none."""
FAILING = ["--no-such-option", "NO/SUCH"]


class Upstream:
    """A sandbox that can be told to throw back at a command whatever the command sent."""

    def __init__(self) -> None:
        self.fault, self.seen, self.asked = "none", set[str](), 0
        self._sandbox = Sandbox(58, WallClock(), block_s=0.1)

    async def answer(self, request: Request) -> Response:
        sent = " ".join(text for _, text in request.headers)
        self.seen.update(sent.split())
        self.asked += 1
        if self.fault == "none":
            return await self._sandbox._respond(request)
        echo = ("x-echo", sent)
        if self.fault == "garbled":
            return Response(200, f'{{"{sent}": ["{sent}"'.encode(), headers=(echo,))
        status, head, _ = STATUSES[self.fault]
        body = b"" if status == NO_CONTENT else f'{{"code": 5, "message": "{sent}"}}'.encode()
        told = tuple(tuple(line.split(": ", 1)) for line in head.splitlines())
        return Response(status, body, headers=(*told, ("x-location", f"https://evil.invalid/?{sent}"), echo))


@pytest.fixture(scope="module")
def upstream():
    """Runs as long as the module; `url` is where."""
    found = Upstream()
    with Background() as background:
        background.call(found._sandbox.__aenter__())
        serving = serve(found.answer)
        found.url = background.call(serving.__aenter__()).url
        yield found
        background.call(serving.__aexit__(None, None, None))
        background.call(found._sandbox.__aexit__())


@pytest.fixture(scope="module")
def canary():
    return hatched()


@pytest.fixture(scope="module")
def sealed(canary, tmp_path_factory):
    """The canary's key, encrypted once: that takes most of a second."""
    store = Keystore(tmp_path_factory.mktemp("sealed") / "keys")
    return store.add("agent", bytearray(canary.key), Secret(canary.passphrase)).path


class Cage(NamedTuple):
    """A command line that knows all secrets, and what is found of them afterwards."""

    run: Callable[..., Any]
    found: Callable[..., list[str]]
    home: Path


@pytest.fixture
def private(canary: Canary, tmp_path_factory):
    """Where secrets may lie."""
    folder = tmp_path_factory.mktemp("private")
    for name, text in {"defi-passphrase": canary.passphrase, "api": canary.api_key}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def cage(canary, private, sealed, upstream, monkeypatch, capsys):
    tmp_path = private.parent / f"{private.name}-home"
    tmp_path.mkdir()
    clean_environment(monkeypatch, tmp_path)
    home = tmp_path / "state"
    (home / "keys").mkdir(mode=0o700, parents=True)
    shutil.copy(sealed, home / "keys" / "agent.json")
    (home / "keys" / "agent.json").chmod(0o600)
    for name, text in {
        "CREDENTIALS_DIRECTORY": str(private),
        "DEFI_ALLORA__API_KEY_FILE": str(private / "api"),
        "DEFI_ALLORA__BASE_URL": f"{upstream.url}/v2",
        "DEFI_INJECTIVE__LCD_URL": upstream.url,
        "DEFI_INJECTIVE__INDEXER_URL": upstream.url,
        "DEFI_INJECTIVE__CHART_URL": upstream.url,
        "DEFI_VENUES__BINANCE__URL": f"{upstream.url}/binance",
        "DEFI_VENUES__HYPERLIQUID__URL": f"{upstream.url}/hyperliquid",
        "DEFI_SCAN__AGAINST": "binance,hyperliquid",
        "DEFI_HTTP__ATTEMPTS": "1",
        "DEFI_LOGGING__LEVEL": "DEBUG",
    }.items():
        monkeypatch.setenv(name, text)
    monkeypatch.setattr(log, "_secrets", [])
    monkeypatch.setattr(process, "harden", lambda: None)
    monkeypatch.setattr(Keystore, "opened", _opened_once(canary))
    monkeypatch.setattr(terminal, "is_there", lambda: False)
    upstream.fault = "none"
    defi = Defi(capsys)

    def run(*words: str) -> Any:
        opened = [_piped(canary.key.hex()) for word in words if word == "KEY"]
        ready = [str(opened[0]) if word == "KEY" else word for word in words]
        if opened:
            ready += ["--expect-address", KeySigner(bytearray(canary.key)).address]
        for name in ("fresh", "given"):
            (home / "keys" / f"{name}.json").unlink(missing_ok=True)
        # What kept failing is left alone for a while, and no request would be made.
        shutil.rmtree(home / "hosts", ignore_errors=True)
        return defi(*ready)

    def found(*texts: str) -> list[str]:
        places = {"printed": "\0".join(texts).encode(), **files(tmp_path)}
        forms = canary.forms()
        return [
            f"{form} in {name}"
            for name, body in places.items()
            for form, text in forms.items()
            if text.encode() in body
        ]

    yield Cage(run, found, home)
    forget_log()


_OPENED: set[str] = set()


def _opened_once(canary: Canary) -> Callable[..., bytearray]:
    """What it really does, the first time in a process: it takes most of a second."""
    real = Keystore.opened

    def opened(store: Keystore, name: str, passphrase: Secret) -> bytearray:
        assert passphrase.reveal() == canary.passphrase
        if name != "agent" or name not in _OPENED:
            _OPENED.add(name)
            return real(store, name, passphrase)
        return bytearray(canary.key)

    return opened


def _piped(text: str) -> int:
    reader, writer = os.pipe()
    os.write(writer, text.encode())
    os.close(writer)
    return reader


def test_every_command_is_in_the_cage():
    assert set(PLAUSIBLE) <= set(LEAVES)


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_no_command_shows_or_keeps_a_secret(path, cage, upstream):
    plausible = PLAUSIBLE.get(path, [])
    upstream.asked = 0
    for level in LEVELS:
        ran = cage.run(*path, *plausible, *level)
        assert cage.found(ran.out, ran.err) == [], level
    # Who asks nobody meets no fault; every fault meets one of the ways of telling, and each way many faults.
    faults = FAULTS if upstream.asked else ()
    for level, upstream.fault in zip(cycle(LEVELS), faults, strict=False):
        ran = cage.run(*path, *plausible, *level)
        assert cage.found(ran.out, ran.err) == [], f"{level} {upstream.fault}"
    for word in FAILING:
        ran = cage.run(*path, word, "-vv")
        assert cage.found(ran.out, ran.err) == [], word


def test_those_that_ask_an_upstream_are_known_to_meet_its_faults(cage, upstream):
    """Or else a command that stopped asking would no longer be tried."""
    for path in (("scan",), ("predict",), ("run",), ("doctor",), ("key", "check"), ("reconcile",)):
        upstream.asked = 0
        cage.run(*path, *PLAUSIBLE.get(path, []))
        assert upstream.asked, path


def test_the_api_key_really_went_out_and_came_back(cage, upstream, canary):
    """Or else the cage would prove nothing."""
    upstream.seen.clear()
    upstream.fault = "s404"
    ran = cage.run("predict", "BTC", "--json", "-vv")
    assert canary.api_key in upstream.seen
    assert ran.code != 0


def test_the_key_really_was_opened(cage, canary):
    assert GRANTER not in cage.run("key", "check", "agent", "--json").out
    assert canary.key.hex() in log._secrets


def crashing(monkeypatch, owner, name):
    """From now on this function works, and then dies telling all it was given and made."""
    real = getattr(owner, name)

    def told(one: Any) -> str:
        if isinstance(one, Secret):
            return one.reveal()
        return f"{one.hex()} {one!r}" if isinstance(one, bytes | bytearray) else str(one)

    def fail(*given: Any, **more: Any) -> Any:
        made = None if asyncio.iscoroutinefunction(real) else real(*given, **more)
        raise RuntimeError(" ".join(map(told, (*given[1:], *more.values(), made))))

    monkeypatch.setattr(owner, name, fail)


@pytest.mark.parametrize(
    ("owner", "name", "path"),
    [
        (Keystore, "add", ("key", "new")),
        (Keystore, "add", ("key", "import")),
        (KeySigner, "__init__", ("key", "check")),
        (Http, "get", ("predict",)),
        (Http, "get", ("scan",)),
        (Http, "get", ("topics", "list")),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else getattr(value, "__name__", value),
)
@pytest.mark.parametrize("level", [[], ["-vv"], ["--json"]], ids=str)
def test_a_crash_in_the_midst_of_it_shows_and_keeps_none(cage, monkeypatch, owner, name, path, level):
    crashing(monkeypatch, owner, name)
    ran = cage.run(*path, *PLAUSIBLE[path], *level)
    assert cage.found(ran.out, ran.err) == []
    assert ran.code in {1, 6}
    if ran.code == 1:
        assert list((cage.home / "crashes").iterdir())


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("key", "new", "fresh"), 0),
        (("key", "import", "given", "--from-fd", "KEY"), 0),
        (("key", "check", "agent"), 4),
        (("run", "--once", "--market", "INJ/USDT"), 0),
        (("risk", "flatten"), 0),
        (("predict", "BTC"), 5),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_no_process_is_ever_started_with_a_secret(cage, canary, tmp_path_factory, words, code):
    trace = tmp_path_factory.mktemp("trace") / "execve"
    watched = ["strace", "-f", "-e", "trace=execve", "-s", "4096", "-v", "-o", str(trace)]
    given = [_piped(canary.key.hex())] if "KEY" in words else []
    ready = [str(given[0]) if word == "KEY" else word for word in words]
    ready += ["--expect-address", KeySigner(bytearray(canary.key)).address] if given else []
    ran = subprocess.run(
        [*watched, *command(*ready, "-vv")],
        env=process_environment(),
        stdin=subprocess.DEVNULL,
        pass_fds=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ran.returncode == code, ran.stderr
    assert "execve" in trace.read_text()
    assert cage.found(ran.stdout, ran.stderr, trace.read_text()) == []


def test_the_cage_finds_what_is_left_in_it(cage, canary):
    for number, text in enumerate(canary.forms().values()):
        (cage.home / f"left{number}").write_text(f"so {text}!")
    assert len({place.partition(" in ")[2] for place in cage.found()}) == len(canary.forms())
    assert cage.found(canary.words, canary.passphrase)
