"""Prometheus, Alertmanager and the exporters: which of them run here, and their configuration."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from agents.launch import write_private
from devstack import credentials, tls
from devstack.layout import EXPORTER, MONITORS, NGINX_STATUS, Layout
from devstack.servers import MONITORS as PROGRAMS
from devstack.servers import Servers
from devstack.settings import ROOT
from exactly_once.client import Address
from operations import alerting, certificates, monitoring_access

SOURCE = ROOT / "monitoring" / "prometheus"
HOW_TO_GET = "sudo apt install prometheus prometheus-alertmanager prometheus-{redis,nginx,node}-exporter"
RETENTION = "15d"
THROUGH_REDIS_EXPORTER = ("redis", "sentinel")


def running(servers: Servers) -> tuple[str, ...]:
    """The monitoring that runs here: none without Prometheus, and of the others those that are installed."""
    if "prometheus" not in servers.monitors:
        return ()
    installed = {EXPORTER, *servers.monitors} - (set() if servers.nginx_counts else {"exporter-nginx"})
    return tuple(name for name in MONITORS if name in installed)


def missing(servers: Servers) -> tuple[str, ...]:
    """The monitoring that is not installed here."""
    return tuple(name for name in PROGRAMS if name not in servers.monitors)


def write_all(layout: Layout, servers: Servers) -> None:
    """Write the configuration of the monitoring."""
    directory = layout.directory("prometheus")
    password = credentials.monitoring_password(layout)
    write_private(web_config(layout), monitoring_access.web_config(password))
    write_private(directory / "prometheus.yml", prometheus(layout))
    write_private(directory / "password", password)
    shutil.copytree(SOURCE / "rules", directory / "rules", dirs_exist_ok=True)
    directory.joinpath("targets").mkdir(exist_ok=True)
    for job, endpoints in targets(layout, servers).items():
        directory.joinpath("targets", f"{job}.json").write_text(json.dumps(endpoints))
    write_private(
        layout.directory("alertmanager") / "alertmanager.yml", alerting.alertmanager(layout.settings.delivery)
    )


def prometheus(layout: Layout) -> str:
    """Prometheus's configuration: that of every way to run, and the exporter of the data nodes by TLS, for this
    Prometheus alone. No version of that exporter that distributions have can ask for a password, and it would pass the
    password of the data nodes on to any address."""
    document = yaml.safe_load((SOURCE / "prometheus.yml").read_text())
    certificate, key = map(str, certificates.files(layout.certificates, tls.PROMETHEUS))
    files = {"ca_file": str(certificates.authority(layout.certificates)), "cert_file": certificate, "key_file": key}
    for job in document["scrape_configs"]:
        if job["job_name"] in THROUGH_REDIS_EXPORTER:
            job |= {"scheme": "https", "tls_config": files}
            del job["basic_auth"]
            for rule in job["relabel_configs"]:
                if layout.settings.tls and rule.get("target_label") == "__param_target":
                    rule["replacement"] = "rediss://$1"
    text: str = yaml.safe_dump(document, sort_keys=False)
    return text


def sockets(layout: Layout, servers: Servers) -> dict[Address, str]:
    """The URLs of the sockets behind which metrics are, by the address at which nginx passes them on."""
    found = {address: f"{layout.scheme}://unix:{layout.socket(name)}" for name, address in layout.instances.items()}
    if "exporter-nginx" in running(servers):
        found[layout.monitors["exporter-nginx"]] = f"http://unix:{layout.socket('exporter-nginx')}"
    return found


def web_config(layout: Layout) -> Path:
    """The file by which Prometheus, Alertmanager and the exporter of the machine ask for a password."""
    return layout.directory("prometheus") / "web.yml"


def targets(layout: Layout, servers: Servers) -> dict[str, list[dict[str, object]]]:
    """The scrape targets of each job of prometheus.yml."""
    here = running(servers)
    monitors = {name: address for name, address in layout.monitors.items() if name in here}
    through = {"__exporter__": str(layout.monitors["exporter-redis"])}
    has_redis_exporter = "exporter-redis" in here
    return {
        "api": _targets(layout.instances),
        "worker": _targets(layout.workers),
        "backup": _targets(layout.schedules),
        "autoscale": [],  # In containers alone: this topology has the instances that it was started with.
        "redis": _targets(layout.redis, through) if has_redis_exporter else [],
        "sentinel": _targets(layout.sentinels, through) if has_redis_exporter else [],
        "nginx": _targets({"nginx": monitors["exporter-nginx"]} if "exporter-nginx" in here else {}),
        "node": _targets({"node": monitors["exporter-node"]} if "exporter-node" in here else {}),
        **{name: _targets(_only(monitors, name)) for name in (EXPORTER, "prometheus", "alertmanager")},
    }


def command(layout: Layout, servers: Servers, name: str) -> Sequence[str]:
    """The command that runs this process."""
    address = str(layout.monitors[name])
    arguments = _arguments(layout, name)
    if name == EXPORTER:
        return [sys.executable, "-m", "operations.exporter", "--listen", address, *arguments]
    if name == "exporter-nginx":
        address = f"unix:{layout.socket(name)}"
    flag = "-web.listen-address" if name in {"exporter-redis", "exporter-nginx"} else "--web.listen-address"
    return [str(servers.monitors[name]), f"{flag}={address}", *arguments]


def _arguments(layout: Layout, name: str) -> Sequence[str]:
    directory, address = layout.directory(name), layout.monitors[name]
    match name:
        case "exporter":
            return ["--access-log", str(layout.access_log)]
        case "exporter-redis":
            certificate, key = certificates.files(layout.certificates, name)
            return [
                "-redis.addr=",
                "-redis.user=exporter",
                f"-redis.password-file={layout.secrets.exporter_passwords}",
                f"-tls-server-cert-file={certificate}",
                f"-tls-server-key-file={key}",
                f"-tls-server-ca-cert-file={certificates.authority(layout.certificates)}",
                f"-tls-ca-cert-file={certificates.authority(layout.certificates)}",
            ]
        case "exporter-nginx":
            return [f"-nginx.scrape-uri=unix:{layout.socket(NGINX_STATUS)}:/"]
        case "prometheus":
            return [
                f"--config.file={directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--storage.tsdb.retention.time={RETENTION}",
                f"--web.external-url=http://{address}",
                f"--web.config.file={web_config(layout)}",
            ]
        case "alertmanager":
            return [
                f"--config.file={directory / 'alertmanager.yml'}",
                f"--storage.path={directory / 'data'}",
                f"--web.external-url=http://{address}",
                "--cluster.listen-address=",
                f"--web.config.file={web_config(layout)}",
            ]
        case _:
            return ["--no-collector.systemd", f"--web.config.file={web_config(layout)}"]


def _only(addresses: Mapping[str, Address], name: str) -> dict[str, Address]:
    return {name: addresses[name]} if name in addresses else {}


def _targets(addresses: Mapping[str, Address], labels: Mapping[str, str] | None = None) -> list[dict[str, object]]:
    return [
        {"targets": [str(address)], "labels": {"instance": name, **(labels or {})}}
        for name, address in addresses.items()
    ]
