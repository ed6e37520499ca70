"""What the API instances and the commands of the shop read."""

from configuration import parsing
from configuration.variable import Scope, Variable, where

MIN_SECRET_CHARACTERS = 50
MAX_SECRET_KEY_FALLBACKS = 4
MAX_BACKUP_RECIPIENTS = 20
MIN_MONITORING_PASSWORD_CHARACTERS = 24

SECRET_KEY = Variable(
    name="SECRET_KEY",
    form=parsing.secret(MIN_SECRET_CHARACTERS),
    default="",
    default_note="made by `make run` and by `deploy/init`",
    meaning="Signs page cursors, and encrypts what the store holds for repeats: the secret of a new token or API key, "
    "and the key of the HMACs behind Idempotency-Keys. Tokens are random, and do not depend on it. "
    "docs/deploy.md#rotate-the-secret-key says how to replace it.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.COMPOSE),
    requirement=f"set it to a random text of at least {MIN_SECRET_CHARACTERS} characters",
    is_secret=True,
)
SECRET_KEY_FALLBACKS = Variable(
    name="SECRET_KEY_FALLBACKS",
    form=parsing.secrets(MIN_SECRET_CHARACTERS, MAX_SECRET_KEY_FALLBACKS),
    default="",
    default_note="none",
    meaning="Former values of SECRET_KEY, separated by commas. What they signed and encrypted is still accepted.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.COMPOSE),
    is_secret=True,
)
PRIMARY_NAME = Variable(
    name="REDIS_MASTER_NAME",
    form=parsing.text(),
    default="evergreen",
    meaning="Name by which the Sentinels know the store.",
    scopes=where(Scope.API, Scope.STACK, Scope.EXPORTER, Scope.COMPOSE),
    requirement="give the name by which the Sentinels know the store",
)
SENTINELS = Variable(
    name="REDIS_SENTINEL",
    form=parsing.socket_addresses(),
    default="",
    default_note="the Sentinels of the stack in EVERGREEN_RUN",
    meaning="Where the Sentinels listen. Addresses, no names: names stop resolving when a container stops.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.COMPOSE),
    requirement="name the Sentinels, as host:port,host:port,host:port",
)
STORE = Variable(
    name="EVERGREEN_STORE",
    form=parsing.pattern(r"[a-z0-9_-]+", "use lower case letters, digits, _ and -", "letters, digits, _, -"),
    default="evergreen",
    meaning="Name of the shop's data: the hash tag of every key.",
    scopes=where(Scope.API, Scope.STACK, Scope.EXPORTER, Scope.COMPOSE),
)
DURABILITY = Variable(
    name="EVERGREEN_DURABILITY",
    form=parsing.choice("memory", "replicated", "fsynced"),
    default="replicated",
    meaning="When a write is acknowledged: done on the primary; or safe from any single fault; or on disks too, which "
    "needs appendfsync always on the data nodes.",
    scopes=where(Scope.API, Scope.STACK, Scope.EXPORTER, Scope.COMPOSE),
)
REPLICAS = Variable(
    name="EVERGREEN_REPLICAS",
    form=parsing.integer(0, 100),
    default="2",
    meaning="How many replicas the store has: a write is acknowledged when all of them have it, or the missing ones "
    "cannot be elected.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.COMPOSE),
)
HOSTS = Variable(
    name="EVERGREEN_HOSTS",
    form=parsing.host_names(),
    default="localhost,127.0.0.1,[::1]",
    meaning="Names and addresses by which clients call the shop; every request for another host is answered 421.",
    scopes=where(Scope.API, Scope.STACK, Scope.COMPOSE, Scope.NGINX),
)
TRUSTED_PROXIES = Variable(
    name="EVERGREEN_TRUSTED_PROXIES",
    form=parsing.networks(),
    default="",
    default_note="none",
    meaning="Networks of the proxies in front of nginx, such as a balancer that ends TLS. From them alone nginx takes "
    "the client's address (X-Forwarded-For) and whether it came by HTTPS (X-Forwarded-Proto).",
    scopes=where(Scope.API, Scope.STACK, Scope.COMPOSE, Scope.NGINX),
)
CORS_ORIGINS = Variable(
    name="EVERGREEN_CORS_ORIGINS",
    form=parsing.origins(),
    default="",
    default_note="none: CORS is closed",
    meaning="Origins whose pages may call the API from a browser with a bearer token. Cookies are never sent for them.",
    scopes=where(Scope.API, Scope.COMPOSE),
)
INSTANCE = Variable(
    name="EVERGREEN_INSTANCE",
    form=parsing.text(),
    default="",
    default_note="the name of the machine",
    meaning="Name of this process in the status view, in readiness answers and in the process list.",
    scopes=where(Scope.API, Scope.GUNICORN, Scope.EXPORTER),
)
SOURCE_ADDRESS = Variable(
    name="EVERGREEN_SOURCE_ADDRESS",
    form=parsing.ip_address(),
    default="",
    default_note="the system's choice",
    meaning="Address of this machine from which the store is called.",
    scopes=where(Scope.API),
)
REDIS_SERVER = Variable(
    name="EVERGREEN_REDIS_SERVER",
    form=parsing.text(),
    default="",
    default_note="the server installed with the project",
    meaning="Redis or Valkey server, 7.2 or later: run by the stack, and loaded with copies of the store by backup and "
    "check_stock.",
    scopes=where(Scope.API, Scope.STACK),
)
REDIS_CA_FILE = Variable(
    name="EVERGREEN_REDIS_CA_FILE",
    form=parsing.text(),
    default="",
    default_note="no TLS; set by `make run` and by deploy/compose.yml where EVERGREEN_INTERNAL_TLS is on",
    meaning="File with the certificate of the authority of data nodes and Sentinels, which are then called by TLS.",
    scopes=where(Scope.API, Scope.EXPORTER),
)
CERTIFICATES = Variable(
    name="EVERGREEN_CERTIFICATES",
    form=parsing.text(),
    default="",
    default_note="none; set by `make run`",
    meaning="Directory of the certificates between the tiers, of which the exporter says when they end.",
    scopes=where(Scope.API, Scope.EXPORTER),
)
INTERNAL_TLS = Variable(
    name="EVERGREEN_INTERNAL_TLS",
    form=parsing.switch(),
    default="off",
    meaning="Whether nginx, instances, data nodes, Sentinels and exporters call each other by TLS. It needs a server "
    "with TLS: the one that is installed with the project has none, so name another with EVERGREEN_REDIS_SERVER.",
    scopes=where(Scope.STACK, Scope.COMPOSE),
)
MONITORING_PASSWORD = Variable(
    name="EVERGREEN_MONITORING_PASSWORD",
    form=parsing.secret(MIN_MONITORING_PASSWORD_CHARACTERS),
    default="",
    default_note="made by `make run` and by `deploy/init`",
    meaning="Password of the user `prometheus`: for the metrics of instances and exporters, and for the pages of "
    "Prometheus and Alertmanager. Where an instance has none, its metrics are open to everyone who reaches it.",
    scopes=where(Scope.API, Scope.EXPORTER, Scope.ALERTING, Scope.AUTOSCALE, Scope.COMPOSE),
    is_secret=True,
)
REDIS_USERNAME = Variable(
    name="EVERGREEN_REDIS_USERNAME",
    form=parsing.pattern(r"[a-z0-9_-]*", "give the name of a user of deploy/redis/users.acl", "letters, digits, _, -"),
    default="",
    default_note="set by `make run` and by deploy/compose.yml; servers of your own: no authentication",
    meaning="User as which data nodes and Sentinels are called: `api` for instances, `operator` for commands.",
    scopes=where(Scope.API, Scope.EXPORTER),
)
REDIS_PASSWORD_FILE = Variable(
    name="EVERGREEN_REDIS_PASSWORD_FILE",
    form=parsing.text(),
    default="",
    default_note="set by `make run` and by deploy/compose.yml",
    meaning="File with the password of that user. It is read for each new connection, so that a password can be "
    "replaced without a restart.",
    scopes=where(Scope.API, Scope.EXPORTER),
)
CACHE_PASSWORD_FILE = Variable(
    name="EVERGREEN_CACHE_PASSWORD_FILE",
    form=parsing.text(),
    default="",
    default_note="set by `make run` and by deploy/compose.yml; without it each process has a cache of its own",
    meaning="File with the password of the user `cache`, as which an instance calls the store for its shared cache.",
    scopes=where(Scope.API),
)
BACKUP_RECIPIENTS = Variable(
    name="EVERGREEN_BACKUP_RECIPIENTS",
    form=parsing.age_recipients(MAX_BACKUP_RECIPIENTS),
    default="",
    default_note="none: backups are not encrypted, with a warning",
    meaning="Public keys of age, as `age-keygen` prints them, to which backups are encrypted. The secret key "
    "of any of them opens a backup; it need not be on a machine of the shop. docs/backup.md#encryption says more.",
    scopes=where(Scope.API, Scope.COMPOSE),
)
AUDIT_RETENTION_DAYS = Variable(
    name="EVERGREEN_AUDIT_RETENTION_DAYS",
    form=parsing.integer(1, 4000),
    default="400",
    meaning="Days for which an entry of the audit is stored. docs/audit.md says what is recorded.",
    scopes=where(Scope.API, Scope.COMPOSE),
)
AUDIT_MAX_ENTRIES = Variable(
    name="EVERGREEN_AUDIT_MAX_ENTRIES",
    form=parsing.integer(1_000, 10_000_000),
    default="200000",
    meaning="Entries of the audit that are stored, of about 420 bytes each. The oldest make room.",
    scopes=where(Scope.API, Scope.COMPOSE),
)
VARIABLES = (
    SECRET_KEY,
    SECRET_KEY_FALLBACKS,
    PRIMARY_NAME,
    SENTINELS,
    STORE,
    DURABILITY,
    REPLICAS,
    HOSTS,
    TRUSTED_PROXIES,
    CORS_ORIGINS,
    INSTANCE,
    SOURCE_ADDRESS,
    REDIS_SERVER,
    MONITORING_PASSWORD,
    REDIS_CA_FILE,
    CERTIFICATES,
    INTERNAL_TLS,
    REDIS_USERNAME,
    REDIS_PASSWORD_FILE,
    CACHE_PASSWORD_FILE,
    BACKUP_RECIPIENTS,
    AUDIT_RETENTION_DAYS,
    AUDIT_MAX_ENTRIES,
)
