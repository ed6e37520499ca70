"""What `make run` and `manage.py stack` read."""

from configuration import parsing
from configuration.variable import Scope, Variable, where

RUN = Variable(
    name="EVERGREEN_RUN",
    form=parsing.text(),
    default=".run",
    meaning="Data directory of the stack: data, logs, sockets, secret key, and what it was started with. A relative "
    "path is below the project; where the package is installed, below ~/.local/share/evergreen-stores.",
    scopes=where(Scope.STACK, Scope.API),
)
NETWORK = Variable(
    name="EVERGREEN_NETWORK",
    form=parsing.pattern(r"\d{1,3}\.\d{1,3}\.\d{1,3}", "give the start of an address, as in 127.20.0"),
    default="127.20.0",
    meaning="First three numbers of the addresses on which the stack listens.",
    scopes=where(Scope.STACK),
)
PORT = Variable(
    name="EVERGREEN_PORT",
    form=parsing.port(),
    default="8080",
    meaning="Port on which nginx listens. In Compose also an address and a port, as in 192.0.2.1:80.",
    scopes=where(Scope.STACK, Scope.COMPOSE),
)
NGINX = Variable(
    name="EVERGREEN_NGINX",
    form=parsing.text(),
    default="",
    default_note="the nginx installed with the project",
    meaning="nginx that the stack runs.",
    scopes=where(Scope.STACK),
)
MAXMEMORY = Variable(
    name="EVERGREEN_REDIS_MAXMEMORY",
    form=parsing.pattern(r"[1-9]\d*(kb|mb|gb)?", "give a number of bytes, with kb, mb or gb, as in 1gb"),
    default="1gb",
    meaning="Memory for data in a data node: at this limit writes are refused, reads go on.",
    scopes=where(Scope.STACK, Scope.COMPOSE),
    unit="bytes, with kb, mb or gb",
)
MIN_DATA_NODES, MAX_DATA_NODES = 2, 5
#: An even number survives no more failures than the odd one below it, and is more that can fail.
SENTINEL_COUNTS = (3, 5)
DATA_NODES = Variable(
    name="EVERGREEN_DATA_NODES",
    form=parsing.integer(MIN_DATA_NODES, MAX_DATA_NODES),
    default="3",
    meaning="How many data nodes a new stack has: a primary and its replicas. `./manage.py stack scale redis` changes "
    "it. With 2, writes stop while either is away.",
    scopes=where(Scope.STACK),
)
SENTINEL_COUNT = Variable(
    name="EVERGREEN_SENTINELS",
    form=parsing.choice(*map(str, SENTINEL_COUNTS)),
    default="3",
    meaning="How many Sentinels a new stack has, and how many there are on Kubernetes. `./manage.py stack scale "
    "sentinel` and `deploy/kubernetes/scale sentinel` change it.",
    scopes=where(Scope.STACK, Scope.COMPOSE),
)
CATALOGUE_CACHE_S = Variable(
    name="EVERGREEN_CATALOGUE_CACHE_S",
    form=parsing.integer(0, 1),
    default="1",
    meaning="How old an answer about the catalogue may be that nginx serves from its cache to a client that is not "
    "signed in; 0 for no cache.",
    scopes=where(Scope.STACK, Scope.COMPOSE, Scope.NGINX),
    unit="s",
)
INSTANCE_REQUESTS = Variable(
    name="EVERGREEN_INSTANCE_REQUESTS",
    form=parsing.integer(0, 10_000),
    default="32",
    meaning="Reads that nginx has at once at each process of an instance; and half as many writes. Further ones it "
    "passes on only while an instance takes them: in an overload it refuses them by itself (ADR 61). 0 for any number.",
    scopes=where(Scope.STACK, Scope.COMPOSE, Scope.NGINX),
)
VARIABLES = (RUN, NETWORK, PORT, NGINX, MAXMEMORY, DATA_NODES, SENTINEL_COUNT, CATALOGUE_CACHE_S, INSTANCE_REQUESTS)
