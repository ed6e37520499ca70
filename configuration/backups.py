"""Where backups go, how often they are made, and how an object store is reached."""

from configuration import parsing
from configuration.values import Values
from configuration.variable import Scope, Variable, where

MAX_RECIPIENTS = 20
#: What a target in an object store begins with.
S3_SCHEME = "s3://"
_EVERYWHERE = where(Scope.API, Scope.EXPORTER, Scope.STACK, Scope.COMPOSE)
_TIME = "give a number and s, m, h or d, as in 6h"
_TIMES = "with s, m, h or d"

RECIPIENTS = Variable(
    name="EVERGREEN_BACKUP_RECIPIENTS",
    form=parsing.age_recipients(MAX_RECIPIENTS),
    default="",
    default_note="none: backups are not encrypted, with a warning",
    meaning="Public keys of age, as `age-keygen` prints them, to which backups are encrypted. The secret key "
    "of any of them opens a backup; it need not be on a machine of the shop. docs/backup.md#encryption says more.",
    scopes=where(Scope.API, Scope.COMPOSE),
)
TARGET = Variable(
    name="EVERGREEN_BACKUP_TARGET",
    form=parsing.pattern(
        r"(s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?|(?!s3:).*)", "give a directory or s3://bucket/prefix"
    ),
    default="",
    default_note="none: `make run` makes no backups, and commands need a target; in Compose /backups, its volume",
    meaning="Where backups go: a directory, or `s3://bucket/prefix`, a place in an object store. With `make run` a "
    "relative directory is below the one in which it is started.",
    scopes=_EVERYWHERE,
)
EVERY = Variable(
    name="EVERGREEN_BACKUP_EVERY",
    form=parsing.pattern(r"[1-9]\d{0,5}[smhd]", _TIME),
    default="24h",
    meaning="Time between two backups of `make run`, where it has a target, and of profile `backup`.",
    unit=_TIMES,
    scopes=where(Scope.STACK, Scope.COMPOSE),
)
KEEP = Variable(
    name="EVERGREEN_BACKUP_KEEP",
    form=parsing.integer(1, 100_000),
    default="14",
    meaning="Newest backups that these do not remove.",
    scopes=where(Scope.STACK, Scope.COMPOSE),
)
MAX_AGE = Variable(
    name="EVERGREEN_BACKUP_MAX_AGE",
    form=parsing.pattern(r"[1-9]\d{0,5}[smhd]", _TIME),
    default="26h",
    meaning="Age of the newest backup at which an alert is sent: the time between two, and what one takes.",
    unit=_TIMES,
    scopes=_EVERYWHERE,
)
S3_ENDPOINT = Variable(
    name="EVERGREEN_S3_ENDPOINT",
    form=parsing.pattern(r"(https?://[A-Za-z0-9.\[\]:-]+)?", "give an origin, as in https://objects.example:9000"),
    default="",
    default_note="AWS",
    meaning="Where the object store is called. By http what is not encrypted can be read on the way.",
    scopes=_EVERYWHERE,
)
S3_REGION = Variable(
    name="EVERGREEN_S3_REGION",
    form=parsing.pattern(r"[a-z0-9-]+", "give the name of a region, as in eu-central-1"),
    default="us-east-1",
    meaning="Region of the bucket.",
    scopes=_EVERYWHERE,
)
S3_ACCESS_KEY = Variable(
    name="EVERGREEN_S3_ACCESS_KEY",
    form=parsing.text(),
    default="",
    default_note="what botocore finds: the variables of AWS, a web identity, the role of the machine",
    meaning="Access key for the object store.",
    scopes=_EVERYWHERE,
    is_secret=True,
)
S3_SECRET_KEY = Variable(
    name="EVERGREEN_S3_SECRET_KEY",
    form=parsing.text(),
    default="",
    default_note="as EVERGREEN_S3_ACCESS_KEY",
    meaning="Secret key that belongs to it.",
    scopes=_EVERYWHERE,
    is_secret=True,
)
S3_CA_FILE = Variable(
    name="EVERGREEN_S3_CA_FILE",
    form=parsing.text(),
    default="",
    default_note="the public authorities",
    meaning="File with the certificates of the authorities of the object store.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.STACK),
)
VARIABLES = (
    RECIPIENTS,
    TARGET,
    EVERY,
    KEEP,
    MAX_AGE,
    S3_ENDPOINT,
    S3_REGION,
    S3_ACCESS_KEY,
    S3_SECRET_KEY,
    S3_CA_FILE,
)


def whole_credentials(values: Values) -> str | None:
    """The fault where one of the two keys is missing, or None."""
    if bool(values[S3_ACCESS_KEY]) == bool(values[S3_SECRET_KEY]):
        return None
    return f"{S3_ACCESS_KEY.name} and {S3_SECRET_KEY.name} belong together: set both, or none."
