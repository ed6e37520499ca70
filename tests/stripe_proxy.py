"""A proxy on both sides of a simulated Stripe. Requests of the shop pass through it: it has what Stripe has and the
simulation lacks, and loses requests or answers on demand. Webhooks pass through it too: it delivers each at once, or
collects them to be delivered later, again, in another order, or never.
"""

import contextlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx

TIMEOUT_S = 30
#: Parameters that Stripe knows and the simulation refuses.
UNKNOWN = re.compile(r"return_url|automatic_payment_methods\[.*")
#: Of these answers Stripe records nothing: the endpoint has not begun.
UNRECORDED = (400, 401, 404)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What befalls the next request whose method and path match. `before` and `after` are called around it; a request
    that is not performed never reaches Stripe, and one that is not answered has its connection closed."""

    pattern: str
    before: Callable[[], None] = lambda: None
    is_performed: bool = True
    after: Callable[[], None] = lambda: None
    is_answered: bool = True
    status: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Webhook:
    """An event as it was sent: its bytes and the headers with its signature."""

    body: bytes
    headers: dict[str, str]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A request of the shop that Stripe has performed."""

    method: str
    path: str
    key: str
    fields: dict[str, str]


@dataclass(slots=True)
class _Recorded:
    """What is recorded under an idempotency key: nothing while the first request is under way."""

    request: tuple[str, bytes]
    answer: tuple[int, bytes] | None = None


@dataclass(eq=False)
class StripeProxy:
    """Listens on a port of 127.0.0.1 while its block runs. `shop` is where webhooks are delivered, while `delivers`."""

    upstream: str
    shop: str = ""
    delivers: bool = True
    faults: list[Fault] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    webhooks: list[Webhook] = field(default_factory=list)

    def __enter__(self) -> "StripeProxy":
        self._lock = threading.Lock()
        self._keys: dict[str, _Recorded] = {}
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="stripe-proxy", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def reset(self) -> None:
        """Forget calls, webhooks, keys and faults; deliver webhooks at once again."""
        with self._lock:
            self.delivers = True
            self._keys.clear()
            for each in (self.faults, self.calls, self.webhooks):
                each.clear()

    def forget_keys(self) -> None:
        """Forget every idempotency key, as Stripe does after a day."""
        with self._lock:
            self._keys.clear()

    def collected(self, type: str) -> list[Webhook]:
        """The webhooks of this type that have come."""
        return [webhook for webhook in list(self.webhooks) if webhook.event["type"] == type]

    def deliver(self, *webhooks: Webhook) -> list[int]:
        """Send these webhooks to the shop, in this order; return the statuses of its answers."""
        return [call("POST", self.shop, each.headers, each.body).status_code for each in webhooks]

    def receive(self, webhook: Webhook) -> None:
        """Take a webhook of Stripe. One that the shop does not take is lost."""
        self.webhooks.append(webhook)
        if self.delivers and self.shop:
            with contextlib.suppress(httpx.TransportError):
                self.deliver(webhook)

    def fault(self, request: str) -> Fault | None:
        """Take the first fault that is meant for this request."""
        with self._lock:
            fault = next((each for each in self.faults if re.search(each.pattern, request)), None)
            if fault:
                self.faults.remove(fault)
            return fault

    def perform(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes, bool]:
        """Status, body, and whether they were recorded before."""
        key = headers.get("idempotency-key", "")
        if not key or method != "POST":
            return (*self._forward(method, path, headers, body), False)
        with self._lock:
            known = self._keys.get(key)
            if known is None:
                self._keys[key] = mine = _Recorded((path, body))
        if known is not None:
            return self._replay(known, (path, body))
        answer = self._forward(method, path, headers, body)
        with self._lock:
            if answer[0] in UNRECORDED:
                self._keys.pop(key, None)
            mine.answer = answer
        return (*answer, False)

    @staticmethod
    def _replay(recorded: _Recorded, request: tuple[str, bytes]) -> tuple[int, bytes, bool]:
        if recorded.request != request:
            return 400, _error("idempotency_error", "Keys can only be used with the same parameters."), False
        if recorded.answer is None:
            return 409, _error("idempotency_error", "A request with this key is under way."), False
        return (*recorded.answer, True)

    def _forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if path.startswith("/v1/payment_intents/search"):
            return self._search(path, headers)
        fields = dict(parse_qsl(body.decode()))
        self.calls.append(Call(method=method, path=path, key=headers.get("idempotency-key", ""), fields=fields))
        known = {name: value for name, value in fields.items() if not UNKNOWN.fullmatch(name)}
        answer = self._ask(method, path, headers, urlencode(known).encode())
        return answer.status_code, answer.content

    def _search(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        """By one key of the metadata."""
        query = parse_qs(urlsplit(path).query)["query"][0]
        found = re.fullmatch(r"metadata\['(\w+)'\]:'([^']+)'", query)
        assert found, query
        every = self._ask("GET", "/v1/payment_intents?limit=100000", headers, b"").json()["data"]
        data = [intent for intent in every if intent["metadata"].get(found[1]) == found[2]]
        return 200, json.dumps({"object": "search_result", "data": data, "has_more": False}).encode()

    def _ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> httpx.Response:
        passed = {name: headers[name] for name in ("authorization", "content-type") if name in headers}
        return call(method, f"{self.upstream}{path}", passed, body)


def call(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
    """Call a server on this machine, without the certificates that httpx would load for each client."""
    with httpx.Client(verify=False, trust_env=False, timeout=TIMEOUT_S) as client:
        return client.request(method, url, headers=headers, content=body)


class _Handler(BaseHTTPRequestHandler):
    """One request to the proxy."""

    proxy: StripeProxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: calls and webhooks are recorded."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path == "/webhooks":
            self._answer(200, b"{}")
            sent = {name: headers[name] for name in ("content-type", "stripe-signature")}
            self.proxy.receive(Webhook(body=body, headers=sent))
            return
        fault = self.proxy.fault(f"{self.command} {self.path}") or Fault(pattern="")
        fault.before()
        if fault.is_performed:
            status, content, is_replayed = self.proxy.perform(self.command, self.path, headers, body)
        else:
            status, content, is_replayed = fault.status, _error("api_error", "A fault of the proxy."), False
        fault.after()
        if fault.is_answered:
            self._answer(fault.status or status, content, is_replayed)
        else:
            self.close_connection = True

    def _answer(self, status: int, content: bytes, is_replayed: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if is_replayed:
            self.send_header("Idempotent-Replayed", "true")
        # A caller that was killed, or has waited long enough, is not there any more.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()


def _error(type: str, message: str) -> bytes:
    return json.dumps({"error": {"type": type, "message": message}}).encode()
