"""The configuration files of the embedded topology, made from those under deploy/."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterable, Mapping
from getpass import getuser
from pathlib import Path
from string import Template

from agents.launch import write_private
from devstack import credentials, edge, monitoring, spawn, tls
from devstack.layout import BACKUP, EXPORTER, INSTANCES, MONITORS, NGINX, NGINX_STATUS, Layout
from devstack.process_variables import process_variables
from devstack.servers import Servers
from devstack.settings import ROOT
from exactly_once.client import Address
from operations.monitoring_access import authorization

DEPLOY = ROOT / "deploy"
APPLICATION = "evergreen.wsgi"
# Groups start in this order, and stop in the reverse: no Sentinel looks on while data nodes stop.
PRIORITIES = {
    "redis": 100,
    "sentinel": 200,
    "api": 300,
    "worker": 350,
    NGINX: 400,
    BACKUP: 450,
    EXPORTER: 500,
    "prometheus": 600,
    "alertmanager": 700,
}


def write_all(layout: Layout, servers: Servers, environment: Mapping[str, str], kinds: tuple[str, ...]) -> None:
    """Write every file that the processes of these kinds are started with."""
    names = wanted(layout, servers, kinds)
    for name in names:
        layout.directory(name).mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.logs.mkdir(exist_ok=True, mode=0o700)
    layout.mails.mkdir(exist_ok=True, mode=0o700)
    credentials.monitoring_password(layout)
    layout.sockets.parent.mkdir(exist_ok=True, mode=0o700)
    close(layout.sockets)
    if layout.settings.tls or EXPORTER in names:
        tls.ensure(layout)
    # Of the processes of an earlier start, which have ended.
    shutil.rmtree(layout.pids, ignore_errors=True)
    shutil.rmtree(layout.definitions, ignore_errors=True)
    if NGINX in names:
        _write_nginx(layout, servers, is_watched=EXPORTER in names)
    if EXPORTER in names:
        monitoring.write_all(layout, servers)
    write_private(layout.run / "supervisord.conf", supervisor(layout, servers, environment, kinds))


def close(directory: Path) -> None:
    """Make this directory where it is missing, and close it to other users also where it was there."""
    directory.mkdir(exist_ok=True, mode=0o700)
    directory.chmod(0o700)


def wanted(layout: Layout, servers: Servers, kinds: tuple[str, ...]) -> list[str]:
    """The processes of these kinds, of those that watch only what is installed."""
    watching = monitoring.running(servers)
    return [name for name in layout.names if kind(name) in kinds and (name in watching or name not in MONITORS)]


def nginx(layout: Layout) -> str:
    """nginx's configuration."""
    directory = layout.directory(NGINX)
    return _fill(
        DEPLOY / "nginx.conf",
        EVERGREEN_LISTEN=str(layout.nginx),
        EVERGREEN_NGINX_DIRECTORY=str(directory),
        EVERGREEN_NGINX_INSTANCES=str(directory / "instances.conf"),
        EVERGREEN_INSTANCE_SCHEME=layout.scheme,
    )


def nginx_files(layout: Layout) -> Mapping[str, str]:
    """Every file that nginx's configuration needs, itself included, by name."""
    paths = {
        "EVERGREEN_NGINX_DIRECTORY": str(layout.directory(NGINX)),
        "EVERGREEN_NGINX_CACHE": str(layout.nginx_cache),
    }
    filled = {name: _fill(DEPLOY / "nginx" / name, **paths) for name in edge.INCLUDED}
    instances = edge.instances([f"unix:{layout.socket(name)}" for name in INSTANCES])
    return {
        "nginx.conf": nginx(layout),
        "instances.conf": instances,
        **edge.divided(instances, layout.settings.workers * layout.settings.instance_requests),
        "cache-lifetime.conf": edge.cache_lifetime(layout.settings.catalogue_cache_s),
        "hosts.conf": edge.hosts(layout.settings.hosts),
        "proxies.conf": edge.proxies(layout.settings.trusted_proxies),
        "rates.conf": edge.rates(layout.settings.address_limits),
        "upstream-tls.conf": edge.tls(layout.certificate(NGINX)) if layout.settings.tls else "",
        **filled,
    }


