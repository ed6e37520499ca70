"""Encryption of backups with age, to public keys: what makes backups cannot read them.

age splits a file into chunks of 64 KiB, each authenticated and in its place, so both directions take little memory, and
a file that was altered, reordered or cut short is refused.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from operations.backup.tar_archive import BackupDamaged

#: What every encrypted file begins with.
MAGIC = b"age-encryption.org/"
SUFFIX = ".age"
MAX_IDENTITY_FILE_BYTES = 2**16
#: What pyrage says where no identity is the right one.
_NO_MATCH = "No matching keys found"


class KeyUnusable(Exception):
    """A key is none, or it does not open the backup; the text says what to do."""


def encrypt(parts: Iterator[bytes], target: BinaryIO, recipients: Sequence[str]) -> None:
    """Write the encrypted parts to the stream, which need not be able to seek.

    Raises:
        KeyUnusable: a recipient is no public key.
        OSError: it cannot be written.
    """
    keys = [_recipient(text) for text in recipients]
    ends = _Ends(_Parts(parts), target)
    with ends.failures(OSError):
        _age().encrypt_io(ends, ends, keys)


def decrypt(source: BinaryIO, target: BinaryIO, identities: Sequence[str]) -> None:
    """Write what the encrypted stream holds to `target`. All of it was authenticated once this returns, and not before.

    Raises:
        KeyUnusable: no identity opens it.
        BackupDamaged: it was altered or cut short.
        OSError: it cannot be read or written.
    """
    if not identities:
        raise KeyUnusable("It is encrypted: name the file with the identity that opens it, --identity FILE")
    keys = [_identity(text) for text in identities]
    ends = _Ends(source, target)
    with ends.failures(BackupDamaged):
        _age().decrypt_io(ends, ends, keys)


def read_identities(file: Path) -> list[str]:
    """The identities in a file as age-keygen writes it: one a line, and comments.

    Raises:
        KeyUnusable: it cannot be read, or has none.
    """
    try:
        with file.open("rb") as stream:
            return identities_in(stream, str(file))
    except OSError as error:
        raise KeyUnusable(f"The identity file cannot be read: {error}") from error


def identities_in(stream: BinaryIO, name: str) -> list[str]:
    """The identities in a stream, which messages call `name`.

    Raises:
        KeyUnusable: it has none.
        OSError: it cannot be read.
    """
    try:
        text = stream.read(MAX_IDENTITY_FILE_BYTES).decode()
    except UnicodeDecodeError as error:
        raise KeyUnusable(f"{name} cannot be read: {error}") from error
    lines = [line.strip() for line in text.splitlines()]
    identities = [line for line in lines if line and not line.startswith("#")]
    if not identities:
        raise KeyUnusable(f"{name} has no identity: give a file of age-keygen, with a line AGE-SECRET-KEY-1...")
    return identities


def is_encrypted(stream: "io.BufferedReader[Any]") -> bool:
    """Whether an encrypted file is next in the stream, which stays where it is."""
    return stream.peek(len(MAGIC)).startswith(MAGIC)


def _age() -> Any:
    """The library, which the API does not load: it makes no backups."""
    return import_module("pyrage")


def _recipient(text: str) -> Any:
    try:
        return _age().x25519.Recipient.from_str(text)
    except _age().RecipientError as error:
        remedy = "correct EVERGREEN_BACKUP_RECIPIENTS, whose keys begin with age1"
        raise KeyUnusable(f"{text} is no public key of age ({error}): {remedy}") from error


def _identity(text: str) -> Any:
    try:
        return _age().x25519.Identity.from_str(text)
    except _age().IdentityError as error:
        # The text may be a secret key with a mistake in it.
        raise KeyUnusable("The identity file has a line that is no identity of age") from error


class _Parts(io.RawIOBase):
    """A stream of parts of any length."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Bound: an empty part is passed over, and there are few.
        while not self._rest:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._rest = memoryview(part)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


class _Ends:
    """Both ends of an encryption. pyrage makes texts of the exceptions of its streams; here they are remembered."""

    def __init__(self, source: Any, target: BinaryIO) -> None:
        self._source, self._target = source, target
        self._failure: BaseException | None = None

    def read(self, size: int) -> bytes:
        with self._remembered():
            return bytes(self._source.read(size) or b"")

    def write(self, data: bytes) -> int:
        with self._remembered():
            return self._target.write(data)

    def flush(self) -> None:
        with self._remembered():
            self._target.flush()

    @contextmanager
    def failures(self, of_contents: type[Exception]) -> Iterator[None]:
        """Raise what a stream has raised, an interruption too, and otherwise `of_contents` or KeyUnusable."""
        try:
            yield
        except (_age().EncryptError, _age().DecryptError, OSError) as error:
            if self._failure is not None:
                raise self._failure from None
            if _NO_MATCH in str(error):
                raise KeyUnusable("No identity in the file opens it: use the one of a recipient") from error
            raise of_contents(f"it was altered, or the end of it is missing: {error}") from error

    @contextmanager
    def _remembered(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self._failure = error
            raise
