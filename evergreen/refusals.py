"""Refusals in an overload, for a tenth of the cost of an answer: without gunicorn's parser and without Django.

The first refused read and the first refused write are answered by the application. Their answers, but for the request's
id, are those to all later ones. A request that is in any way unusual goes to the application too, so nothing is decided
here about what HTTP is.
"""

import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field

from shop.concurrency import UNLIMITED_PATHS

_REQUEST_LINE = re.compile(rb"(?:(GET)|POST|PUT|PATCH|DELETE) (/[^ ?]*)\S* HTTP/1\.1\r\n")
_LENGTH = re.compile(rb"\r\ncontent-length: (\d{1,9})\r\n")
_ID = re.compile(rb"\r\nx-request-id: ([0-9a-f]{32})\r\n")
_ANSWER = re.compile(rb"HTTP/1\.1 503 .*\r\nX-Request-ID: ([0-9a-f]{32})\r\n", re.DOTALL)
#: An answer with a status of 500 and above needs none (RFC 9110, 6.6.1).
_DATE = re.compile(rb"\r\nDate: [^\r]*")
#: What makes a request, or the answer to it, unlike others.
_UNUSUAL = re.compile(rb"\r\n(?:connection|expect|origin|te|trailer|transfer-encoding|upgrade)[^a-z0-9-]")
#: Gets a page instead of a document.
_WANTS_PAGE = re.compile(rb"\r\naccept:[^\r]*text/html")
#: A line break of which gunicorn's parser decides whether it is one.
_HALF_LINE_BREAK = re.compile(rb"\r(?!\n)|(?<!\r)\n")
#: To nginx, for what is beyond its places. Nothing else is answered with this status, so nginx knows what it means. The
#: client gets nginx's own problem, or another instance's answer.
_SHED = b"HTTP/1.1 504 Shed\r\nX-Accel-Redirect: @shed\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
#: In the place of the code of a problem, where the answer was that one.
TO_NGINX = "to-nginx"


@dataclass(frozen=True, slots=True)
class Template:
    """An answer without the request's id, which stands between each two of the `parts`."""

    parts: tuple[bytes, ...]
    code: str


@dataclass(frozen=True, slots=True)
class UsualRequest:
    """A whole request about which nothing is unusual."""

    is_read: bool
    id: bytes


@dataclass(slots=True)
class Recorder:
    """A place for an answer, which goes from there to its connection."""

    sent: bytes = b""

    def sendall(self, data: bytes) -> None:
        """Record a part of the answer."""
        self.sent += data


@dataclass(slots=True)
class Refusals:
    """What is answered to requests that have waited too long, and how many got it since they were last counted."""

    _templates: dict[bool, Template] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, received: bytes, *, is_overflow: bool = False) -> bytes | None:
        """Return the answer to all that was received on a connection; None where the application has to answer. What is
        beyond the places of nginx is answered to nginx alone."""
        request = usual_request(received)
        template = self._templates.get(request.is_read) if request else None
        if request and is_overflow:
            self._count(TO_NGINX)
            return _SHED
        if request is None or template is None:
            return None
        self._count(template.code)
        return request.id.join(template.parts)

    def _count(self, code: str) -> None:
        with self._lock:
            self._counts[code] += 1

    def learn(self, received: bytes, answer: bytes) -> None:
        """Answer all further requests of this kind as the application has answered this one."""
        answer = _DATE.sub(b"", answer, count=1)
        request, found = usual_request(received), _ANSWER.match(answer)
        head, _, body = answer.partition(b"\r\n\r\n")
        if request and found and b"\r\nConnection: keep-alive\r\n" in head and b"application/problem+json" in head:
            self._templates[request.is_read] = Template(tuple(answer.split(found[1])), json.loads(body)["code"])

    def take_counts(self) -> dict[str, int]:
        """How many were answered here since the last call, by the code of the problem."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return dict(counts)


def usual_request(received: bytes) -> UsualRequest | None:
    """The request that these bytes are, exactly; None where they are not one, or not a usual one."""
    line, end = _REQUEST_LINE.match(received), received.find(b"\r\n\r\n") + 4
    head = received[:end].lower()
    id = _ID.search(head)
    if line is None or end < 4 or id is None or line[2].decode("latin-1") in UNLIMITED_PATHS:
        return None
    if any(pattern.search(head) for pattern in (_UNUSUAL, _WANTS_PAGE, _HALF_LINE_BREAK)):
        return None
    length = _LENGTH.search(head)
    if head.count(b"content-length") != (1 if length else 0):
        return None
    is_whole = len(received) == end + (int(length[1]) if length else 0)
    return UsualRequest(is_read=bool(line[1]), id=id[1]) if is_whole else None
