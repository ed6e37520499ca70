"""What nginx does where each instance has as many requests as it may have at once (ADR 61)."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from devstack.layout import INSTANCES, NGINX, Layout
from tests.integration.edge import QUESTION, Instances, Seen, ask, code_of, instances, layout, nginx
from tests.stack_fixtures import wait_until

__all__ = ["instances", "layout"]

#: Two lines of each of two instances, with one read and one write at once.
PLACES, HELD, OTHER = 4, "/api/v1/products/held/", "/api/v1/products/other/"
#: Instances hang up on this.
BROKEN, MAX_ANSWERS = "/api/v1/products/broken/", 100


@contextmanager
def with_places_taken(layout: Layout, instances: Instances, method: str) -> Iterator[Layout]:
    """nginx in front of instances that have as many requests of this method as they may have."""
    limited, released = Layout(settings=replace(layout.settings, instance_requests=2)), threading.Event()

    def body(seen: Seen) -> bytes:
        if seen.path == HELD:
            released.wait()
        if seen.path == BROKEN:
            raise ConnectionError
        return seen.instance.encode()

    instances.body = body
    with nginx(limited), ThreadPoolExecutor(PLACES) as clients:
        held: list[Future[Any]] = [clients.submit(ask, limited, method, HELD) for _ in range(PLACES)]
        try:
            wait_until(lambda: sum(seen.path == HELD for seen in instances.seen) == PLACES)
            yield limited
        finally:
            released.set()
        # Neither was any of them refused.
        assert {answer.result()[0] for answer in held} == {200}


def is_refused_by_nginx(layout: Layout, instances: Instances, method: str) -> bool:
    before = len(instances.seen)
    status, _, _ = ask(layout, method, OTHER)
    return status == 503 and len(instances.seen) == before


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_more_reaches_an_instance_that_is_not_overloaded(layout, instances, method):
    with with_places_taken(layout, instances, method) as limited:
        answers = [ask(limited, method, OTHER)[0] for _ in range(3 * PLACES)]
    assert set(answers) == {200}
    for seen in instances.seen:
        assert seen.headers.get("X-Overflow") == ("1" if seen.path == OTHER else None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_overloaded_instances_refuse_is_refused_by_nginx_from_then_on(layout, instances, method):
    instances.overloaded = {*INSTANCES}
    with with_places_taken(layout, instances, method) as limited:
        # The last instance that is asked answers for itself.
        wait_until(lambda: is_refused_by_nginx(limited, instances, method))
        before = len(instances.seen)
        status, headers, body = ask(limited, method, OTHER)
        assert (status, code_of(headers, body), headers["Retry-After"]) == (503, "store-unavailable", "1")
        assert len(instances.seen) == before
        # Neither probes nor what has places of its own is refused.
        other = "POST" if method == "GET" else "GET"
        for each in (("GET", "/readyz"), ("GET", "/status/"), (other, OTHER)):
            assert ask(limited, *each)[0] == 200
        instances.overloaded.clear()
        wait_until(lambda: ask(limited, method, OTHER)[0] == 200)
    lines = [json.loads(line) for line in limited.log(NGINX).read_text().splitlines()]
    assert {line["status"] for line in lines if line["limited"] == "capacity"} == {503}


def test_what_one_instance_refuses_the_other_one_takes(layout, instances):
    instances.overloaded = {INSTANCES[0]}
    with with_places_taken(layout, instances, "POST") as limited:
        answers = [ask(limited, "POST", OTHER) for _ in range(PLACES)]
    assert {(status, body.decode()) for status, _, body in answers} == {(200, INSTANCES[1])}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_more_is_answered_by_instances_that_are_all_cut_off(layout, instances, method):
    with with_places_taken(layout, instances, method) as limited:
        instances.cut_off = {*INSTANCES}
        answers = [ask(limited, method, OTHER)[0] for _ in range(3 * PLACES)]
    assert set(answers) == {200}
    asked = [seen for seen in instances.seen if seen.path == OTHER]
    for id in {seen.headers["X-Request-ID"] for seen in asked}:
        *before, last = [seen for seen in asked if seen.headers["X-Request-ID"] == id]
        # Each was asked whether it is cut off, too, before one answered as well as it could.
        assert {seen.instance for seen in before} == {*INSTANCES}
        assert not any("X-Serve-Degraded" in seen.headers for seen in before)
        assert last.headers["X-Serve-Degraded"] == "1"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_more_is_answered_by_the_instance_that_is_not_cut_off(layout, instances, method):
    with with_places_taken(layout, instances, method) as limited:
        instances.cut_off = {INSTANCES[0]}
        answers = {ask(limited, method, OTHER)[::2] for _ in range(3 * PLACES)}
    assert answers == {(200, INSTANCES[1].encode())}
    assert not any("X-Serve-Degraded" in seen.headers for seen in instances.seen)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_answered_with_503_is_passed_on_and_takes_no_instance_out(layout, instances, method):
    with with_places_taken(layout, instances, method) as limited:
        instances.status = 503
        answers = {ask(limited, method, OTHER)[::2] for _ in range(3 * PLACES)}
        instances.status = 200
    # Each by an instance, and not by nginx; one after the other one.
    assert answers == {(503, name.encode()) for name in INSTANCES}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_instance_that_sheds_and_one_that_is_cut_off_end_in_a_refusal(layout, instances, method):
    with with_places_taken(layout, instances, method) as limited:
        instances.overloaded, instances.cut_off = {INSTANCES[0]}, {INSTANCES[1]}
        answers = {ask(limited, method, OTHER)[0] for _ in range(3 * PLACES)}
    # None by the one that is cut off, which the other one might contradict.
    assert answers == {503}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_more_is_served_where_instances_are_out_without_an_overload(layout, instances, method):
    """As in a failover that takes longer than nginx waits for an answer, which it counts as a failure."""
    with with_places_taken(layout, instances, method) as limited:
        answers = []
        while not any(seen.path == QUESTION for seen in instances.seen):
            assert ask(limited, method, BROKEN)[0] == 503
            answers += [ask(limited, method, OTHER)[0] for _ in INSTANCES]
            assert len(answers) < MAX_ANSWERS
    assert set(answers) == {200}
    asked = next(seen for seen in instances.seen if seen.path == QUESTION)
    assert (asked.method, asked.body, asked.headers["X-Overflow"]) == ("GET", b"", "1")


def test_without_a_limit_nothing_is_more(layout, instances):
    unlimited = Layout(settings=replace(layout.settings, instance_requests=0))
    with nginx(unlimited), ThreadPoolExecutor(20) as clients:
        answers = list(clients.map(lambda _: ask(unlimited, "GET", OTHER)[0], range(40)))
    assert set(answers) == {200}
    assert not any("X-Overflow" in seen.headers for seen in instances.seen)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("requests", [0, 2])
def test_instances_that_are_all_cut_off_answer_as_well_as_they_can(layout, instances, method, requests):
    """Each was asked, and refused for another reason than too many requests."""
    instances.cut_off = {*INSTANCES}
    limited = Layout(settings=replace(layout.settings, instance_requests=requests))
    with nginx(limited):
        assert [ask(limited, method, OTHER)[0] for _ in range(3 * PLACES)] == [200] * 3 * PLACES
    assert not any(seen.headers.get("X-Overflow") for seen in instances.seen)
