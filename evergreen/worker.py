"""The gunicorn worker of an API instance: threads that wait for requests themselves, in one epoll that they share.

gunicorn's threaded worker accepts in one thread and hands each request to another one through an executor, a queue and
a pipe. Under load that was 41 to 45 % of the interpreter's time. Here a thread that is ready waits, reads, answers and
waits again. What has waited too long is refused before it costs anything. docs/adr/0037 has the figures.
"""

import errno
import os
import select
import socket
import ssl
import time
from contextlib import suppress
from typing import Any

from gunicorn import sock
from gunicorn.http.errors import NoMoreData
from gunicorn.http.parser import RequestParser
from gunicorn.http.wsgi import base_environ
from gunicorn.workers.base import Worker as BaseWorker

from evergreen.connections import AnswerCutOff, Connection
from evergreen.environ import environ_of
from evergreen.gunicorn_problems import ProblemInstead
from evergreen.ready_queue import Overload, Ready, ReadyQueue
from evergreen.refusals import TO_NGINX, Recorder, Refusals
from evergreen.responses import Response
from evergreen.thread_team import ThreadTeam
from shop import refusal_worker, telemetry
from shop.concurrency import OVERLOAD_AFTER_S, OVERLOAD_LASTS_S, REQUESTS, SHED_KEY
from shop.domain.figures import OVERLOAD

#: Connections that are accepted before requests are looked at again.
MAX_ACCEPTED = 16
#: Seconds between two looks at what is idle for too long.
SWEEP_S = 1.0
#: Seconds in which a stopping worker still answers on connections that are kept open, as gunicorn's own do.
LINGER_S = 2.0
STOP_POLL_S = 0.02
#: Seconds for which a connection stays idle where no more may be open.
MIN_IDLE_S = 1.0
#: Seconds to read the rest of a body that the application did not want.
DRAIN_S = 5.0
#: Seconds of waiting after which the other end may have left meanwhile.
HANG_UP_CHECK_S = 0.05
_OUT_OF_FILES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_READS = (b"GET ", b"HEAD ", b"OPTIONS ")
_OVERFLOW = b"\r\nX-Overflow: 1\r\n"


