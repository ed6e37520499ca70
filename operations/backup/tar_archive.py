"""A backup as one file: a tar of its manifest and of the data, in this order, so that it can be read from a stream."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from operations.backup.manifest import SCHEMA, Manifest
from shop.repositories.migrations.schema_2 import FORMER_REVISION

MANIFEST, DATA = "manifest.json", "data.rdb"
MAX_MANIFEST_BYTES = 2**16
CHUNK_BYTES = 2**20
_KINDS: Mapping[str, type] = {
    "schema": int,
    "store": str,
    "instant": str,
    "source": str,
    "revision": int,
    "counts": dict,
    "size": int,
    "sha256": str,
}


class BackupDamaged(Exception):
    """The file is no backup, or incomplete, or changed since it was written."""


def checksum(data: Path) -> str:
    """The SHA-256 of the file, in hexadecimal digits."""
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pack(manifest: Manifest, data: Path, stream: BinaryIO) -> None:
    """Write the backup to the stream, which need not be able to seek."""
    for part in parts(manifest, data):
        stream.write(part)


def parts(manifest: Manifest, data: Path) -> Iterator[bytes]:
    """The backup in parts of CHUNK_BYTES at most."""
    description = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    with data.open("rb") as file:
        for name, size, content in ((MANIFEST, len(description), io.BytesIO(description)), (DATA, manifest.size, file)):
            yield _entry(name, size, manifest.instant).tobuf(tarfile.PAX_FORMAT)
            yield from _exactly(content, size)
            yield bytes(-size % tarfile.BLOCKSIZE)
    # The end of an archive. Programs that read tapes expect whole records.
    yield bytes(tarfile.RECORDSIZE)


def _exactly(content: BinaryIO, size: int) -> Iterator[bytes]:
    left = size
    while left:
        part = content.read(min(left, CHUNK_BYTES))
        if not part:
            raise OSError(f"the copy of the store ends {left:,} bytes early")
        left -= len(part)
        yield part


def unpack(stream: BinaryIO, target: Path) -> Manifest:
    """The manifest of the backup in the stream, once its data is in `target` and agrees with it.

    Raises:
        BackupDamaged.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            manifest = _manifest(_next(archive, MANIFEST).read(MAX_MANIFEST_BYTES))
            size, sha256 = _copy(_next(archive, DATA), target)
    except (tarfile.TarError, EOFError) as error:
        raise BackupDamaged(f"it is no backup, or the end of it is missing: {error}") from error
    if size != manifest.size:
        raise BackupDamaged(f"it has {size:,} bytes of data, and its manifest says {manifest.size:,}")
    if sha256 != manifest.sha256:
        raise BackupDamaged(f"the SHA-256 of its data is {sha256}, and its manifest says {manifest.sha256}")
    return manifest


def _entry(name: str, size: int, instant: datetime) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = size, 0o600, int(instant.timestamp())
    return entry


def _next(archive: tarfile.TarFile, name: str) -> BinaryIO:
    entry = archive.next()
    if entry is None or entry.name != name or not entry.isreg():
        raise BackupDamaged(f"{entry.name if entry else 'nothing'} is where {name} should be")
    content: Any = archive.extractfile(entry)
    return content  # type: ignore[no-any-return]


def _copy(content: BinaryIO, target: Path) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        while part := content.read(CHUNK_BYTES):
            digest.update(part)
            size += file.write(part)
    return size, digest.hexdigest()


def _manifest(text: bytes) -> Manifest:
    try:
        record = orjson.loads(text)
        if not isinstance(record["schema"], int) or record["schema"] > SCHEMA:
            raise BackupDamaged(
                f"it is of schema {record['schema']}, and this version reads schema {SCHEMA} and earlier ones: use the "
                "version that made it, or a later one"
            )
        if record["schema"] == 1:
            record["revision"] = record.pop(FORMER_REVISION)
        if any(not isinstance(record[name], kind) for name, kind in _KINDS.items()):
            raise ValueError("a value of another type")
        return Manifest(**{**record, "instant": datetime.fromisoformat(record["instant"])})
    except (ValueError, TypeError, KeyError) as error:
        raise BackupDamaged(f"its manifest cannot be read: {error}") from error
