"""An object as a stream that can be read where connections break: in ranges, each of which is asked for again."""

import io
import time
from typing import Any

from operations.backup.s3_client import faults

RANGE_BYTES = 16 * 2**20
MAX_ATTEMPTS = 5
FIRST_PAUSE_S = 0.5


class ObjectReader(io.RawIOBase):
    """The object as it was when the reader was made; one that is replaced meanwhile is an error.

    Making one raises what botocore raises; reading raises TargetUnusable.
    """

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._object = {"Bucket": bucket, "Key": key}
        self._place = f"s3://{bucket}/{key}"
        head = client.head_object(**self._object)
        self._size, self._etag = int(head["ContentLength"]), head["ETag"]
        self._position = 0
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as bytes are at hand; 0 at the end."""
        if not self._rest and self._position < self._size:
            with faults(self._place):
                self._rest = memoryview(self._next_range())
            self._position += len(self._rest)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _next_range(self) -> bytes:
        """The next bytes. botocore repeats requests, but not the reading of an answer that broke off."""
        from botocore import exceptions

        last = min(self._position + RANGE_BYTES, self._size) - 1
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                answer = self._client.get_object(
                    **self._object, Range=f"bytes={self._position}-{last}", IfMatch=self._etag
                )
                data: bytes = answer["Body"].read()
                if len(data) != last + 1 - self._position:
                    raise exceptions.IncompleteReadError(
                        actual_bytes=len(data), expected_bytes=last + 1 - self._position
                    )
                return data
            except (exceptions.HTTPClientError, exceptions.IncompleteReadError):
                if attempt == MAX_ATTEMPTS:
                    raise
                time.sleep(FIRST_PAUSE_S * 2**attempt)
        raise AssertionError("unreachable")
