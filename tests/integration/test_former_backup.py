"""A backup that a version of schema 1 has made, restored by this version."""

import io
import tarfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.test import Client

from devstack import lifecycle
from devstack.temporary import RunningStack, running
from operations import bootstrap as operations
from operations.backup import temp_server
from operations.backup.backups import Backups
from operations.backup.snapshot import Snapshot
from operations.backup.tar_archive import BackupDamaged, checksum
from shop import bootstrap
from shop.bootstrap import Configuration, Container
from shop.repositories.keys import Keys
from shop.repositories.migrations import VERSION
from tests.integration import schema_1
from tests.integration.schema_1 import RECORDED, SECRET_KEY, STORE

COUNTS = {"users": 4, "products": 12, "purchases": 7}
FENCE = int(next(value for name, _, _, value in RECORDED["keys"] if name.endswith(":fence")))


@pytest.fixture(scope="module")
def backup(tmp_path_factory) -> bytes:
    return packed(tmp_path_factory.mktemp("former"), {"schema": 1, "fence": FENCE})


def packed(folder, described: dict) -> bytes:
    """The recorded store as `manage.py backup` of schema 1 wrote it."""
    data = folder / temp_server.DATA
    with temp_server.serve(folder, "") as server:
        server.run([*schema_1.commands(), ("SAVE",)])
    instant = "2026-11-25T12:00:00+00:00"
    known = {"store": STORE, "instant": instant, "source": "10.0.0.2:6379", "counts": COUNTS}
    manifest = {**known, **described, "size": data.stat().st_size, "sha256": checksum(data)}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in (("manifest.json", orjson.dumps(manifest)), ("data.rdb", data.read_bytes())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


def backups() -> Backups:
    return Backups(keys=Keys(STORE), store=STORE, program="")


def value(snapshot: Snapshot, *command: str) -> Any:
    return next(snapshot.replies([command]))


def test_it_is_opened_as_a_store_of_the_present_schema(backup):
    with backups().open(io.BytesIO(backup)) as opened:
        assert (opened.manifest.schema, opened.manifest.revision, opened.manifest.counts) == (1, FENCE, COUNTS)
        keys = Keys(STORE)
        assert int(value(opened.snapshot, "GET", keys.revision)) == FENCE
        assert int(value(opened.snapshot, "GET", keys.schema)) == VERSION
        assert [name for name in opened.snapshot.names() if name.endswith((":requests", "_ranks", ":migration"))] == []
        assert backups().violations(opened, lambda what: None) == []


def test_one_whose_counts_are_not_those_of_its_manifest_is_damaged(tmp_path):
    wrong = packed(tmp_path, {"schema": 1, "fence": FENCE + 1})
    with pytest.raises(BackupDamaged, match="revision"), backups().open(io.BytesIO(wrong)):
        pass


def test_one_of_a_later_schema_is_refused_with_what_to_do(tmp_path):
    later = packed(tmp_path, {"schema": VERSION + 1, "revision": FENCE})
    with pytest.raises(BackupDamaged, match="use the version that made it"), backups().open(io.BytesIO(later)):
        pass


@pytest.fixture
def data_tier() -> Iterator[RunningStack]:
    """Nodes and Sentinels with nothing in them."""
    with running("127.34", lifecycle.DATA_ONLY) as started:
        started.wait_until_whole()
        yield started


def test_it_is_restored_with_tokens_and_recorded_outcomes(data_tier, backup, monkeypatch):
    configuration = Configuration(
        store=STORE,
        master_name=data_tier.layout.settings.primary_name,
        sentinels=[tuple(address) for address in data_tier.layout.sentinels.values()],
        credentials=data_tier.layout.operator,
        secret_key=SECRET_KEY,
    )
    monkeypatch.setattr(settings, "SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: False)
    with closing(Container(configuration)) as container, backups().open(io.BytesIO(backup)) as opened:
        operations.restorer(container).restore(opened.snapshot, lambda what: None)
        monkeypatch.setattr(bootstrap, "container", lambda: container)
        audit = operations.auditor(container).audit(lambda what: None)
        assert (audit.violations, audit.counts) == ([], COUNTS)
        replay = next(each for each in RECORDED["replays"] if each["key"] == "buy-ada-0")
        headers = {"Authorization": f"Bearer {replay['token']}", "Idempotency-Key": replay["key"]}
        answer = Client().post(
            f"/api/v1{replay['path']}", replay["content"], content_type="application/json", headers=headers
        )
        assert (answer.status_code, orjson.loads(answer.content)) == (replay["status"], replay["answer"])