def supervisor(layout: Layout, servers: Servers, environment: Mapping[str, str], kinds: tuple[str, ...]) -> str:
    """The supervisor's configuration: every process of these kinds, restarted whenever it ends."""
    head = _fill(DEPLOY / "embedded" / "supervisord.conf", EVERGREEN_RUN=str(layout.run))
    # Groups cannot grow while the supervisor runs: servers that may be added are in them from the start.
    names = wanted(layout.largest, servers, kinds)
    groups = [
        _group(each, [name for name in names if kind(name) == each]) for each in {kind(name): 0 for name in names}
    ]
    programs = [_program(layout, name, command(layout, servers, name), environment) for name in names]
    return "\n".join([head, *groups, *programs])


def define(layout: Layout, servers: Servers, environment: Mapping[str, str], names: Iterable[str]) -> None:
    """Write the programs of these processes anew, with which they are started from now on."""
    layout.definitions.mkdir(exist_ok=True, mode=0o700)
    for name in names:
        variables = process_variables(layout, name, environment)
        program = {"command": command(layout, servers, name), "environment": variables}
        write_private(layout.definition(name), json.dumps(program))


def kind(name: str) -> str:
    """What a process of this name is: redis, sentinel, api, worker, nginx, backup, exporter, prometheus or
    alertmanager."""
    return name.partition("-")[0]


def stop_signal(kind: str) -> signal.Signals:
    """The signal at which a process of this kind completes its requests and ends."""
    return signal.SIGQUIT if kind == NGINX else signal.SIGTERM


def stop_wait_s(kind: str) -> int:
    """Seconds after which a process of this kind that was asked to stop is killed."""
    return 60 if kind == "redis" else 20


def command(layout: Layout, servers: Servers, name: str) -> list[str]:
    """The command that runs this process."""
    if name in MONITORS:
        return [*monitoring.command(layout, servers, name)]
    commands = {
        "redis": _redis,
        "sentinel": _sentinel,
        "api": _api,
        "worker": _worker,
        NGINX: _nginx,
        BACKUP: _backup,
    }
    return commands[kind(name)](layout, servers, name)


def _write_nginx(layout: Layout, servers: Servers, *, is_watched: bool) -> None:
    for name, text in nginx_files(layout).items():
        write_private(layout.directory(NGINX) / name, text)
    # nginx makes the directory itself, but not those around it. What is there is of an earlier start.
    shutil.rmtree(layout.nginx_cache, ignore_errors=True)
    layout.memory.mkdir(exist_ok=True, mode=0o700)
    watched = layout.directory(NGINX) / "watched"
    shutil.rmtree(watched, ignore_errors=True)
    watched.mkdir()
    if not is_watched:
        return
    status = f"unix:{layout.socket(NGINX_STATUS)}"
    filled = {"EVERGREEN_ACCESS_LOG": str(layout.access_log), "EVERGREEN_NGINX_STATUS": status}
    for source in ("access-metrics.conf", *(["status.conf"] if servers.nginx_counts else [])):
        write_private(watched / source, _fill(DEPLOY / "nginx" / source, **filled))
    header = authorization(credentials.monitoring_password(layout))
    write_private(watched / "metrics.conf", edge.metrics(monitoring.sockets(layout, servers), header))


