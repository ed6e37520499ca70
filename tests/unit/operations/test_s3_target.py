"""Backups in an object objects, and every way in which it can fail."""

import itertools
import os
import re
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from operations.backup import s3, s3_client, s3_reader
from operations.backup.manifest import SCHEMA, Manifest
from operations.backup.s3 import MIN_PART_BYTES, S3Target
from operations.backup.s3_client import S3Settings, parse_location
from operations.backup.targets import NoBackup, TargetUnusable
from tests.object_store import BUCKET, CUT, LOSE, MISSING_BUCKET, ObjectStore, faulty, serving

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NAME = "evergreen-20260102T030405Z.tar"
NUMBERS = itertools.count()
MEGABYTE = os.urandom(2**20)


def taken(hours: int = 0) -> Manifest:
    return Manifest(
        schema=SCHEMA,
        store="evergreen",
        instant=START + timedelta(hours=hours),
        source="10.0.0.2:6379",
        revision=1,
        counts={},
        size=0,
        sha256="",
    )


def writing(megabytes: int):
    """Writes so many megabytes."""
    return lambda stream: [stream.write(MEGABYTE) for _ in range(megabytes)]


@pytest.fixture(scope="module")
def objects():
    with serving() as found:
        yield found


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    """Parts of the least size that a store takes: a backup of a few megabytes has several."""
    monkeypatch.setattr(s3, "MIN_PART_BYTES", 5 * 2**20)
    monkeypatch.setattr(s3_reader, "RANGE_BYTES", 4 * 2**20)


@pytest.fixture
def prefix():
    return f"shop-{next(NUMBERS)}"


@pytest.fixture
def proxy(objects):
    with faulty(objects) as found:
        yield found


@pytest.fixture
def two_attempts(monkeypatch):
    """Requests are made twice at most, so that a store that is down for good is given up soon."""
    monkeypatch.setattr(s3_client, "MAX_ATTEMPTS", 2)
    monkeypatch.setattr(s3_reader, "FIRST_PAUSE_S", 0.01)


def test_a_backup_of_several_parts_is_there_under_its_name_and_can_be_read(objects, prefix):
    target = objects.target(prefix)
    added = target.add(taken(), writing(11), ".age")
    assert added.location == f"s3://{BUCKET}/{prefix}/{NAME}.age"
    assert (added.size, added.is_encrypted) == (11 * 2**20, True)
    assert target.backups() == [added]
    with target.open("newest") as stream:
        assert stream.read() == MEGABYTE * 11
    assert objects.unfinished(prefix) == 0


def test_a_bucket_without_a_prefix_is_a_target_too(objects):
    target = S3Target(objects.client(), parse_location(f"s3://{BUCKET}"), "evergreen")
    added = target.add(taken(), writing(1))
    assert added.location == f"s3://{BUCKET}/{NAME}"
    assert added in target.backups()
    assert target.keep(1) == []
    objects.client().delete_object(Bucket=BUCKET, Key=NAME)


def test_memory_is_bounded_by_the_size_of_a_part(objects, prefix, proxy):
    proxy.as_store.target(prefix).add(taken(), writing(11))
    assert sum(method == "PUT" for method, _ in proxy.requests) == 3
    large = s3._Upload(objects.client(), BUCKET, f"{prefix}/large", 5 * 2**40)
    large.abort()
    assert large._part_bytes * s3.MAX_PARTS >= 5 * 2**40 and MIN_PART_BYTES * s3.MAX_PARTS > 2**37


def test_half_a_backup_is_never_there_and_its_parts_are_removed(objects, prefix):
    def fail(stream):
        writing(6)(stream)
        assert objects.unfinished(prefix) == 1
        raise OSError("the copy ends early")

    target = objects.target(prefix)
    with pytest.raises(OSError, match="ends early"):
        target.add(taken(), fail)
    assert (objects.names(prefix), objects.unfinished(prefix)) == ([], 0)


def test_an_interrupted_upload_leaves_nothing(objects, prefix):
    def stop(stream):
        writing(6)(stream)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        objects.target(prefix).add(taken(), stop)
    assert (objects.names(prefix), objects.unfinished(prefix)) == ([], 0)


def test_a_connection_that_breaks_once_costs_nothing(objects, prefix, proxy):
    breaks = iter([CUT])
    proxy.plan = lambda method, path, headers: next(breaks, None) if "partNumber=2" in path else None
    proxy.as_store.target(prefix).add(taken(), writing(11))
    assert objects.target(prefix).backups()[0].size == 11 * 2**20


def begun_at(instant: datetime):
    """The plan of a store whose unfinished uploads were begun then: moto has one instant for all, in 2010."""

    def change(content: bytes) -> bytes:
        return re.sub(rb"<Initiated>[^<]*", f"<Initiated>{instant:%Y-%m-%dT%H:%M:%S.000Z}".encode(), content)

    return lambda method, path, headers: change if method == "GET" and "uploads" in path else None


