"""What only the Compose deployment and its scripts read, from the environment or deploy/.env; they check it."""

from configuration import parsing
from configuration.variable import Scope, Variable, where


def _setting(name: str, default: str, meaning: str, note: str = "", unit: str = "") -> Variable[str]:
    return Variable(
        name=name,
        form=parsing.text(),
        default=default,
        default_note=note,
        meaning=meaning,
        unit=unit,
        scopes=where(Scope.COMPOSE),
    )


def _image(name: str, program: str) -> Variable[str]:
    return _setting(f"{name}_IMAGE", "", f"Image of {program}.", "pinned at the top of deploy/compose.yml")


NETWORK = (
    _setting(
        "EVERGREEN_PREFIX",
        "172.20.0",
        "First three numbers of every address. REDIS_SENTINEL and EVERGREEN_REDIS_NODES change with it.",
    ),
    _setting(
        "EVERGREEN_REDIS_NODES",
        "172.20.0.11:6379,172.20.0.12:6379,172.20.0.13:6379",
        "Addresses of the data nodes; of a new store, the first is the primary. `deploy/scale redis` rewrites it.",
    ),
    _setting(
        "EVERGREEN_REDIS_3",
        "1",
        "0 where `deploy/scale redis 2` has removed the third data node; `deploy/scale redis` rewrites it.",
    ),
    _setting("EVERGREEN_TLS_PORT", "8443", "Where HTTPS is published."),
    _setting(
        "EVERGREEN_CERTIFICATE",
        "./local/certificate",
        "Directory with fullchain.pem and privkey.pem, readable for user 101.",
    ),
    _setting(
        "EVERGREEN_VIRTUAL_ADDRESS",
        "",
        "Address that the two nginx of profile `ha` share.",
        "host 80 of EVERGREEN_PREFIX",
    ),
    _setting("EVERGREEN_VIRTUAL_ROUTER", "51", "VRRP router id of that address: unique in its network."),
)
DATA = (
    _setting(
        "EVERGREEN_REDIS_MEMORY",
        "2g",
        "Memory of a data node's container: about twice the data, for the copy made while a file is rewritten.",
        unit="bytes, with m or g",
    ),
    _setting(
        "EVERGREEN_REDIS_APPENDFSYNC",
        "everysec",
        "When data nodes force writes to disk: `always` for EVERGREEN_DURABILITY=fsynced, else `everysec`.",
    ),
    _setting("EVERGREEN_API_MEMORY", "512m", "Memory of an API instance's container.", unit="bytes, with m or g"),
)
MONITORING = (
    Variable(
        name="GRAFANA_PASSWORD",
        form=parsing.text(),
        default="",
        default_note="made by `deploy/init`",
        meaning="Password of Grafana's `admin`.",
        scopes=where(Scope.COMPOSE),
        is_secret=True,
    ),
    _setting("EVERGREEN_PROMETHEUS_PORT", "9090", "Port of Prometheus, on 127.0.0.1."),
    _setting("EVERGREEN_ALERTMANAGER_PORT", "9093", "Port of Alertmanager, on 127.0.0.1."),
    _setting("EVERGREEN_GRAFANA_PORT", "3000", "Port of Grafana, on 127.0.0.1."),
    _setting("EVERGREEN_METRICS_RETENTION", "15d", "How long Prometheus stores metrics.", unit="with h, d or w"),
    _setting("EVERGREEN_HEALTH_INTERVAL", "5s", "Time between two health checks of a container.", unit="with s or m"),
)
SWARM = (
    _setting("EVERGREEN_SWARM", "off", "Whether addresses are those of machines. `deploy/swarm/init` sets it."),
    _setting(
        "EVERGREEN_API_REPLICAS", "3", "API instances in a swarm. `deploy/swarm/scale` rewrites it.", unit="1 to 64"
    ),
    _setting(
        "EVERGREEN_MONITORING_ADDRESS",
        "",
        "Address of the machine with the exporter, to which nginx sends datagrams. `deploy/swarm/init` sets it.",
        "that of the machine with the label evergreen.monitoring",
    ),
)
PROJECT = (
    _setting("COMPOSE_PROJECT_NAME", "evergreen", "Name of the Compose project."),
    _setting(
        "COMPOSE_PROFILES",
        "",
        "Profiles, separated by commas: `dashboards`, `ha`, `logging`, `backup`, and the services that "
        "`deploy/scale` added.",
        "none",
    ),
    _setting("EVERGREEN_LOCAL", "./local", "Directory for the files that `deploy/init` writes, from deploy/."),
    _setting("EVERGREEN_ENV_FILE", ".env", "Settings file of `deploy/init`, `scale` and `roll`, from deploy/."),
)
IMAGES = (
    _setting("EVERGREEN_VERSION", "local", "Tag of the images that are built here; `previous` is the one before."),
    _setting("EVERGREEN_API_IMAGE", "evergreen-api", "Name of the image of the API, exporter and commands."),
    _setting("EVERGREEN_REDIS_IMAGE", "evergreen-redis", "Name of the image of data nodes and Sentinels."),
    _setting("EVERGREEN_NGINX_IMAGE", "evergreen-nginx", "Name of the image of nginx for Kubernetes."),
    _setting("EVERGREEN_EDGE_IMAGE", "evergreen-edge", "Name of the image of the nginx of profile `ha`."),
    _setting("EVERGREEN_BUILD_NETWORK", "default", "Network with which images are built."),
    _image("PYTHON", "Python, below that of the API"),
    _image("REDIS", "Redis or Valkey, below that of data nodes and Sentinels"),
    _image("NGINX", "nginx"),
    _image("PROMETHEUS", "Prometheus"),
    _image("ALERTMANAGER", "Alertmanager"),
    _image("GRAFANA", "Grafana"),
    _image("REDIS_EXPORTER", "redis_exporter"),
    _image("NGINX_EXPORTER", "nginx-prometheus-exporter"),
    _image("LOKI", "Loki"),
    _image("ALLOY", "Alloy"),
)
