"""Requests in work, requests that wait, and CPU time: what autoscaling reads of an instance."""

import contextlib
import threading
import time
from contextlib import closing
from unittest import mock

from django.test import Client
from prometheus_client import REGISTRY

from shop import instance_load
from shop.concurrency import ConcurrencyLimit
from tests.stack_fixtures import wait_until
from tests.unit.serving import TIMEOUT_S, answer, request, serving
from tests.unit.test_worker import Application


def value(name: str) -> float:
    found = REGISTRY.get_sample_value(name)
    assert found is not None
    return found


def test_a_thread_that_releases_its_slot_is_neither_in_work_nor_waiting():
    limit = ConcurrencyLimit(2, 3)
    with limit.acquired():
        assert (limit.in_work, limit.waiting) == (1, 0)
        with limit.released():
            assert (limit.in_work, limit.waiting) == (0, 0)
        assert (limit.in_work, limit.waiting) == (1, 0)
    assert (limit.in_work, limit.waiting) == (0, 0)


def test_new_requests_and_those_that_resume_wait_where_no_slot_is_free():
    limit, has_released, may_resume = ConcurrencyLimit(1, 3), threading.Event(), threading.Event()

    def resume():
        with limit.acquired(), limit.released():
            has_released.set()
            may_resume.wait(TIMEOUT_S)

    def begin():
        with limit.acquired():
            pass

    threads = [threading.Thread(target=resume), threading.Thread(target=begin)]
    threads[0].start()
    assert has_released.wait(TIMEOUT_S)
    with limit.acquired():
        may_resume.set()
        threads[1].start()
        wait_until(lambda: limit.waiting == 2)
        assert limit.in_work == 1
    for thread in threads:
        thread.join()
    assert (limit.in_work, limit.waiting) == (0, 0)


def test_requests_for_which_the_worker_has_no_thread_yet_wait():
    application, waiting = Application(), []

    def counting(environ, start_response):
        parts = application(environ, start_response)
        waiting.append(served.limit.waiting)
        return parts

    with serving(counting, slots=1) as served, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(closing(served.connected())) for _ in range(4)]
        clients[0].sendall(request("GET", "/wait"))
        wait_until(lambda: application.calls["/wait"] == 1)
        for client in clients[1:]:
            client.sendall(request("GET", "/"))
        application.may_end.set()
        assert [answer(client)[0] for client in clients] == [200] * 4
    # The thread that has answered the first one takes the others from the system at once.
    assert waiting == [0, 2, 1, 0]


def test_the_server_adds_the_requests_that_it_has_not_begun():
    limit = ConcurrencyLimit(1, 3)
    limit.on_waiting(lambda: 7)
    assert limit.waiting == 7


def test_a_scrape_has_what_holds_now(settings):
    settings.EVERGREEN_MONITORING_PASSWORD = ""
    limit = ConcurrencyLimit(4, 3)
    limit.on_waiting(lambda: 5)
    with mock.patch.object(instance_load, "REQUESTS", limit), limit.acquired():
        text = Client().get("/metrics").content.decode()
    assert "evergreen_requests_in_work 1.0" in text
    assert "evergreen_requests_waiting 5.0" in text


def test_cpu_time_is_counted_once():
    # Other threads of the process may work meanwhile: all that it used is the limit.
    used_before = time.process_time()
    instance_load.measure()
    before, until = value("evergreen_cpu_seconds_total"), time.process_time() + 0.05
    while time.process_time() < until:
        pass
    instance_load.measure()
    assert value("evergreen_cpu_seconds_total") - before >= 0.05
    instance_load.measure()
    assert value("evergreen_cpu_seconds_total") - before <= time.process_time() - used_before
