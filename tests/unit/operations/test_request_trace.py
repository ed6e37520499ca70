"""A request put together from the lines that each process has written about it."""

import json
from pathlib import Path

import pytest

from devstack.layout import Layout
from devstack.settings import Settings
from operations import request_trace
from operations.deployment import LogDirectory
from operations.request_trace import Span

ID, OTHER = "5" * 32, "6" * 32


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(settings=Settings(run=tmp_path))
    layout.logs.mkdir()
    return layout


def nginx_line(layout: Layout, *tries: tuple[str, str, str], **more: object) -> dict:
    upstreams = [f"unix:{layout.socket(name)}" for name, _, _ in tries]
    return {
        "time": "2026-11-24T12:00:01.500+00:00",
        "request_id": ID,
        "method": "POST",
        "uri": "/api/v1/purchases/",
        "status": 201,
        "request_time": 1.5,
        "repeats": max(len(tries) - 1, 0),
        "upstream": ", ".join(upstreams),
        "upstream_status": ", ".join(status for _, status, _ in tries),
        "upstream_time": ", ".join(seconds for _, _, seconds in tries),
        **more,
    }


def api_line(**more: object) -> dict:
    return {
        "time": "2026-11-24T12:00:01.400000Z",
        "event": "request",
        "request_id": ID,
        "method": "POST",
        "route": "purchases-list",
        "status": 201,
        "request_time": 0.3,
        "user": "ada",
        "origin_request_id": None,
        **more,
    }


def write(layout: Layout, name: str, *lines: dict | str) -> None:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    (layout.logs / name).write_text("".join(f"{text}\n" for text in texts))


def trace(layout: Layout) -> list[Span]:
    upstreams = {f"unix:{layout.socket(name)}": name for name in ("api-1", "api-2")}
    return list(request_trace.read_trace(LogDirectory(path=layout.logs, upstreams=upstreams), ID))


def seen(layout: Layout) -> list[tuple[str, str, int | None]]:
    return [(span.process, span.what, span.status) for span in trace(layout)]


def milliseconds(spans: list[Span]) -> list[int]:
    return [round((span.at - spans[0].at).total_seconds() * 1000) for span in spans]


def test_a_repeat_is_seen_from_nginx_and_from_the_instance_that_answered(layout: Layout):
    write(layout, "nginx.log", nginx_line(layout, ("api-1", "502", "1.000"), ("api-2", "201", "0.500")))
    write(layout, "api-2.log", api_line())
    assert seen(layout) == [
        ("nginx", "received POST /api/v1/purchases/", None),
        ("nginx", "sent to api-1", 502),
        ("nginx", "sent again to api-2", 201),
        ("api-2", "POST purchases-list, user ada", 201),
        ("nginx", "answered after 1 repeat", 201),
    ]
    assert milliseconds(trace(layout)) == [0, 0, 1000, 1100, 1500]


def test_what_nginx_answered_by_itself_was_sent_to_nobody(layout: Layout):
    write(layout, "nginx.log", nginx_line(layout, status=413))
    assert seen(layout) == [
        ("nginx", "received POST /api/v1/purchases/", None),
        ("nginx", "answered", 413),
    ]


def test_an_instance_that_could_not_be_reached_took_no_time(layout: Layout):
    tries = [("api-1", "502", "-"), ("api-2", "502", "-"), ("api-1", "-", "-")]
    write(layout, "nginx.log", nginx_line(layout, *tries, status=503))
    assert [what for _, what, _ in seen(layout)][1:] == [
        "sent to api-1",
        "sent again to api-2",
        "sent again to api-1",
        "answered after 2 repeats",
    ]


def test_logs_that_were_put_away_are_read_too_and_other_requests_left_out(layout: Layout):
    write(layout, "api-1.log.2", api_line(), api_line(request_id=OTHER))
    write(layout, "api-1.log", api_line(request_id=OTHER))
    assert seen(layout) == [("api-1", "POST purchases-list, user ada", 201)]


def test_a_replay_names_the_request_that_was_carried_out_and_the_other_way_round(layout: Layout):
    write(layout, "api-1.log", api_line(origin_request_id=OTHER), api_line(request_id=OTHER, origin_request_id=ID))
    assert [what for _, what, _ in seen(layout)] == [
        f"POST purchases-list, user ada, replay of the outcome of request {OTHER}",
        f"POST purchases-list, user ada, request {OTHER} received the same outcome",
    ]


def test_a_traceback_is_told_by_the_type_of_what_was_raised(layout: Layout):
    line = {"time": "2026-11-24T12:00:00Z", "event": "exception", "request_id": ID, "exception": "File x\nValueError"}
    write(layout, "api-1.log", line)
    assert seen(layout) == [("api-1", "exception, ValueError", None)]


def test_a_line_that_names_the_request_without_being_about_one_is_told_as_it_is(layout: Layout):
    write(layout, "api-1.log", {"time": "2026-11-24T12:00:00Z", "event": f"something about {ID}"})
    assert seen(layout) == [("api-1", f"something about {ID}", None)]


def test_what_is_no_line_of_ours_is_passed_over(layout: Layout):
    write(layout, "redis-1.log", f"1:M 24 Nov 2026 12:00:00.000 * {ID}", f'{{"request_id": "{ID}", "ti')
    assert seen(layout) == []
