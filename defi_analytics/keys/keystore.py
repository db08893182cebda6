"""Signing keys at rest: one encrypted file each, in a folder that nobody else may enter.

Source: Web3 Secret Storage Definition, version 3 (scrypt, AES-128-CTR, Keccak-256 MAC). Only files with the
cost that we write are opened: one that asks for less protects nothing, one that asks for more is an attack.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec

from defi_analytics.errors import AuthError, DefiError
from defi_analytics.keys.address import account_of, bech32
from defi_analytics.keys.api import Secret
from defi_analytics.keys.files import OTHERS, private_bytes, private_folder, taken, write_private
from defi_analytics.keys.libraries import library
from defi_analytics.keys.signer import KEY_BYTES, public_key_of, wipe

COST = 2**18
"""scrypt's N: 256 MiB and most of a second for each guess."""
MOST_COST = 2**20
_MOST_BYTES = 4096
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")
_SUFFIX = ".json"
_VECTOR_DIGITS = 32

_Hex = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-fA-F]{2}){1,64}$")]
_HexVector = Annotated[str, msgspec.Meta(pattern=r"^(?:[0-9a-fA-F]{2}){1,16}$")]
"""A number of 16 bytes, from which eth-keyfile leaves leading zeros out: one file in 256 has fewer digits."""
_Hex20 = Annotated[str, msgspec.Meta(pattern=r"^(?:0x)?[0-9a-fA-F]{40}$")]
_Hex32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-fA-F]{64}$")]


class _Cost(msgspec.Struct):
    dklen: Literal[32]
    n: Annotated[int, msgspec.Meta(ge=COST, le=MOST_COST)]
    r: Literal[8]
    p: Literal[1]
    salt: _Hex

    def __post_init__(self) -> None:
        if self.n & (self.n - 1):
            raise ValueError("n is no power of two")


class _Vector(msgspec.Struct):
    iv: _HexVector


class _Crypto(msgspec.Struct):
    cipher: Literal["aes-128-ctr"]
    cipherparams: _Vector
    ciphertext: _Hex32
    kdf: Literal["scrypt"]
    kdfparams: _Cost
    mac: _Hex32


class _KeyFile(msgspec.Struct):
    address: _Hex20
    crypto: _Crypto
    version: Literal[3]
    id: str = ""


_DECODER = msgspec.json.Decoder(_KeyFile)


class StoredKey(NamedTuple):
    name: str
    address: str
    """As the file says it: whoever can write the file can change it, and only opening it proves it."""
    path: Path
    problem: str = ""
    """Why it cannot be used; the address is then empty."""


class Keystore:
    """The keys in one folder, by name. Every failure is an AuthError of one line that repeats no secret."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, secret: bytearray, passphrase: Secret) -> StoredKey:
        """Encrypts and writes it. Raises WrongState when the name is taken: nothing is overwritten."""
        path = self._path(name)
        self._made()
        if path.exists() or path.is_symlink():
            # Before a second is spent on encrypting.
            raise taken(path)
        file = library("eth_keyfile").create_keyfile_json(
            secret, passphrase.reveal().encode(), kdf="scrypt", iterations=COST
        )
        # Other wallets want it whole.
        file["crypto"]["cipherparams"]["iv"] = file["crypto"]["cipherparams"]["iv"].zfill(_VECTOR_DIGITS)
        write_private(path, msgspec.json.encode(file))
        return StoredKey(name, bech32(account_of(public_key_of(secret))), path)

    def found(self, name: str) -> StoredKey:
        """Raises AuthError where there is no such key, or no usable file of it."""
        return StoredKey(name, _address(self._read(name)), self._path(name))

    def all(self) -> Sequence[StoredKey]:
        """Every key there is, by name; empty without a folder."""
        if not self.folder.exists() and not self.folder.is_symlink():
            return ()
        private_folder(self.folder)
        names = sorted(path.stem for path in self.folder.glob(f"*{_SUFFIX}"))
        return tuple(self._told(name) for name in names if _NAME.fullmatch(name))

    def opened(self, name: str, passphrase: Secret) -> bytearray:
        """The private key; wipe it when done. The file's parameters are judged before anything is derived."""
        file = self._read(name)
        try:
            plain: bytes = library("eth_keyfile").decode_keyfile_json(
                msgspec.to_builtins(file), passphrase.reveal().encode()
            )
        except ValueError:
            raise AuthError(
                f"the passphrase does not open key {name}, or its file was changed",
                hint="try again; a damaged file has to be replaced by its backup",
            ) from None
        secret = bytearray(plain)
        if len(secret) != KEY_BYTES or bech32(account_of(public_key_of(secret))) != _address(file):
            wipe(secret)
            raise AuthError(
                f"key {name} does not belong to the address that its file names",
                hint="the file was changed: replace it by its backup",
            )
        return secret

    def _read(self, name: str) -> _KeyFile:
        path = self._path(name)
        if not path.exists() and not path.is_symlink():
            raise AuthError(
                f"there is no key {name}", hint=f"see: defi key list, or make it: defi key new {name}"
            )
        private_folder(self.folder)
        raw = private_bytes(path, f"key {name}", _MOST_BYTES, OTHERS)
        try:
            return _DECODER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            # Only the place: a file that is all wrong may hold anything, a bare key included.
            what = str(error).rpartition(" - at ")[2] if isinstance(error, msgspec.ValidationError) else ""
            raise AuthError(
                f"{path} is no key file of ours: {what or 'no JSON'}",
                hint=f"wanted: version 3 with scrypt, n {COST} to {MOST_COST}, r 8, p 1, dklen 32",
            ) from None

    def _told(self, name: str) -> StoredKey:
        try:
            return self.found(name)
        except DefiError as error:
            return StoredKey(name, "", self._path(name), error.message)

    def _made(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise AuthError(
                f"{self.folder} cannot be made: {error.strerror}", hint="set home to a folder of your own"
            ) from None
        private_folder(self.folder)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise AuthError(
                "this cannot be a key's name", hint="use 1 to 32 of a to z, 0 to 9 and -, such as agent"
            )
        return self.folder / f"{name}{_SUFFIX}"


def _address(file: _KeyFile) -> str:
    return bech32(bytes.fromhex(file.address.removeprefix("0x")))
