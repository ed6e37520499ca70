"""The HTTP server of the exporter."""

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

from exactly_once.client import Address
from operations.monitoring_access import is_authorized

#: Answered to anyone: whether the process serves.
ALIVE_PATH = "/livez"
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class _SilentHandler(WSGIRequestHandler):
    """Writes no line for a request."""

    def log_message(self, format: str, *args: Any) -> None:
        return


def application(registry: CollectorRegistry, password: str) -> Application:
    """Return the WSGI application: the metrics for requests with this password, and 200 at ALIVE_PATH."""
    metrics = make_wsgi_app(registry)

    def answer(request: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if request.get("PATH_INFO") == ALIVE_PATH:
            start_response("200 OK", [("Content-Length", "0")])
            return [b""]
        if not is_authorized(request.get("HTTP_AUTHORIZATION", ""), password):
            start_response("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="metrics"')])
            return [b""]
        answered: Iterable[bytes] = metrics(request, start_response)
        return answered

    return answer


def start(address: Address, registry: CollectorRegistry, password: str) -> None:
    """Serve in a thread of its own. Raises OSError where the address cannot be used."""
    served = application(registry, password)
    server = make_server(address.host, address.port, served, ThreadingWSGIServer, _SilentHandler)
    threading.Thread(target=server.serve_forever, daemon=True, name="metrics").start()
