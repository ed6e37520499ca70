"""Backups in an object store, and every way in which it can fail."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from operations.backup import s3
from operations.backup.s3 import S3Target
from operations.backup.s3_client import parse_location
from operations.backup.targets import TargetUnusable
from tests.object_store import BUCKET, CUT, LOSE
from tests.unit.operations.backup_samples import MEGABYTE, NAME, taken, writing

pytestmark = pytest.mark.usefixtures("small_parts")


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
    assert large._part_bytes * s3.MAX_PARTS >= 5 * 2**40


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
