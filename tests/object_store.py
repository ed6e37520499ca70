"""An object store that speaks S3, as a process of its own, and a proxy before it that brings faults.

The store is moto's server: it has buckets and objects in memory, checks signatures and policies, and takes multipart
uploads and conditional writes. It stores nothing on a disk.
"""

import contextlib
import http.client
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from botocore.session import get_session

from devstack.temporary import free_port
from operations.backup import s3_client
from operations.backup.s3 import S3Target
from operations.backup.s3_client import S3Settings, parse_location
from tests.stack_fixtures import wait_until

#: The one is there, and the other is not.
BUCKET, MISSING_BUCKET = "backups", "no-such-bucket"
REGION = "eu-central-1"
ACTIONS = ("ListBucket", "ListBucketMultipartUploads", "GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload")
SERVER = "import sys; from moto.server import main; main(['-H', '127.0.0.1', '-p', sys.argv[1]])"
START_TIMEOUT_S = 60.0
#: What a plan answers: None passes the request on; a number and a code are the answer of the store, a number alone the
#: bytes after which its answer breaks off; a function changes its answer; CUT ends the connection before the request is
#: passed on, and LOSE after it, without an answer.
CUT, LOSE = "cut", "lose"
Plan = Callable[[str, str, dict[str, str]], Any]


@dataclass(frozen=True, kw_only=True)
class ObjectStore:
    """A bucket, and a key that may do there what docs/backup.md lists, and nothing else."""

    endpoint: str
    access_key: str
    secret_key: str

    @property
    def settings(self) -> S3Settings:
        return S3Settings(endpoint=self.endpoint, region=REGION, access_key=self.access_key, secret_key=self.secret_key)

    def client(self) -> Any:
        """A client, the same for the same store and bounds."""
        return _client(self.settings, s3_client.MAX_ATTEMPTS)

    def target(self, prefix: str, store: str = "evergreen") -> S3Target:
        """The backups of this store below the prefix."""
        return S3Target(self.client(), parse_location(f"s3://{BUCKET}/{prefix}"), store)

    def environment(self, directory: Path) -> dict[str, str]:
        """What a command needs to use it; the keys are in files in this directory."""
        for name, key in (("access", self.access_key), ("secret", self.secret_key)):
            (directory / name).write_text(f"{key}\n")
        return {
            "EVERGREEN_S3_ENDPOINT": self.endpoint,
            "EVERGREEN_S3_REGION": REGION,
            "EVERGREEN_S3_ACCESS_KEY_FILE": str(directory / "access"),
            "EVERGREEN_S3_SECRET_KEY_FILE": str(directory / "secret"),
        }

    def names(self, prefix: str) -> list[str]:
        """The objects below this prefix."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{prefix}/")
        return [each["Key"].removeprefix(f"{prefix}/") for page in pages for each in page.get("Contents", [])]

    def unfinished(self, prefix: str) -> int:
        """How many uploads below this prefix were begun and neither completed nor aborted."""
        listed = self.client().list_multipart_uploads(Bucket=BUCKET, Prefix=f"{prefix}/")
        return len(listed.get("Uploads", []))


@cache
def _client(settings: S3Settings, attempts: int) -> Any:
    return s3_client.connect(settings)


@contextlib.contextmanager
def serving(host: str = "127.0.0.1") -> Iterator[ObjectStore]:
    """An object store on a free port, for as long as the block runs."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    # A page of a listing has three names, so that those of tests have several.
    environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "3"}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER.replace("127.0.0.1", host), str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            wait_until(lambda: _answers(endpoint), START_TIMEOUT_S)
            yield ObjectStore(endpoint=endpoint, **_prepared(endpoint))
        finally:
            process.kill()


def _answers(endpoint: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _prepared(endpoint: str) -> dict[str, str]:
    """Make the bucket, and the keys of a user who may use nothing else; from here on they are checked."""
    session = get_session()
    session.set_credentials("anyone", "anything")
    s3, iam = (session.create_client(kind, endpoint_url=endpoint, region_name=REGION) for kind in ("s3", "iam"))
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    iam.create_user(UserName="backup")
    resources = [f"arn:aws:s3:::{name}{rest}" for name in (BUCKET, MISSING_BUCKET) for rest in ("", "/*")]
    allowed = {"Effect": "Allow", "Action": [f"s3:{action}" for action in ACTIONS], "Resource": resources}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="backup", PolicyName="backup", PolicyDocument=policy)
    key = iam.create_access_key(UserName="backup")["AccessKey"]
    headers = {"Content-Type": "text/plain"}
    request = urllib.request.Request(f"{endpoint}/moto-api/reset-auth", data=b"0", headers=headers, method="POST")
    with urllib.request.urlopen(request, timeout=5):
        return {"access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"]}


@dataclass(kw_only=True, eq=False)
class FaultyProxy:
    """Passes requests on to a store, but for what `plan` answers otherwise."""

    store: ObjectStore
    endpoint: str
    plan: Plan = lambda method, path, headers: None
    #: Method and path of each request.
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def as_store(self) -> ObjectStore:
        """The store as it is seen through the proxy."""
        return ObjectStore(endpoint=self.endpoint, access_key=self.store.access_key, secret_key=self.store.secret_key)


@contextlib.contextmanager
def faulty(store: ObjectStore) -> Iterator[FaultyProxy]:
    """A proxy before this store, for as long as the block runs."""

    class Handler(_Handler):
        proxy: FaultyProxy

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Handler.proxy = FaultyProxy(store=store, endpoint=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Handler.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: FaultyProxy

    def _serve(self) -> None:
        self.proxy.requests.append((self.command, self.path))
        planned = self.proxy.plan(self.command, self.path, dict(self.headers))
        if planned == CUT:
            # In the middle of the body, where there is one.
            self.rfile.read(min(1000, int(self.headers.get("Content-Length", 0))))
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if isinstance(planned, tuple):
            status, code = planned
            text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>planned</Message></Error>".encode()
            self._answer(status, {"Content-Type": "application/xml"}, text, len(text))
            return
        answer, content = self._passed_on(body)
        if planned == LOSE:
            self.close_connection = True
        elif callable(planned):
            content = planned(content)
            self._answer(answer.status, dict(answer.headers), content, len(content))
        elif isinstance(planned, int):
            # The answer breaks off after so many bytes.
            self._answer(answer.status, dict(answer.headers), content[:planned], len(content))
            self.close_connection = True
        else:
            length = int(answer.headers.get("Content-Length", len(content)))
            self._answer(answer.status, dict(answer.headers), content, length)

    def _passed_on(self, body: bytes) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(self.proxy.store.endpoint.removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            # The Host is signed, so it stays as the client wrote it.
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "expect":
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer, answer.read()

    def _answer(self, status: int, headers: dict[str, str], content: bytes, length: int) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def log_message(self, format: str, *args: Any) -> None:
        return
