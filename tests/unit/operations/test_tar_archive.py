import io
import tarfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from operations.backup.manifest import SCHEMA, Manifest
from operations.backup.tar_archive import BackupDamaged, checksum, pack, unpack

CONTENT = bytes(range(256)) * 5000


def manifest(data: Path) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        store="evergreen",
        instant=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC),
        source="10.0.0.2:6379",
        revision=7,
        counts={"users": 1, "products": 2, "purchases": 3},
        size=len(CONTENT),
        sha256=checksum(data),
    )


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(CONTENT)
    return path


def packed(described: Manifest, data: Path) -> bytes:
    stream = io.BytesIO()
    pack(described, data, stream)
    return stream.getvalue()


def tarred(*members: tuple[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def test_what_was_packed_comes_out_of_a_stream_as_it_was(data, tmp_path):
    described = manifest(data)
    assert unpack(io.BytesIO(packed(described, data)), tmp_path / "out") == described
    assert (tmp_path / "out").read_bytes() == CONTENT


def test_it_is_a_tar_of_two_files_that_any_tar_reads(data):
    with tarfile.open(fileobj=io.BytesIO(packed(manifest(data), data))) as archive:
        assert archive.getnames() == ["manifest.json", "data.rdb"]
        assert orjson.loads(archive.extractfile("manifest.json").read())["counts"]["purchases"] == 3


def test_a_bit_that_flipped_is_noticed(data, tmp_path):
    whole = bytearray(packed(manifest(data), data))
    whole[len(whole) // 2] ^= 1
    with pytest.raises(BackupDamaged, match="SHA-256"):
        unpack(io.BytesIO(bytes(whole)), tmp_path / "out")


@pytest.mark.parametrize("length", [0, 100, 512, 1500, 3000, 700_000])
def test_a_backup_that_was_cut_short_is_noticed(data, tmp_path, length):
    with pytest.raises(BackupDamaged):
        unpack(io.BytesIO(packed(manifest(data), data)[:length]), tmp_path / "out")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"size": 5}, "bytes of data"),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"schema": SCHEMA + 1}, "schema"),
        ({"revision": "many"}, "another type"),
    ],
)
def test_a_manifest_that_says_otherwise_is_not_believed(data, tmp_path, changed, reason):
    described = replace(manifest(data), **changed)
    stream = io.BytesIO()
    if "size" in changed:
        stream.write(tarred(("manifest.json", orjson.dumps(described)), ("data.rdb", CONTENT)))
    else:
        pack(described, data, stream)
    with pytest.raises(BackupDamaged, match=reason):
        unpack(io.BytesIO(stream.getvalue()), tmp_path / "out")


@pytest.mark.parametrize(
    "content",
    [
        b"this is no tar at all" * 100,
        tarred(("data.rdb", b"x"), ("manifest.json", b"{}")),
        tarred(("../manifest.json", b"{}"), ("data.rdb", b"x")),
        tarred(("manifest.json", b"[]"), ("data.rdb", b"x")),
        tarred(("manifest.json", b'{"schema": 1}'), ("data.rdb", b"x")),
        tarred(("manifest.json", b"no json"), ("data.rdb", b"x")),
        tarred(),
    ],
)
def test_what_is_no_backup_is_said_to_be_none(tmp_path, content):
    with pytest.raises(BackupDamaged):
        unpack(io.BytesIO(content), tmp_path / "out")
