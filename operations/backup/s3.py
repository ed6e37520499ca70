"""Backups in an object store: multipart uploads, so that a backup is there whole or not at all, in bounded memory."""

import io
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, BinaryIO, cast

from operations.backup.manifest import Manifest
from operations.backup.s3_client import S3Location, code_of, faults
from operations.backup.s3_reader import ObjectReader
from operations.backup.targets import NEWEST, StoredBackup, TargetUnusable, instant_of, name_of, newest_first, newest_of

MIN_PART_BYTES = 16 * 2**20
#: A store takes 10,000 parts; encryption adds less than a hundredth to the data.
MAX_PARTS = 9_000
#: A part is sent when it is complete, so this bounds an upload, not the part that is being sent.
MAX_UPLOAD_S = 20 * 3600
#: An unfinished upload of this age is of a process that is dead.
DEAD_UPLOAD_AGE = timedelta(hours=24)
#: Objects that are listed below a prefix, and unfinished uploads that are removed in one go.
MAX_LISTED, MAX_ABORTED = 100_000, 1_000
_TOKEN = "evergreen-upload"
_CONDITION_UNKNOWN = frozenset({"NotImplemented", "501", "InvalidArgument", "InvalidRequest"})


class S3Target:
    """The backups of one store below one prefix of a bucket; only those are ever touched."""

    def __init__(self, client: Any, location: S3Location, store: str) -> None:
        self._client = client
        self._location = location
        self._store = store

    def backups(self) -> list[StoredBackup]:
        """All of them, the newest first.

        Raises:
            TargetUnusable: the store does not list them, or more objects than MAX_LISTED are there.
        """
        with faults(self._location):
            listed = list(islice(self._objects(), MAX_LISTED + 1))
        if len(listed) > MAX_LISTED:
            raise TargetUnusable(
                f"{self._location} has more than {MAX_LISTED:,} objects: give backups their own prefix"
            )
        return newest_first(filter(None, map(self._stored, listed)))

    def add(self, manifest: Manifest, write: Callable[[BinaryIO], None], suffix: str = "") -> StoredBackup:
        """The backup, once the store has all of it. Its name ends in `suffix`.

        Raises:
            TargetUnusable: it cannot be written, or a backup of this name is there. Nothing is left of it where the
                store can still be reached; otherwise the next one removes its parts.
        """
        name = name_of(manifest, suffix)
        self._remove_dead_uploads()
        with faults(self._location):
            upload = _Upload(self._client, self._location.bucket, self._location.prefix + name, manifest.size)
            try:
                write(cast(BinaryIO, upload))
                upload.complete()
            except BaseException:
                upload.abort()
                raise
        return StoredBackup(location=f"{self._location}{name}", name=name, instant=manifest.instant, size=upload.size)

    def keep(self, newest: int) -> list[StoredBackup]:
        """Remove all but so many; those that are gone. Raises TargetUnusable."""
        surplus = self.backups()[newest:]
        with faults(self._location):
            for backup in surplus:
                self._client.delete_object(Bucket=self._location.bucket, Key=self._location.prefix + backup.name)
        return surplus

    def open(self, name: str) -> BinaryIO:
        """The backup of this name as a stream, the newest one where it is NEWEST. Raises NoBackup, TargetUnusable."""
        if name == NEWEST:
            name = newest_of(self.backups(), str(self._location)).name
        with faults(f"{self._location}{name}"):
            return cast(BinaryIO, ObjectReader(self._client, self._location.bucket, self._location.prefix + name))

    def _objects(self) -> Iterator[Any]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._location.bucket, Prefix=f"{self._location.prefix}{self._store}-"
        )
        return chain.from_iterable(page.get("Contents", ()) for page in pages)

    def _stored(self, listed: Any) -> StoredBackup | None:
        name = listed["Key"].removeprefix(self._location.prefix)
        instant = instant_of(name, self._store)
        if instant is None:
            return None
        return StoredBackup(location=f"{self._location}{name}", name=name, instant=instant, size=listed["Size"])

    def _remove_dead_uploads(self) -> None:
        """Remove the parts that processes which were killed have left. A store that does not list them, or a key that
        may not, is no reason to make no backup."""
        from botocore.exceptions import ClientError

        bucket, prefix = self._location.bucket, f"{self._location.prefix}{self._store}-"
        with faults(self._location), suppress(ClientError):
            pages = self._client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
            uploads = chain.from_iterable(page.get("Uploads", ()) for page in pages)
            for each in islice(uploads, MAX_ABORTED):
                is_own = instant_of(each["Key"].removeprefix(self._location.prefix), self._store) is not None
                if is_own and each["Initiated"] < datetime.now(UTC) - DEAD_UPLOAD_AGE:
                    self._client.abort_multipart_upload(Bucket=bucket, Key=each["Key"], UploadId=each["UploadId"])


class _Upload(io.RawIOBase):
    """A stream whose bytes are sent in parts, and become an object in one step. Raises what botocore raises."""

    def __init__(self, client: Any, bucket: str, key: str, data_bytes: int) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._part_bytes = max(MIN_PART_BYTES, -(-data_bytes // MAX_PARTS))
        self._buffer = bytearray()
        self._parts: list[dict[str, object]] = []
        self._deadline = time.monotonic() + MAX_UPLOAD_S
        # By it an object is known to be of this upload, where the answer to the last request is lost.
        self._token = uuid.uuid4().hex
        begun = client.create_multipart_upload(
            **self._object, ContentType="application/octet-stream", Metadata={_TOKEN: self._token}
        )
        self._upload = {**self._object, "UploadId": begun["UploadId"]}
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        """Take the bytes, and send those that fill a part."""
        view = memoryview(data)
        self._buffer += view
        self.size += view.nbytes
        if len(self._buffer) >= self._part_bytes:
            self._send()
        return view.nbytes

    def complete(self) -> None:
        """Send the rest, and make the object of all parts. Raises TargetUnusable: it is not what was sent."""
        if self._buffer or not self._parts:
            self._send()
        self._publish()
        if not self._is_there():
            raise TargetUnusable("the store has acknowledged a backup that it does not have as it was sent")

    def abort(self) -> None:
        """Remove the parts, as far as the store can be reached."""
        with suppress(Exception):
            self._client.abort_multipart_upload(**self._upload)

    def _send(self) -> None:
        if time.monotonic() > self._deadline:
            raise TargetUnusable(f"the upload takes longer than {MAX_UPLOAD_S // 3600} h: look at the way to the store")
        number = len(self._parts) + 1
        part = self._client.upload_part(**self._upload, PartNumber=number, Body=bytes(self._buffer))
        self._parts.append({"PartNumber": number, "ETag": part["ETag"]})
        self._buffer = bytearray()

    def _publish(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        parts = {**self._upload, "MultipartUpload": {"Parts": self._parts}}
        try:
            self._client.complete_multipart_upload(**parts, IfNoneMatch="*")
        except (BotoCoreError, ClientError) as error:
            if self._is_there():
                return
            if code_of(error) not in _CONDITION_UNKNOWN:
                raise
            # The store has no conditional writes. Names have the second in them, so that two writers rarely meet.
            if self._head() is not None:
                raise TargetUnusable("a backup of the same second is there: another process writes backups") from error
            self._client.complete_multipart_upload(**parts)

    def _is_there(self) -> bool:
        """Whether the object is the one of this upload, of the size that was sent."""
        head = self._head()
        return bool(head and head["Metadata"].get(_TOKEN) == self._token and head["ContentLength"] == self.size)

    def _head(self) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        with suppress(BotoCoreError, ClientError):
            return self._client.head_object(**self._object)
        return None
