"""The WSGI environment of a request (PEP 3333)."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gunicorn import util

from evergreen.connections import Connection


def environ_of(request: Any, connection: Connection, base: Mapping[str, Any]) -> dict[str, Any]:
    """The environment of a request that gunicorn's parser has read; `base` is what all requests have in common.

    The parser has dropped every header with an underscore, so none can stand for another variable."""
    address, server = connection.address, connection.server
    is_unix = isinstance(address, (str, bytes))
    variables = {
        **base,
        "wsgi.input": request.body,
        "wsgi.url_scheme": request.scheme,
        "gunicorn.socket": connection.socket,
        # An upload may be read for longer than other requests.
        "evergreen.limit_reading": connection.limit_reading,
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query,
        "RAW_URI": request.uri,
        "PATH_INFO": util.unquote_to_wsgi_str(request.path),
        "SERVER_PROTOCOL": "HTTP/{}.{}".format(*request.version),
        "REMOTE_ADDR": "" if is_unix else address[0],
        "SERVER_NAME": "localhost" if is_unix else server[0],
        "SERVER_PORT": "80" if is_unix else str(server[1]),
    }
    for name, value in request.headers:
        key = _variable_of(name)
        is_repeated = key in variables and key not in _OF_BODY
        variables[key] = f"{variables[key]},{value}" if is_repeated else value
    return variables


#: Two headers without a prefix. Of a repeated one the last counts.
_OF_BODY = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})


@lru_cache(maxsize=256)
def _variable_of(name: str) -> str:
    """The variable of a header, whose name the parser has made upper case. Requests have few different headers."""
    key = name.replace("-", "_")
    return key if key in _OF_BODY else f"HTTP_{key}"
