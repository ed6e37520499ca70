"""What deploy/compose.yml sets in containers that run none of the shop's Python. An operator sets none of it."""

from configuration import parsing
from configuration.variable import Scope, Variable, where


def _given(name: str, meaning: str, *scopes: Scope) -> Variable[str]:
    return Variable(
        name=name,
        form=parsing.text(),
        default="",
        default_note="set by deploy/compose.yml",
        meaning=meaning,
        scopes=where(*scopes),
    )


VARIABLES = (
    _given("EVERGREEN_ADDRESS", "Address of the container.", Scope.REDIS, Scope.SENTINEL, Scope.NGINX),
    Variable(
        name="EVERGREEN_BIND",
        form=parsing.text(),
        default="",
        default_note="the announced address; set by deploy/kubernetes",
        meaning="Address at which a data node or Sentinel listens, where it is announced under another one.",
        scopes=where(Scope.REDIS, Scope.SENTINEL),
    ),
    Variable(
        name="EVERGREEN_POD",
        form=parsing.text(),
        default="",
        default_note="none; set by deploy/kubernetes",
        meaning="Name of a Pod of a StatefulSet. Its number is the place of its announced address in "
        "EVERGREEN_REDIS_NODES, of a Sentinel in REDIS_SENTINEL.",
        scopes=where(Scope.REDIS, Scope.SENTINEL),
    ),
    _given(
        "EVERGREEN_TIER_CERTIFICATE",
        "Directory and name of the container's certificate, where data nodes and Sentinels are called by TLS.",
        Scope.REDIS,
        Scope.SENTINEL,
    ),
    _given("EVERGREEN_LISTEN", "Where nginx listens.", Scope.NGINX),
    _given(
        "EVERGREEN_NGINX_DIRECTORY", "Directory for nginx's configuration, sockets and temporary files.", Scope.NGINX
    ),
    _given("EVERGREEN_NGINX_CACHE", "Directory of the answers that nginx caches, in memory.", Scope.NGINX),
    _given("EVERGREEN_NGINX_INSTANCES", "File with the API instances, as nginx includes it.", Scope.NGINX),
    Variable(
        name="EVERGREEN_INSTANCES_NAME",
        form=parsing.text(),
        default="",
        default_note="none: the file of instances",
        meaning="Name in DNS of the API instances: nginx calls up to 64 of its IPv4 addresses, each at port 8000. The "
        "name is resolved each second, and nginx is reloaded when the addresses change.",
        scopes=where(Scope.NGINX),
    ),
    _given("EVERGREEN_INSTANCE_SCHEME", "How nginx calls instances: http or https.", Scope.NGINX),
    _given("EVERGREEN_NGINX_STATUS", "Where nginx answers with its connection counts.", Scope.NGINX),
    _given("EVERGREEN_ACCESS_LOG", "Where nginx sends a datagram about each request.", Scope.NGINX),
    _given("EVERGREEN_PRIORITY", "VRRP priority of an nginx of profile `ha`.", Scope.NGINX),
    _given("EVERGREEN_OTHER_ADDRESS", "Address of the other nginx of profile `ha`.", Scope.NGINX),
)
