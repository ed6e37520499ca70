"""Renewed certificates, put to use by the processes of the stack while it serves.

Instances, redis_exporter and Prometheus read the files again for a new connection. Data nodes do at a CONFIG SET. nginx
starts new workers, and its old ones end what they have begun. A Sentinel reads them at a start alone: one after the
other is restarted, so two of them can always replace a primary.
"""

import signal
from collections.abc import Sequence

from agents.certificates import Certificate
from devstack import lifecycle, supervision
from devstack.layout import NGINX, Layout
from exactly_once.client import Address, run_once

TIMEOUT_S = 5.0


def reload(layout: Layout) -> Sequence[str]:
    """Have every running process use the certificates as they are now. Return the names of those that needed an order;
    none where TLS is off or nothing runs.

    Raises:
        DidNotStart: a Sentinel does not come back; the others were left alone.
        ServerError: a data node does not take its certificate.
    """
    if not layout.settings.tls:
        return ()
    try:
        running = supervision.processes(layout)
    except supervision.NotRunning:
        return ()
    alive = [name for name in layout.names if name in running and running[name].pid]
    for name in alive:
        if name in layout.redis:
            _reload_node(layout, name, layout.redis[name])
        elif name in layout.sentinels:
            lifecycle.restart(layout, name)
        elif name == NGINX:
            lifecycle.kill(layout, name, signal.SIGHUP)
    return [name for name in alive if name in (*layout.redis, *layout.sentinels, NGINX)]


def _reload_node(layout: Layout, name: str, address: Address) -> None:
    files = Certificate(layout.certificate(name))
    # Set to what they are: the server reads them again.
    setting = ("CONFIG", "SET", "tls-cert-file", str(files.certificate), "tls-key-file", str(files.key))
    run_once(address, setting, timeout=TIMEOUT_S, credentials=layout.operator)