def test_a_store_that_goes_away_in_the_middle_has_no_backup_and_the_next_one_removes_the_parts(
    objects, prefix, proxy, two_attempts
):
    gone = False

    def plan(method, path, headers):
        nonlocal gone
        gone = gone or "partNumber=2" in path
        return CUT if gone else None

    proxy.plan = plan
    with pytest.raises(TargetUnusable, match="does not answer: correct EVERGREEN_S3_ENDPOINT"):
        proxy.as_store.target(prefix).add(taken(), writing(11))
    assert (objects.names(prefix), objects.unfinished(prefix)) == ([], 1)
    proxy.plan = begun_at(datetime.now(UTC) - timedelta(hours=23))
    proxy.as_store.target(prefix).add(taken(1), writing(1))
    assert objects.unfinished(prefix) == 1, "an upload that may still go on is left alone"
    proxy.plan = begun_at(datetime.now(UTC) - timedelta(hours=25))
    proxy.as_store.target(prefix).add(taken(2), writing(1))
    assert objects.unfinished(prefix) == 0


def test_unfinished_uploads_of_others_are_left_alone(objects, prefix):
    for name in ("evergreen-notes", "other-20200101T000000Z.tar"):
        objects.client().create_multipart_upload(Bucket=BUCKET, Key=f"{prefix}/{name}")
    objects.target(prefix).add(taken(), writing(1))
    assert objects.unfinished(prefix) == 2


def test_a_lost_answer_to_the_last_request_is_no_failure(objects, prefix, proxy):
    losses = iter([LOSE])
    proxy.plan = lambda method, path, headers: next(losses, None) if method == "POST" and "uploadId" in path else None
    proxy.as_store.target(prefix).add(taken(), writing(2))
    assert [each.size for each in objects.target(prefix).backups()] == [2 * 2**20]


def test_a_second_backup_of_the_same_second_is_refused_and_the_first_stays(objects, prefix):
    objects.target(prefix).add(taken(), writing(2))
    with pytest.raises(TargetUnusable, match="another process writes backups"):
        objects.target(prefix).add(taken(), writing(3))
    assert [each.size for each in objects.target(prefix).backups()] == [2 * 2**20]
    assert objects.unfinished(prefix) == 0


def test_a_store_without_conditional_writes_is_asked_whether_the_name_is_taken(objects, prefix, proxy):
    proxy.plan = lambda method, path, headers: (501, "NotImplemented") if "If-None-Match" in headers else None
    proxy.as_store.target(prefix).add(taken(), writing(2))
    with pytest.raises(TargetUnusable, match="same second"):
        proxy.as_store.target(prefix).add(taken(), writing(3))
    assert [each.size for each in objects.target(prefix).backups()] == [2 * 2**20]


def test_a_store_that_throttles_is_waited_for(objects, prefix, proxy):
    answers = iter([(503, "SlowDown"), (503, "SlowDown"), (429, "TooManyRequests")])
    proxy.plan = lambda method, path, headers: next(answers, None) if method == "PUT" else None
    proxy.as_store.target(prefix).add(taken(), writing(2))
    assert objects.names(prefix) == [NAME] and next(answers, None) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((503, "SlowDown"), "too busy"),
        ((507, "XMinioStorageFull"), "the store is full"),
        ((403, "QuotaExceeded"), "the store is full"),
        ((403, "AccessDenied"), "the key needs s3:ListBucket"),
        ((403, "RequestTimeTooSkewed"), "clocks"),
        ((418, "Teapot"), "the store has refused it \\(Teapot: planned"),
    ],
)
def test_what_the_store_refuses_is_named_with_what_to_do(objects, prefix, proxy, two_attempts, answer, reason):
    proxy.plan = lambda method, path, headers: answer if "partNumber" in path else None
    with pytest.raises(TargetUnusable, match=reason):
        proxy.as_store.target(prefix).add(taken(), writing(1))
    assert (objects.names(prefix), objects.unfinished(prefix)) == ([], 0)


def test_a_key_that_may_not_list_unfinished_uploads_makes_backups_all_the_same(objects, prefix, proxy):
    def plan(method, path, headers):
        return (403, "AccessDenied") if method == "GET" and "uploads" in path else None

    proxy.plan = plan
    proxy.as_store.target(prefix).add(taken(), writing(1))
    assert objects.names(prefix) == [NAME]


def test_the_newest_are_kept_and_nothing_else_is_touched(objects, prefix):
    target = objects.target(prefix)
    added = [target.add(taken(hours), writing(1), suffix) for hours, suffix in ((3, ""), (1, ".age"), (2, ""), (0, ""))]
    others = ("notes.tar", "evergreen-old.tar", "other-20200101T000000Z.tar", "deeper/evergreen-20200101T000000Z.tar")
    for name in others:
        objects.client().put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=b"")
    assert target.keep(2) == [added[1], added[3]]
    assert target.backups() == [added[0], added[2]]
    assert set(others) <= set(objects.names(prefix))


def test_more_objects_than_a_target_may_have_are_refused(objects, prefix, monkeypatch):
    monkeypatch.setattr(s3, "MAX_LISTED", 1)
    for name in ("evergreen-1", "evergreen-2"):
        objects.client().put_object(Bucket=BUCKET, Key=f"{prefix}/{name}", Body=b"")
    with pytest.raises(TargetUnusable, match="own prefix"):
        objects.target(prefix).backups()


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
