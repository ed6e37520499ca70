"""The configuration files of the embedded topology, made from those under deploy/."""

import os
import sys
from collections.abc import Mapping
from getpass import getuser
from pathlib import Path
from string import Template

from evergreen.stack.launch import write_private
from evergreen.stack.layout import INSTANCES, NGINX, Layout
from evergreen.stack.servers import Servers
from evergreen.stack.settings import ROOT

DEPLOY = ROOT / "deploy"
# Groups start in this order, and stop in the reverse: no Sentinel looks on while data nodes stop.
PRIORITIES = {"redis": 100, "sentinel": 200, "api": 300, NGINX: 400}


def write_all(layout: Layout, servers: Servers, environment: Mapping[str, str], kinds: tuple[str, ...]) -> None:
    """Writes every file that the processes of these kinds are started with; a Sentinel's only when it has none."""
    for name in layout.names:
        layout.directory(name).mkdir(parents=True, exist_ok=True, mode=0o700)
    layout.logs.mkdir(exist_ok=True, mode=0o700)
    for name in layout.sentinels:
        if not sentinel_file(layout, name).exists():
            write_private(sentinel_file(layout, name), sentinel(layout, name))
    write_private(layout.directory(NGINX) / "nginx.conf", nginx(layout))
    write_private(layout.run / "supervisord.conf", supervisor(layout, servers, environment, kinds))


def sentinel_file(layout: Layout, name: str) -> Path:
    """Where this Sentinel keeps what it knows."""
    return layout.directory(name) / "sentinel.conf"


def sentinel(layout: Layout, name: str) -> str:
    """What a Sentinel knows before it has seen anything: the first data node is the primary, the others follow."""
    me = layout.sentinels[name]
    nodes = {
        f"EVERGREEN_REDIS_{number}": f"{node.host} {node.port}" for number, node in enumerate(layout.redis.values(), 1)
    }
    return _fill(
        DEPLOY / "sentinel" / "sentinel.conf",
        EVERGREEN_SENTINEL_ADDRESS=me.host,
        EVERGREEN_SENTINEL_PORT=str(me.port),
        EVERGREEN_SENTINEL_DIRECTORY=str(layout.directory(name)),
        REDIS_MASTER_NAME=layout.settings.primary_name,
        **nodes,
    )


def nginx(layout: Layout) -> str:
    """nginx's configuration, with the API instances on their sockets."""
    instances = {f"EVERGREEN_API_{number}": f"unix:{layout.socket(name)}" for number, name in enumerate(INSTANCES, 1)}
    return _fill(
        DEPLOY / "nginx.conf",
        EVERGREEN_LISTEN=str(layout.nginx),
        EVERGREEN_NGINX_DIRECTORY=str(layout.directory(NGINX)),
        **instances,
    )


def supervisor(layout: Layout, servers: Servers, environment: Mapping[str, str], kinds: tuple[str, ...]) -> str:
    """The supervisor's configuration: every process of these kinds, restarted whenever it ends."""
    head = _fill(DEPLOY / "embedded" / "supervisord.conf", EVERGREEN_RUN=str(layout.run))
    wanted = [name for name in layout.names if kind(name) in kinds]
    groups = [_group(each, [name for name in wanted if kind(name) == each]) for each in kinds]
    programs = [_program(layout, name, command(layout, servers, name), environment) for name in wanted]
    return "\n".join([head, *groups, *programs])


def kind(name: str) -> str:
    """What a process of this name is: redis, sentinel, api or nginx."""
    return name.partition("-")[0]


def command(layout: Layout, servers: Servers, name: str) -> list[str]:
    """The command that runs this process."""
    commands = {"redis": _redis, "sentinel": _sentinel, "api": _api, NGINX: _nginx}
    return commands[kind(name)](layout, servers, name)


def _redis(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [
        *_module("evergreen.stack.node"),
        *("--server", str(servers.redis)),
        *("--configuration", str(DEPLOY / "redis" / "redis.conf")),
        *("--directory", str(layout.directory(name))),
        *("--me", str(layout.redis[name])),
        *("--peers", *(str(address) for peer, address in layout.redis.items() if peer != name)),
        *("--sentinels", *map(str, layout.sentinels.values())),
        *("--primary-name", layout.settings.primary_name),
        *("--fence-key", layout.fence_key),
    ]


def _sentinel(layout: Layout, servers: Servers, name: str) -> list[str]:
    given = ["--configuration", str(sentinel_file(layout, name)), "--me", str(layout.sentinels[name])]
    return [*_module("evergreen.stack.sentinel"), "--server", str(servers.redis), *given]


def _api(layout: Layout, servers: Servers, name: str) -> list[str]:
    return [*_module("gunicorn"), "--config", str(DEPLOY / "gunicorn.conf.py"), "evergreen.wsgi"]


def _nginx(layout: Layout, servers: Servers, name: str) -> list[str]:
    # Started by root, nginx would give its workers to nobody, who may not use the sockets in the run directory.
    user = f" user {getuser()};" if os.geteuid() == 0 else ""
    configuration = str(layout.directory(name) / "nginx.conf")
    return [str(servers.nginx), "-p", str(layout.directory(name)), "-c", configuration, "-g", f"daemon off;{user}"]


def _module(name: str) -> list[str]:
    return [sys.executable, "-m", name]


def _group(name: str, members: list[str]) -> str:
    return f"[group:{name}]\nprograms={','.join(members)}\npriority={PRIORITIES[name]}\n"


def _program(layout: Layout, name: str, words: list[str], environment: Mapping[str, str]) -> str:
    variables = dict(environment)
    if name in INSTANCES:
        variables |= {"EVERGREEN_INSTANCE": name, "GUNICORN_BIND": f"unix:{layout.socket(name)}"}
    lines = {
        "command": " ".join(map(_quoted, words)),
        "directory": str(ROOT),
        "environment": ",".join(f'{key}="{value}"' for key, value in variables.items()) if name in INSTANCES else "",
        "stdout_logfile": str(layout.log(name)),
        # nginx writes one JSON document a line to its output, and to its errors what is none.
        "redirect_stderr": "false" if name == NGINX else "true",
        "stderr_logfile": str(layout.log(f"{name}-errors")) if name == NGINX else "",
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": "3",
        "autorestart": "true",
        # With 0 the supervisor never gives up, and never waits longer the more often it had to restart.
        "startsecs": "0",
        "stopwaitsecs": "60" if kind(name) == "redis" else "20",
        "stopsignal": "QUIT" if kind(name) == NGINX else "TERM",
        "killasgroup": "true",
    }
    return "\n".join([f"[program:{name}]", *(f"{key}={_escaped(value)}" for key, value in lines.items() if value), ""])


def _quoted(word: str) -> str:
    return '"{}"'.format(word.replace("\\", "\\\\").replace('"', '\\"'))


def _escaped(value: str) -> str:
    return value.replace("%", "%%")


def _fill(template: Path, **values: str) -> str:
    return Template(template.read_text()).safe_substitute(values)
