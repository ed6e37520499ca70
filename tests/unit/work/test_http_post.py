"""A POST follows no redirect, and ends within its time whatever the other end does."""

import socket
import threading
from contextlib import contextmanager, suppress

import pytest

from shop.domain.webhook_urls import WebhookPolicy
from shop.work import http_post
from shop.work.http_post import PostFailed, post, resolve
from tests.unit.work.receiver import HOST, receiving

POLICY = WebhookPolicy(networks=["127.0.0.0/8"])


def sent(url, timeout_s=5.0):
    return post(resolve(url, POLICY), b"{}", {"webhook-id": "1-0"}, timeout_s)


def test_the_status_of_the_answer_is_returned():
    with receiving(lambda number: 200 + number) as receiver:
        assert [sent(receiver.url), sent(receiver.url)] == [201, 202]
    headers, body = receiver.received[0]
    assert (body, headers["host"]) == (b"{}", f"{HOST}:{receiver.port}")


def test_a_redirect_is_not_followed():
    with receiving(lambda number: 302) as receiver:
        assert sent(receiver.url) == 302
    assert len(receiver.received) == 1


def test_a_closed_port_is_no_connection():
    with receiving() as receiver:
        url = receiver.url
    with pytest.raises(PostFailed, match="no-connection"):
        sent(url)


def silent(answer=b""):
    """A server that takes a connection, sends `answer` byte by byte, and never ends."""
    server = socket.create_server((HOST, 0))

    def serve():
        client, _ = server.accept()
        with client, suppress(OSError):
            client.recv(65536)
            for byte in answer:
                client.sendall(bytes([byte]))
            while client.recv(65536):
                continue

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nX-Long: "])
def test_a_server_that_does_not_come_to_an_end_is_cut_off(answer):
    with silent(answer) as server, pytest.raises(PostFailed, match="timeout"):
        sent(f"http://{HOST}:{server.getsockname()[1]}/", timeout_s=0.3)


#: What a server sends, in times or bytes, to a client that does not end: as long as it takes, and not for ever.
MAX_SENT = 100


@contextmanager
def trickling(chunk):
    """A server that sends `chunk` again and again until MAX_SENT, and what it has sent."""
    sent_chunks, pause = [], threading.Event()

    def serve(server):
        client, _ = server.accept()
        with client, suppress(OSError):
            client.recv(65536)
            while len(sent_chunks) < MAX_SENT and not pause.wait(0.03):
                client.sendall(chunk)
                sent_chunks.append(chunk)

    with socket.create_server((HOST, 0)) as server:
        thread = threading.Thread(target=serve, args=(server,))
        thread.start()
        yield server.getsockname()[1], sent_chunks
        thread.join()


def test_a_deadline_that_passes_while_the_connection_is_made_ends_a_server_that_says_continue_for_ever(monkeypatch):
    connect = socket.create_connection

    def slow(address, timeout):
        late.wait()
        return connect(address, timeout)

    late = threading.Event()
    cut_off = http_post._Connection.cut_off

    def cut_off_and_go_on(connection):
        cut_off(connection)
        late.set()

    monkeypatch.setattr(socket, "create_connection", slow)
    monkeypatch.setattr(http_post._Connection, "cut_off", cut_off_and_go_on)
    go_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    with trickling(go_on) as (port, sent_chunks), pytest.raises(PostFailed, match="timeout"):
        sent(f"http://{HOST}:{port}/", timeout_s=0.2)
    assert len(sent_chunks) < MAX_SENT


def test_what_is_not_http_is_no_answer():
    with silent(b"SSH-2.0-server\r\n\r\n") as server, pytest.raises(PostFailed, match="no-answer"):
        sent(f"http://{HOST}:{server.getsockname()[1]}/")


def test_a_server_without_tls_is_a_fault_of_tls():
    with silent(b"HTTP/1.1 400 Bad Request\r\n\r\n") as server, pytest.raises(PostFailed, match="tls"):
        sent(f"https://{HOST}:{server.getsockname()[1]}/")