class Worker(BaseWorker):
    """Serves requests in a ThreadTeam. A thread that blocks gives its place to another one, and its slot of the
    concurrency limit too."""

    def run(self) -> None:
        """Serve until the arbiter ends this process."""
        self._queue: ReadyQueue[Any] = ReadyQueue(_overload())
        self._open: set[Connection] = set()
        self._paused: set[Any] = set()
        self._refusals = Refusals()
        self._base_environ = {**base_environ(self.cfg), "wsgi.multithread": True, "SCRIPT_NAME": ""}
        self._team = ThreadTeam(self._work, REQUESTS.slots, self.cfg.threads)
        REQUESTS.on_block(self._team.blocking)
        REQUESTS.on_waiting(self._queue.__len__)
        self._addresses = {listener: listener.getsockname() for listener in self.sockets}
        for listener in self.sockets:
            listener.setblocking(False)
            self._queue.add(listener, is_urgent=True)
        self._team.start()
        while self.alive and self.ppid == os.getppid():
            self._look_after()
            ready, _, _ = select.select([self.PIPE[0]], [], [], SWEEP_S)
            if ready:
                os.read(self.PIPE[0], 4096)
        self._stop()

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read or served. The client gets no HTML and none of the error's text."""
        connection: Any = ProblemInstead(client)
        super().handle_error(req, connection, addr, exc)

    def _look_after(self) -> None:
        self.notify()
        self._close_idle(time.monotonic() - self.cfg.keepalive)
        self._accept_again()
        for code, count in self._refusals.take_counts().items():
            telemetry.SHED.inc(count)
            if code != TO_NGINX:
                telemetry.PROBLEMS.labels(code).inc(count)
            refusal_worker.TALLY.note(OVERLOAD, count)

    def _close_idle(self, since: float) -> None:
        for source in self._queue.armed:
            if isinstance(source, Connection) and source.idle_since <= since and self._queue.disarm(source):
                self._close(source)

    def _stop(self) -> None:
        self.alive = False
        for listener in self.sockets:
            self._queue.disarm(listener)
            listener.close()
        start = time.monotonic()
        while self._open and time.monotonic() < start + self.cfg.graceful_timeout:
            self.notify()
            if time.monotonic() >= start + LINGER_S:
                self._close_idle(time.monotonic())
            time.sleep(STOP_POLL_S)
        self._look_after()
        self._team.stop()
        self._queue.close()

    def _work(self) -> None:
        ready = self._queue.take()
        if ready is None:
            return
        try:
            if isinstance(ready.source, Connection):
                self._serve(ready.source, ready)
            else:
                self._accept(ready.source)
        except BaseException:
            # A thread that ended here would be missing from then on.
            self.log.exception("Error in a thread of the worker")

    def _accept(self, listener: Any) -> None:
        # Whatever happens, the listener is armed or paused afterwards: it reports nothing until then.
        may_go_on = False
        try:
            may_go_on = self._accept_some(listener)
            if len(self._open) >= self.cfg.worker_connections:
                # nginx opens those anew that it still needs.
                self._close_idle(time.monotonic() - MIN_IDLE_S)
        finally:
            if may_go_on and len(self._open) < self.cfg.worker_connections:
                self._accept_from(listener)
            else:
                self._paused.add(listener)

    def _accept_some(self, listener: Any) -> bool:
        """Accept connections. Returns whether more can be accepted at once."""
        for _ in range(MAX_ACCEPTED):
            try:
                client, address = listener.accept()
            except OSError as error:
                return error.errno not in _OUT_OF_FILES
            self._add(client, address, listener)
        return True

    def _accept_again(self) -> None:
        if self._paused and len(self._open) < self.cfg.worker_connections:
            for listener in self.sockets:
                if listener in self._paused:
                    self._paused.discard(listener)
                    self._accept_from(listener)

    def _accept_from(self, listener: Any) -> None:
        # A worker that stops has closed it.
        with suppress(OSError, ValueError):
            if self.alive:
                self._queue.arm(listener)

    def _add(self, client: socket.socket, address: Any, listener: Any) -> None:
        client.setblocking(False)
        if self.cfg.is_ssl:
            try:
                client = sock.ssl_wrap_socket(client, self.cfg)
            except OSError:
                # It has left already.
                client.close()
                return
            except BaseException:
                client.close()
                raise
        connection = Connection(client, address, self._addresses[listener], REQUESTS.released)
        self._open.add(connection)
        try:
            parsed: Any = connection
            connection.parser = RequestParser(self.cfg, parsed, address)
            self._queue.add(connection)
        except BaseException:
            self._queue.disarm(connection)
            self._open.discard(connection)
            connection.close()
            raise

    def _serve(self, connection: Connection, ready: Ready[Any]) -> None:
        stays_open = False
        try:
            stays_open = self._answer_next(connection, ready)
        finally:
            if not stays_open:
                self._close(connection)
            elif connection.has_unread:
                # In its turn, or after it: a client that sends many requests at once gets no thread of its own.
                self._queue.put(connection)
            else:
                connection.idle_since = time.monotonic()
                self._queue.arm(connection)

    def _answer_next(self, connection: Connection, ready: Ready[Any]) -> bool:
        """Answer the next request, if there is one. Returns whether the connection stays open."""
        waited_s = time.monotonic() - ready.since
        connection.begin()
        try:
            connection.shake_hands()
            received = connection.receive()
            if not received and not connection.has_unread:
                return received is None
            return self._answer(connection, received or b"", ready, waited_s)
        except (ConnectionError, TimeoutError, ssl.SSLError):
            # The client went away, or is too slow, or is none that is answered.
            return False

    def _answer(self, connection: Connection, received: bytes, ready: Ready[Any], waited_s: float) -> bool:
        may_have_left = ready.is_closed or waited_s > HANG_UP_CHECK_S
        if may_have_left and connection.is_closed_by_client:
            telemetry.request_not_tried("hung-up")
            return False
        is_overload = self._queue.is_overloaded
        is_overflow = is_overload and _is_overflow(received)
        if not (is_overflow or ready.is_surplus or _has_waited_too_long(received, waited_s, is_overload=is_overload)):
            return self._run_application(connection)
        refusal: bytes | None = None
        if self.alive and not connection.has_unread:
            refusal = self._refusals.answer(received, is_overflow=is_overflow)
        if refusal is None:
            return self._run_application(connection, shed=received)
        connection.discard()
        connection.sendall(refusal)
        return True

    def _run_application(self, connection: Connection, shed: bytes | None = None) -> bool:
        request: Any = None
        response: Response | None = None
        sink: Any = connection if shed is None else Recorder()
        try:
            request = next(connection.parser)
            if request._expected_100_continue:
                connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            response = Response(sink, request, self._may_stay_open)
            environ = environ_of(request, connection, self._base_environ)
            if shed is not None:
                environ[SHED_KEY] = True
            start: Any = response.start
            response.send(self.wsgi(environ, start))
            if shed is not None:
                self._refusals.learn(shed, sink.sent)
                # From here on it has begun for the client, too.
                shed = None
                connection.sendall(sink.sent)
            connection.limit_reading(DRAIN_S)
            return response.keeps_alive and bool(connection.parser.finish_body(time.monotonic() + DRAIN_S))
        except AnswerCutOff as error:
            self.log.warning("An answer was cut off: %s", error)
            return False
        except (StopIteration, NoMoreData, ConnectionError, TimeoutError, ssl.SSLError):
            return False
        except BaseException as error:
            if response and response.has_begun and shed is None:
                # A second answer within the first one would be taken for a part of it.
                self.log.exception("Error handling request")
            else:
                self.handle_error(request, connection, connection.address, error)
            return False

    def _may_stay_open(self) -> bool:
        self.nr += 1
        if self.nr >= self.max_requests:
            self.alive = False
        return self.alive

    def _close(self, connection: Connection) -> None:
        self._open.discard(connection)
        connection.close()
        self._accept_again()


def _has_waited_too_long(received: bytes, waited_s: float, *, is_overload: bool) -> bool:
    is_write = not received.startswith(_READS)
    return REQUESTS.wait_limits.is_exceeded(waited_s, is_overload=is_overload, is_write=is_write)


def _is_overflow(received: bytes) -> bool:
    """Whether nginx has as many requests here as it may have at once (docs/adr/0061)."""
    head, _, _ = received.partition(b"\r\n\r\n")
    return _OVERFLOW in head + b"\r\n"


def _overload() -> Overload:
    """By the same rule by which requests are shed: what is taken as the oldest is refused."""
    limits = REQUESTS.wait_limits
    return Overload(
        after_s=OVERLOAD_AFTER_S,
        lasts_s=OVERLOAD_LASTS_S,
        max_wait_s=limits.overload_s,
        max_waiting=REQUESTS.max_waiting,
    )
