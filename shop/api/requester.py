"""Whether a request's client, nginx, still waits for the answer."""

import select

from django.http import HttpRequest

#: Linux reports a connection that the other end closed also where bytes of a body are still unread. Other systems
#: report it when the connection is gone altogether.
_CLOSED = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


def has_hung_up(request: HttpRequest) -> bool:
    """Whether the connection was closed. False where the server does not tell the connection. Takes microseconds."""
    connection = request.META.get("gunicorn.socket")
    if connection is None:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), _CLOSED)
    return bool(poll.poll(0))
