"""Problems (RFC 9457) where gunicorn has a page of HTML."""

import json
from typing import Any

from shop.api.problems import MEDIA_TYPE, PROBLEMS


class ProblemInstead:
    """A connection on which gunicorn's error page is sent as a problem."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def sendall(self, page: bytes) -> None:
        """Send the problem of the page's status."""
        self._connection.sendall(problem_answer(int(page.split(b" ", 2)[1])))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def problem_answer(status: int) -> bytes:
    """Return the whole answer to a request that gunicorn could not read, or that failed outside of Django."""
    problem = PROBLEMS["internal-error" if status >= 500 else "bad-request"]
    body = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": f"{problem.meaning} {problem.remedy}",
        "code": problem.code,
    }
    text = json.dumps(body)
    head = [
        f"HTTP/1.1 {problem.status} {problem.title}",
        "Connection: close",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(text)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    ]
    return "\r\n".join([*head, "", text]).encode("ascii")
