"""API keys: where they may come from, and how they stay out of sight.

A key comes, in this order, from the environment, from a file that only its owner can read, from the
system's keyring, or (with a warning) from a settings file that nobody else can read. Private keys and
mnemonics are never taken from any of these.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, NoReturn
from urllib.parse import urlsplit

from defi_analytics.errors import AuthError
from defi_analytics.keys.files import OWN_FILE, private_bytes

MAX_BYTES = 4096
EXPOSED = "looks like a private key or mnemonic: treat it as exposed and move the funds to a new one"

_KEY = re.compile(r"[\x21-\x7e]{1,512}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
_WORD = re.compile(r"[A-Za-z]{3,8}")
_MNEMONIC_WORDS = (12, 15, 18, 21, 24)
_PLACEHOLDER = re.compile(
    r"|\.{2,}|…|x{3,}|\*+|-+|<.*>|\$\{?\w+\}?|none|null|todo|change[-_]?me"
    r"|(?:your|my|insert|enter|paste|put)[-_ ].*",
    re.IGNORECASE,
)
_HOSTS = ("allora.network", "upshot.xyz")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


VARIABLES = {"allora": ("ALLORA_API_KEY", "DEFI_ALLORA__API_KEY", "DEFI_ALLORA__API_KEY_FILE")}
"""Where a service's key is looked for in the environment: two that hold it, one that names its file."""


class Secret:
    """A text that shows itself only to `reveal`: not to print, logs, tracebacks, pickle or JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> tuple[type["Secret"], tuple[str]]:
        return Secret, ("***",)

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: object) -> "Secret":
        return self


class FileSecret(NamedTuple):
    """A key found in a settings file: `where` is file:line, `mode` the file's permission bits."""

    secret: Secret
    where: str
    mode: int


class Resolved(NamedTuple):
    secret: Secret | None
    origin: str
    """The variable, file or store it came from; empty without a key."""
    warnings: tuple[str, ...] = ()


Lookup = Callable[[str, str], str | None]
"""The system's keyring: (service, name) to text."""


def resolve(
    name: str, environ: Mapping[str, str], in_file: FileSecret | None = None, keyring: Lookup | None = None
) -> Resolved:
    """The key of a service, e.g. `resolve("allora", os.environ)`, or none.

    Raises AuthError when a source names a key that cannot be used; messages never hold the key.
    """
    warnings: list[str] = []
    for variable in VARIABLES[name][:2]:
        text = environ.get(variable, "").strip()
        if text and is_placeholder(text):
            warnings.append(f"{variable} holds a placeholder and is ignored")
        elif text:
            warnings.append(
                f"{variable}: programs started from this shell can read it; {variable_file(name)} is safer"
            )
            return Resolved(_usable(text, variable), variable, tuple(warnings))
    if path := environ.get(variable_file(name), ""):
        return Resolved(_usable(_read(path, variable_file(name)), path), variable_file(name), tuple(warnings))
    stored = (keyring or system_keyring)("defi", name)
    if stored:
        return Resolved(_usable(stored.strip(), "the keyring"), "keyring", tuple(warnings))
    if in_file is None:
        return Resolved(None, "", tuple(warnings))
    warnings.append(
        f"{in_file.where}: a key in a settings file is easily shared: {variable_file(name)} is safer"
    )
    return Resolved(_from_settings(in_file), in_file.where, tuple(warnings))


def variable_file(name: str) -> str:
    """The variable that names the file a service's key is read from."""
    return f"DEFI_{name.upper()}__API_KEY_FILE"


def is_placeholder(text: str | None) -> bool:
    """True for what templates hold instead of a key: empty, `...`, `your_api_key`, `<key>`."""
    return text is None or _PLACEHOLDER.fullmatch(text.strip()) is not None


def looks_like_key(text: str, *, market_id: bool = False) -> bool:
    """True for 64 hexadecimal digits or a mnemonic's number of short words.

    `market_id`: 0x and 64 digits are a market's id where one is expected.
    """
    bare = text.strip().strip("'\"")
    if _HEX.fullmatch(bare.removeprefix("0x").removeprefix("0X")):
        return not (market_id and bare[:2] == "0x")
    words = re.split(r"[\s,]+", bare, maxsplit=max(_MNEMONIC_WORDS) + 1)
    return len(words) in _MNEMONIC_WORDS and all(map(_WORD.fullmatch, words))


def any_key(arguments: Sequence[str], *, market_id: bool = False) -> bool:
    """True when an argument looks like a key, also `--key=…` and `-k…`, or when words make a mnemonic."""
    for argument in arguments:
        attached = argument[2:] if argument[:1] == "-" else ""
        parts = (argument, argument.partition("=")[2], attached)
        if any(looks_like_key(part, market_id=market_id) for part in parts):
            return True
    run = 0
    for argument in (*arguments, ""):
        if _WORD.fullmatch(argument) and argument.islower():
            run += 1
        elif run >= min(_MNEMONIC_WORDS):
            return True
        else:
            run = 0
    return False


def may_receive_key(url: str, *, allow_custom_host: bool = False) -> bool:
    """True when Allora's key may be sent there: Allora's own hosts by https, or this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host in _LOOPBACK:
        return True
    own = any(host == known or host.endswith(f".{known}") for known in _HOSTS)
    return parts.scheme == "https" and bool(host) and (own or allow_custom_host)


def system_keyring(service: str, name: str) -> str | None:
    """What the system's keyring holds; nothing where there is no keyring."""
    try:
        module = import_module("keyring")
        text = module.get_password(service, name)
    except Exception:  # noqa: BLE001  - backends are foreign plugins: whatever they raise, there is no key here
        return None
    return text if isinstance(text, str) else None


def _from_settings(in_file: FileSecret) -> Secret:
    path = in_file.where.rpartition(":")[0]
    if in_file.mode & 0o077:
        _refuse(f"{in_file.where}: others may read the key in this file", f"run `chmod 600 {path}`")
    return _usable(in_file.secret.reveal().strip(), in_file.where)


def _usable(text: str, origin: str) -> Secret:
    if looks_like_key(text):
        _refuse(f"{origin}: {EXPOSED}", "an API key is wanted here")
    if not _KEY.fullmatch(text):
        _refuse(f"{origin}: this is not an API key", "a key is one line of printable text without spaces")
    return Secret(text)


def _read(path: str, variable: str) -> str:
    try:
        return private_bytes(Path(path).expanduser(), variable, MAX_BYTES).decode("ascii").strip()
    except UnicodeDecodeError:
        _refuse(f"{variable}: {path} does not hold a key", "write only the key into it")
    except RuntimeError:
        _refuse(f"{variable}: the file it names cannot be read: nobody of that name", OWN_FILE)


def _refuse(message: str, hint: str) -> NoReturn:
    raise AuthError(message, hint=hint)
