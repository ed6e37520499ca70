"""An object store that cannot be reached or refuses the key, and downloads that break off."""

import socket
from dataclasses import replace

import pytest

from operations.backup import s3_client
from operations.backup.s3 import S3Target
from operations.backup.s3_client import S3Settings, parse_location
from operations.backup.targets import NoBackup, TargetUnusable
from tests.object_store import BUCKET, CUT, MISSING_BUCKET, ObjectStore
from tests.unit.operations.backup_samples import MEGABYTE, NAME, taken, writing

pytestmark = pytest.mark.usefixtures("small_parts")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret_key": "wrong"}, "correct EVERGREEN_S3_SECRET_KEY"),
        ({"access_key": "AKIAUNKNOWN"}, "correct EVERGREEN_S3_ACCESS_KEY"),
    ],
)
def test_wrong_credentials_are_named(objects, prefix, changes, reason):
    with pytest.raises(TargetUnusable, match=reason):
        replace(objects, **changes).target(prefix).add(taken(), writing(1))


def test_a_bucket_that_is_not_there_is_named(objects):
    target = S3Target(objects.client(), parse_location(f"s3://{MISSING_BUCKET}/x"), "evergreen")
    for look in (target.backups, lambda: target.add(taken(), writing(1))):
        with pytest.raises(TargetUnusable, match="no such bucket"):
            look()


def test_an_endpoint_that_is_down_is_named(objects, prefix, two_attempts):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        down: ObjectStore = replace(objects, endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TargetUnusable, match="correct EVERGREEN_S3_ENDPOINT"):
            down.target(prefix).backups()


def test_tls_is_verified(objects, prefix, two_attempts):
    # It speaks no TLS, so its certificate cannot be right.
    with pytest.raises(TargetUnusable, match="EVERGREEN_S3_CA_FILE"):
        replace(objects, endpoint=objects.endpoint.replace("http:", "https:")).target(prefix).backups()


def test_without_credentials_it_says_where_they_are_given(monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    client = s3_client.connect(S3Settings(endpoint="http://127.0.0.1:1", region="x"))
    with pytest.raises(TargetUnusable, match="EVERGREEN_S3_ACCESS_KEY_FILE"):
        S3Target(client, parse_location("s3://backups"), "evergreen").backups()


def test_a_backup_that_is_not_there_is_named(objects, prefix):
    for name in (NAME, "newest"):
        with pytest.raises(NoBackup):
            objects.target(prefix).open(name)


def test_a_download_that_breaks_off_goes_on_where_it_was(objects, prefix, proxy, two_attempts):
    objects.target(prefix).add(taken(), writing(11))
    breaks = iter([None, 1000, 3_000_000])
    proxy.plan = lambda method, path, headers: next(breaks, None) if method == "GET" and "Range" in headers else None
    with proxy.as_store.target(prefix).open(NAME) as stream:
        assert stream.read() == MEGABYTE * 11


def test_a_download_is_given_up_where_the_store_is_gone(objects, prefix, proxy, two_attempts):
    objects.target(prefix).add(taken(), writing(1))
    stream = proxy.as_store.target(prefix).open(NAME)
    proxy.plan = lambda method, path, headers: CUT
    with pytest.raises(TargetUnusable, match="does not answer"):
        stream.read()


def test_an_object_that_is_replaced_while_it_is_read_is_an_error(objects, prefix):
    objects.target(prefix).add(taken(), writing(6))
    stream = objects.target(prefix).open(NAME)
    stream.read(1000)
    objects.client().put_object(Bucket=BUCKET, Key=f"{prefix}/{NAME}", Body=MEGABYTE * 6 + b"x")
    with pytest.raises(TargetUnusable, match=r"another process (wrote it|writes)"):
        stream.read()


@pytest.mark.parametrize("text", ["s3://", "s3://A/x", "s3:///x", "s3://x"])
def test_what_names_no_bucket_is_refused(text):
    with pytest.raises(TargetUnusable, match="write s3://bucket/prefix"):
        parse_location(text)