def _redis(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [
        *_module("agents.node"),
        *("--server", str(servers.redis)),
        *("--configuration", str(DEPLOY / "redis" / "redis.conf")),
        *("--directory", str(layout.directory(name))),
        *("--address", str(layout.largest.redis[name])),
        *("--nodes", _together(layout.redis)),
        *("--sentinels", _together(layout.sentinels)),
        *("--primary-name", layout.settings.primary_name),
        *("--revision-key", layout.revision_key),
        *_certificate(layout, name),
        *("--maxmemory", layout.settings.maxmemory),
        *("--appendfsync", layout.settings.appendfsync),
        *("--secrets", str(layout.secrets.directory)),
    ]


def _sentinel(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [
        *_module("agents.sentinel"),
        *("--server", str(servers.redis)),
        *("--template", str(DEPLOY / "sentinel" / "sentinel.conf")),
        *("--directory", str(layout.directory(name))),
        *("--address", str(layout.largest.sentinels[name])),
        *("--nodes", _together(layout.redis)),
        *("--sentinels", _together(layout.sentinels)),
        *("--primary-name", layout.settings.primary_name),
        *_certificate(layout, name),
        *("--secrets", str(layout.secrets.directory)),
    ]


def _certificate(layout: Layout, name: str) -> list[str]:
    return ["--certificate", str(layout.certificate(name))] if layout.settings.tls else []


def _api(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [*_module("gunicorn"), "--config", str(DEPLOY / "gunicorn.conf.py"), APPLICATION]


def _worker(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [*_module("evergreen"), "work", "--listen", str(layout.workers[name])]


def _backup(layout: Layout, servers: Servers, name: str) -> list[str]:
    chosen = layout.settings.backups
    schedule = ["--every", chosen.every, "--keep", str(chosen.keep)]
    return [*_module("evergreen"), "backup", chosen.target, *schedule, "--listen", str(layout.schedules[name])]


def _nginx(layout: Layout, servers: Servers, name: str) -> list[str]:
    # Started by root, nginx would run its workers as a user that may not use the sockets in the run directory.
    user = f" user {getuser()};" if os.geteuid() == 0 else ""
    configuration = str(layout.directory(name) / "nginx.conf")
    return [str(servers.nginx), "-p", str(layout.directory(name)), "-c", configuration, "-g", f"daemon off;{user}"]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _together(addresses: Mapping[str, Address]) -> str:
    return ",".join(map(str, addresses.values()))


def _group(name: str, members: list[str]) -> str:
    return f"[group:{name}]\nprograms={','.join(members)}\npriority={PRIORITIES[name]}\n"


def _program(layout: Layout, name: str, words: list[str], environment: Mapping[str, str]) -> str:
    variables = process_variables(layout, name, environment)
    # nginx writes one JSON document a line to its output, and to its errors what is none.
    errors = layout.log(f"{name}-errors" if name == NGINX else name)
    spawned = spawn.command(
        record=layout.record(name),
        output=layout.log(name),
        errors=errors,
        definition=layout.definition(name),
        words=words,
    )
    lines = {
        "command": " ".join(map(_quoted, spawned)),
        "directory": str(ROOT),
        "environment": ",".join(f'{key}="{value}"' for key, value in variables.items()),
        # Each process opens its logs itself: with a pipe to the supervisor, the shop would stop whenever that does.
        "stdout_logfile": "NONE",
        "stderr_logfile": "NONE",
        "autostart": "true" if name in layout.names else "false",
        "autorestart": "true",
        # With 0 the supervisor never gives up, and never waits longer the more often it had to restart.
        "startsecs": "0",
        "stopwaitsecs": str(stop_wait_s(kind(name))),
        "stopsignal": stop_signal(kind(name)).name.removeprefix("SIG"),
        "killasgroup": "true",
    }
    return "\n".join([f"[program:{name}]", *(f"{key}={_escaped(value)}" for key, value in lines.items() if value), ""])


def _quoted(word: str) -> str:
    return '"{}"'.format(word.replace("\\", "\\\\").replace('"', '\\"'))


def _escaped(value: str) -> str:
    return value.replace("%", "%%")


def _fill(template: Path, **values: str) -> str:
    return Template(template.read_text()).safe_substitute(values)
