"""The client of an object store that speaks S3, and its errors as texts that say what to do.

botocore is loaded when a client is made, and not before: nothing but backups to s3:// needs it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from configuration.backups import S3_SCHEME as SCHEME
from operations.backup.targets import NoBackup, TargetUnusable

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 60
#: Attempts of each request, with pauses of up to 20 s between them: a store that throttles or restarts is waited for.
MAX_ATTEMPTS = 6
#: Of the store's own text about an error.
MAX_DETAIL_CHARACTERS = 200
_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")
_MISSING_PACKAGE = (
    "backups to s3:// need the package botocore: run `make s3`, or install evergreen-stores[s3]; the image of the API "
    "has it"
)
_PERMISSIONS = (
    "s3:ListBucket and s3:ListBucketMultipartUploads on the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject "
    "and s3:AbortMultipartUpload on its objects"
)
_DENIED = f"access is denied: the key needs {_PERMISSIONS}"
_ELSEWHERE = "the bucket is in another region: correct EVERGREEN_S3_REGION, or EVERGREEN_S3_ENDPOINT"
_BUSY = f"the store was too busy in {MAX_ATTEMPTS} attempts: the next turn tries again"
_FULL = "the store is full, or its quota is used up: make room there, or keep fewer backups"
_UNKNOWN_KEY = "the store does not know the access key: correct EVERGREEN_S3_ACCESS_KEY"
#: What to do at an error, by its code: of AWS, and of MinIO, Ceph and others where they have codes of their own.
REMEDIES: Mapping[str, str] = {
    "NoSuchBucket": "there is no such bucket: make it, or correct the target",
    "AccessDenied": _DENIED,
    "AllAccessDisabled": _DENIED,
    "403": _DENIED,
    "InvalidAccessKeyId": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": "the secret key is not that of the access key: correct EVERGREEN_S3_SECRET_KEY",
    "RequestTimeTooSkewed": "the clocks of this machine and of the store differ: set this one by NTP",
    "AuthorizationHeaderMalformed": _ELSEWHERE,
    "PermanentRedirect": _ELSEWHERE,
    "301": _ELSEWHERE,
    "SlowDown": _BUSY,
    "ServiceUnavailable": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "TooManyRequests": _BUSY,
    "429": _BUSY,
    "503": _BUSY,
    "QuotaExceeded": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "InsufficientStorage": _FULL,
    "507": _FULL,
    "PreconditionFailed": "a backup of the same second is there: another process writes backups of this store",
    "ConditionalRequestConflict": "another process writes a backup of the same second",
    "412": "the object has changed while it was read: another process wrote it",
}
ABSENT = frozenset({"NoSuchKey", "404"})


@dataclass(frozen=True, kw_only=True, slots=True)
class S3Settings:
    """How an object store is reached. Without `access_key` the credentials are those that botocore finds itself:
    variables of AWS, a web identity, the role of the machine. Without `endpoint` it is AWS."""

    endpoint: str = ""
    region: str = ""
    access_key: str = ""
    secret_key: str = ""
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class S3Location:
    """A bucket, and the prefix of names in it, which ends in a slash or is empty."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}"


def parse_location(text: str) -> S3Location:
    """The place that `s3://bucket/prefix` names. Raises TargetUnusable."""
    match = _LOCATION.fullmatch(text)
    if not match:
        raise TargetUnusable(f"{text} names no bucket: write s3://bucket/prefix")
    prefix = (match[2] or "").strip("/")
    return S3Location(match[1], f"{prefix}/" if prefix else "")


def connect(settings: S3Settings) -> Any:
    """A client. Nothing is sent yet. Raises TargetUnusable."""
    try:
        from botocore.config import Config
        from botocore.session import get_session
    except ImportError as error:
        raise TargetUnusable(_MISSING_PACKAGE) from error
    session = get_session()
    if settings.access_key:
        session.set_credentials(settings.access_key, settings.secret_key)
    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": MAX_ATTEMPTS},
        signature_version="s3v4",
        # The SHA-256 of each body is in its signature, which every store checks. The checksums that botocore adds by
        # default are refused by some stores.
        s3={"payload_signing_enabled": True, "addressing_style": "path" if settings.endpoint else "auto"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        tcp_keepalive=True,
    )
    try:
        with faults("the object store"):
            return session.create_client(
                "s3",
                region_name=settings.region or None,
                endpoint_url=settings.endpoint or None,
                verify=settings.ca_file or True,
                config=config,
            )
    except ValueError as error:
        raise TargetUnusable(f"the object store cannot be called: {error}") from error


def code_of(error: Exception) -> str:
    """The code of an error of the store; empty where the store has not answered."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def faults(place: object) -> Iterator[None]:
    """Raise TargetUnusable, or NoBackup, in the place of what botocore raises."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _answered(place, error) from error
    except BotoCoreError as error:
        raise TargetUnusable(f"{place}: {_unanswered(error)}") from error


def _answered(place: object, error: Any) -> TargetUnusable:
    code = code_of(error)
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if code in ABSENT:
        return NoBackup(f"{place}: there is no such backup: `backup --list` names those that are there")
    remedy = REMEDIES.get(code) or REMEDIES.get(status) or "the store has refused it"
    detail = str(error.response.get("Error", {}).get("Message", ""))[:MAX_DETAIL_CHARACTERS]
    return TargetUnusable(f"{place}: {remedy} ({code or status}{': ' if detail else ''}{detail})")


def _unanswered(error: Exception) -> str:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return "there are no credentials: set EVERGREEN_S3_ACCESS_KEY_FILE and EVERGREEN_S3_SECRET_KEY_FILE"
    if isinstance(error, exceptions.NoRegionError):
        return "there is no region: set EVERGREEN_S3_REGION"
    if isinstance(error, exceptions.SSLError):
        return f"its certificate is not trusted: name its authority in EVERGREEN_S3_CA_FILE ({error})"
    if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
        return f"it does not answer: correct EVERGREEN_S3_ENDPOINT, or look at the store and the way there ({error})"
    return str(error)
