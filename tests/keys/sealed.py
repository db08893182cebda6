"""One encrypted key, made once in a run: encrypting costs most of a second."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from defi_analytics.keys.api import Secret
from defi_analytics.keys.keystore import Keystore
from defi_analytics.keys.mnemonic import private_key_of

PHRASE = "correct höhle battery"
"""The passphrase, with a letter that is one byte in Latin-1 and two in UTF-8."""
HEX = "11" * 32
ADDRESS = "inj1r8n7xah8cgfm0el8u3kvwzja6zrd4le2krtp7d"


@cache
def file() -> bytes:
    with TemporaryDirectory() as folder:
        store = Keystore(Path(folder) / "keys")
        return store.add("agent", private_key_of(HEX), Secret(PHRASE)).path.read_bytes()


def store(home: Path, content: bytes | None = None, name: str = "agent") -> Keystore:
    """A keystore below `home` that has this file."""
    folder = home / "keys"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_bytes(file() if content is None else content)
    path.chmod(0o600)
    return Keystore(folder)
