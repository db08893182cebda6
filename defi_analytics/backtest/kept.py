"""Machine code kept from one process to the next: compiling takes seconds, reading it again does not.

numba's own cache looks at the one file a function stands in, and serves old code when something that it calls
has changed. Here the key is all that the code was made of (`fingerprint`), what it is called with, and what
made it for which processor. What cannot be read, or is not what was written, is compiled again.
"""

import os
import pickle
import sys
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from typing import Any

from defi_analytics.backtest.fingerprint import fingerprint

MOST_FILES = 32
"""Of some 300 kB; the oldest go first."""
_DIGEST_BYTES = 32
_OTHERS_MAY_WRITE = 0o022


class KeptCode:
    """What numba asks before it compiles one function, and tells afterwards: its `_Cache`."""

    def __init__(self, made_of: str, numba: Any, folder: Callable[[], Path | None] | None = None) -> None:
        """`made_of` is the function's fingerprint."""
        self._made_of, self._numba = made_of, numba
        self._folder = folder or private_folder
        self.cache_path = ""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The compiled function for arguments of these types, or None."""
        path = self._path(sig, target_context)
        packed = _read(path) if path else None
        if packed is None:
            return None
        try:
            target_context.refresh()
            result = self._numba.core.compiler.CompileResult
            found = result._rebuild(target_context, *pickle.loads(packed))  # noqa: S301, SLF001 - written by this user, see `_read`; numba has no public way
        except Exception:  # noqa: BLE001 - whatever is wrong with a copy, the function is compiled again
            return None
        return found if tuple(found.signature.args) == tuple(sig) else None

    def save_overload(self, sig: Any, data: Any) -> None:
        path = self._path(sig, data.target_context)
        if path is None or data.objectmode or data.lifted or data.library.has_dynamic_globals:
            return
        packed = self._numba.core.serialize.dumps(data._reduce())  # noqa: SLF001 - numba has no public way
        with suppress(OSError):
            _write(path, packed)
            _forget(path.parent)

    def enable(self) -> None:
        """Always is."""

    def disable(self) -> None:
        """Never is."""

    def flush(self) -> None:
        """Nothing waits to be written."""

    def _path(self, sig: Any, target_context: Any) -> Path | None:
        folder = self._folder()
        called = fingerprint(*(_parts(kind) for kind in sig))
        if folder is None or called is None:
            return None
        made_by = (
            sys.version,
            *(f"{name} {sys.modules[name].__version__}" for name in ("numba", "llvmlite", "numpy")),
            *(f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("NUMBA_")),
            *map(str, target_context.codegen().magic_tuple()),
        )
        key = sha256(repr((self._made_of, called, made_by)).encode()).hexdigest()
        return folder / f"{key}.code"


def private_folder() -> Path | None:
    """In the user's cache; None where there is none, or where somebody else could write into it."""
    base, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    if not base.startswith("/") and not home.startswith("/"):
        return None
    folder = (Path(base) if base.startswith("/") else Path(home) / ".cache") / "defi" / "compiled"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned = folder.stat()
    except OSError:
        return None
    ours = owned.st_uid == os.geteuid() and not owned.st_mode & _OTHERS_MAY_WRITE
    return folder if ours else None


def _parts(kind: Any) -> Any:
    """A type of numba's in plain values: its name says all but which class a tuple is of."""
    inner = tuple(_parts(part) for part in getattr(kind, "types", ()))
    return str(kind), getattr(kind, "instance_class", None), inner


def _read(path: Path) -> bytes | None:
    """What was written there, whole and unchanged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, packed = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return packed if digest == _digest(path, packed) else None


def _write(path: Path, packed: bytes) -> None:
    """At once or not at all: another process may be reading, or writing the same."""
    handle, draft = mkstemp(dir=path.parent, prefix="draft-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(_digest(path, packed) + packed)
        Path(draft).replace(path)
    except OSError:
        Path(draft).unlink(missing_ok=True)
        raise


def _digest(path: Path, packed: bytes) -> bytes:
    return sha256(path.name.encode() + packed).digest()


def _forget(folder: Path) -> None:
    newest_first = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest_first[MOST_FILES:]:
        path.unlink(missing_ok=True)
