"""nginx's cache of the catalogue, in front of stand-ins for API instances."""

import dataclasses
import gzip
import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from configuration.rates import Rate
from devstack.edge import NO_LIMITS
from devstack.layout import INSTANCES, NGINX, Layout
from devstack.settings import Settings
from devstack.temporary import free_port
from tests.integration.edge import Instances, ask, assert_is_problem, connects, nginx, stand_ins
from tests.stack_fixtures import wait_until

T = TypeVar("T")
SLOT_S = 0.5
#: Of a slot: after that, some requests are ahead of the clock, and belong to the next one.
SETTLED_S = 0.25
MAX_TRIES = 40
MAX_AGE_S = 0.75
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
_NUMBERS = itertools.count()


def product() -> str:
    """The path of a product that no other test asks for."""
    return f"/api/v1/products/0190a2c0-0000-7000-8000-{next(_NUMBERS):012x}/"


def in_one_slot(scenario: Callable[[str], T]) -> T:
    """What the scenario returns where all of it happened within one slot; it gets a product of its own at each try."""
    for _ in range(MAX_TRIES):
        time.sleep(SLOT_S - time.time() % SLOT_S)
        result = scenario(product())
        if time.time() % SLOT_S < SETTLED_S:
            return result
    pytest.fail("The machine is too busy to do it within one slot.")


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    directory = tmp_path_factory.mktemp("cache")
    return Layout(
        settings=Settings(run=directory, port=free_port(), address_limits=NO_LIMITS, catalogue_cache_s=1),
    )


@pytest.fixture(scope="module")
def running(layout: Layout) -> Iterator[Instances]:
    with stand_ins(layout) as started, nginx(layout):
        yield started


@pytest.fixture(autouse=True)
def instances(running: Instances) -> Instances:
    """The stand-ins, as no other test has left them."""
    fresh = Instances(user="", headers={"Vary": "Accept", "Content-Type": "application/json"})
    for field in dataclasses.fields(Instances):
        setattr(running, field.name, getattr(fresh, field.name))
    return running


def results(layout: Layout, path: str, *calls: dict[str, str]) -> list[str | None]:
    """What X-Cache says to calls with these headers, one after the other."""
    return [ask(layout, "GET", path, None, each)[1].get("X-Cache") for each in calls]


def test_the_same_read_is_answered_from_the_cache(layout, instances):
    def scenario(path):
        answers = [ask(layout, "GET", path) for _ in range(3)]
        return answers, [seen for seen in instances.seen if seen.path == path]

    answers, seen = in_one_slot(scenario)
    assert [headers["X-Cache"] for _, headers, _ in answers] == ["MISS", "HIT", "HIT"]
    assert [headers.get("Age") for _, headers, _ in answers] == [None, "1", "1"]
    assert len({body for _, _, body in answers}) == len(seen) == 1


def test_each_answer_has_a_request_id_of_its_own(layout):
    answers = in_one_slot(lambda path: [ask(layout, "GET", path) for _ in range(3)])
    assert len({headers["X-Request-ID"] for _, headers, _ in answers}) == 3
    assert not any({"X-Evergreen-Route", "X-Evergreen-User"} & headers.keys() for _, headers, _ in answers)


BYPASSING = (
    {"Authorization": "Bearer x"},
    {"Authorization": "made up"},
    {"Cookie": "evergreen_token=x"},
    {"Cookie": "a=b"},
    {"If-Match": '"1"'},
    {"If-Unmodified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"},
    {"Accept": BROWSER},
    {"Accept": "application/json, text/html;q=0.1"},
    {"Accept": "a" * 2_000},
)


def test_a_caller_who_may_be_signed_in_neither_reads_nor_fills_the_cache(layout):
    def scenario(_):
        return [(each, results(layout, product(), each, {}, each, {})) for each in BYPASSING]

    assert in_one_slot(scenario) == [(each, ["BYPASS", "MISS", "BYPASS", "HIT"]) for each in BYPASSING]


def test_a_read_with_a_body_neither_reads_nor_fills_the_cache(layout):
    def scenario(path):
        bodies = (b"x", None, b"x", None)
        return [ask(layout, "GET", path, body)[1]["X-Cache"] for body in bodies]

    assert in_one_slot(scenario) == ["BYPASS", "MISS", "BYPASS", "HIT"]


IGNORED = (
    {"Cache-Control": "no-cache"},
    {"Cache-Control": "max-age=0"},
    {"Pragma": "no-cache"},
    {"User-Agent": "another"},
    {"Accept": "*/*"},
    {"Accept": "application/json"},
    {"Accept": "image/png, made/up"},
    {"Accept-Language": "de"},
    {"Accept-Encoding": "br"},
    {"X-Forwarded-Host": "elsewhere"},
)


def test_no_header_makes_a_miss_of_a_hit(layout):
    assert in_one_slot(lambda path: results(layout, path, {}, *IGNORED)) == ["MISS", *["HIT"] * len(IGNORED)]


def test_an_instance_sees_the_format_that_is_cached_whatever_was_asked_for(layout, instances):
    def scenario(path):
        for accept in (BROWSER, "made/up"):
            ask(layout, "GET", path, None, {"Accept": accept})
        return [seen.headers["Accept"] for seen in instances.seen if seen.path == path]

    assert in_one_slot(scenario) == [BROWSER, "application/json"]


def test_html_and_json_are_never_mixed(layout, instances):
    instances.body = lambda seen: seen.headers["Accept"].encode()
    given = {"*/*": b"application/json", BROWSER: BROWSER.encode(), "made/up": b"application/json"}

    def scenario(path):
        return [(accept, ask(layout, "GET", path, None, {"Accept": accept})[2]) for accept in [*given] * 3]

    assert all(body == given[accept] for accept, body in in_one_slot(scenario))


def test_links_of_another_host_or_origin_are_never_mixed(layout, instances):
    instances.headers |= {"Vary": "Accept, origin"}
    instances.body = lambda seen: f"{seen.headers['Host']} {seen.headers.get('Origin')}".encode()

    def scenario(path):
        callers = [{"Host": f"localhost:{port}", "Origin": origin} for port in (1, 2) for origin in ("a", "b")]
        return [(each, ask(layout, "GET", path, None, each)[2]) for each in callers * 2]

    assert all(body == f"{each['Host']} {each['Origin']}".encode() for each, body in in_one_slot(scenario))


def test_an_answer_other_than_200_is_not_stored(layout, instances):
    statuses = (301, 400, 404, 429, 500, 503)

    def scenario(_):
        given = []
        for status in statuses:
            path, instances.status = product(), status
            given += [ask(layout, "GET", path)[0] for _ in range(2)]
            instances.status = 200
            given.append(ask(layout, "GET", path)[0])
        return given

    assert in_one_slot(scenario) == [each for status in statuses for each in (status, status, 200)]


OF_ONE_CALLER = (
    {"Set-Cookie": "a=b"},
    {"Cache-Control": "no-store"},
    {"Cache-Control": "private"},
    {"Vary": "Accept, Cookie"},
    {"Vary": "Accept-Language"},
    {"X-Evergreen-User": "the id of a user"},
    {"RateLimit": '"reads";r=1;t=1'},
)


def test_an_answer_that_may_be_of_one_caller_is_not_stored(layout, instances):
    usual = instances.headers

    def scenario(_):
        given = []
        for headers in OF_ONE_CALLER:
            instances.headers = usual | headers
            given.append((headers, results(layout, product(), {}, {})))
        return given

    assert in_one_slot(scenario) == [(headers, ["MISS", "MISS"]) for headers in OF_ONE_CALLER]


def test_a_large_answer_is_whole_and_not_stored(layout, instances):
    instances.body = lambda seen: b"x" * 100_000
    answers = in_one_slot(lambda path: [ask(layout, "GET", path) for _ in range(2)])
    assert {(len(body), headers["X-Cache"]) for _, headers, body in answers} == {(100_000, "MISS")}


def test_head_and_get_share_an_answer(layout, instances):
    def scenario(path):
        answers = [ask(layout, method, path) for method in ("HEAD", "GET", "HEAD")]
        return answers, [seen.method for seen in instances.seen if seen.path == path]

    answers, methods = in_one_slot(scenario)
    assert [headers["X-Cache"] for _, headers, _ in answers] == ["MISS", "HIT", "HIT"]
    assert [bool(body) for _, _, body in answers] == [False, True, False]
    assert (len({headers["Content-Length"] for _, headers, _ in answers}), methods) == (1, ["GET"])


def test_a_client_that_has_the_present_answer_gets_304(layout, instances):
    instances.headers |= {"ETag": '"1.10"'}

    def scenario(path):
        tags = (None, '"1.10"', 'W/"1.10"', '"1.9", "1.10"', '"1.9"')
        return [ask(layout, "GET", path, None, {"If-None-Match": tag} if tag else {}) for tag in tags]

    answers = in_one_slot(scenario)
    assert [status for status, _, _ in answers] == [200, 304, 304, 304, 200]
    assert {headers["ETag"] for _, headers, _ in answers} == {'"1.10"'}
    assert [headers["X-Cache"] for _, headers, _ in answers] == ["MISS", "HIT", "HIT", "HIT", "HIT"]


def test_a_range_is_answered_with_the_whole(layout, instances):
    instances.body = lambda seen: b"0123456789"

    def scenario(path):
        return [ask(layout, "GET", path, None, {"Range": "bytes=2-3"}) for _ in range(2)]

    assert [(status, body) for status, _, body in in_one_slot(scenario)] == [(200, b"0123456789")] * 2


def test_a_hundred_misses_at_once_make_one_request_to_an_instance(layout, instances):
    with ThreadPoolExecutor(100) as clients:

        def scenario(path):
            answers = list(clients.map(lambda _: ask(layout, "GET", path), range(100)))
            return answers, [seen for seen in instances.seen if seen.path == path]

        answers, seen = in_one_slot(scenario)
    assert {status for status, _, _ in answers} == {200}
    assert len({body for _, _, body in answers}) == len(seen) == 1


def test_no_answer_is_older_than_three_quarters_of_a_second(layout, instances):
    instances.body = lambda seen: repr(time.time()).encode()
    path, ages, hits, until = product(), [], 0, time.monotonic() + 2.0
    while time.monotonic() < until:
        asked_at = time.time()
        _, headers, body = ask(layout, "GET", path)
        ages.append(asked_at - float(body))
        hits += headers["X-Cache"] == "HIT"
    assert max(ages) <= MAX_AGE_S
    assert hits > len(ages) / 2


def test_nothing_is_served_from_the_cache_after_its_slot_though_no_instance_answers(layout, instances):
    path = product()
    assert ask(layout, "GET", path)[0] == 200
    instances.broken = set(INSTANCES)
    time.sleep(2 * SLOT_S)
    assert_is_problem(ask(layout, "GET", path), 503, "store-unavailable")


@pytest.mark.parametrize("cut_off", [["api-1"], ["api-1", "api-2"]])
def test_an_instance_that_is_cut_off_is_passed_over_by_misses(layout, instances, cut_off):
    instances.cut_off = set(cut_off)
    for _ in range(4):
        assert ask(layout, "GET", product())[0] == 200


def logged(layout: Layout, answer: tuple[int, dict[str, str], bytes]) -> dict[str, object]:
    """The line about the request of this answer."""
    id, log = answer[1]["X-Request-ID"], layout.log(NGINX)
    wait_until(lambda: id in log.read_text())
    (line,) = [each for each in lines(log) if each["request_id"] == id]
    return line


def test_the_log_says_what_the_cache_had(layout):
    paths = ("/api/v1/products/?search=tea", "/api/v1/products/by-sku/TEA/", "/api/v1/users/")
    answers = [ask(layout, "GET", path) for path in paths]
    assert [logged(layout, answer)["cache"] for answer in answers] == ["MISS", "MISS", ""]


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def test_a_hit_is_logged_with_its_route_and_no_instance(layout):
    answers = in_one_slot(lambda path: [ask(layout, "GET", path) for _ in range(2)])
    line = logged(layout, answers[1])
    assert (line["cache"], line["route"], line["upstream"], line["repeats"]) == ("HIT", "stand-in", "", 0)


def test_a_long_answer_is_compressed_from_one_entry(layout, instances):
    text = b'{"a": "' + b"x" * 5_000 + b'"}'
    instances.body, instances.headers = lambda seen: text, instances.headers | {"ETag": '"1.10"'}

    def scenario(path):
        encodings = ("gzip", "identity", "gzip")
        return [ask(layout, "GET", path, None, {"Accept-Encoding": encoding}) for encoding in encodings]

    (packed, plain, again) = in_one_slot(scenario)
    assert (gzip.decompress(packed[2]), plain[2], gzip.decompress(again[2])) == (text, text, text)
    assert [each[1].get("Content-Encoding") for each in (packed, plain, again)] == ["gzip", None, "gzip"]
    assert [each[1]["ETag"] for each in (packed, plain, again)] == ['W/"1.10"', '"1.10"', 'W/"1.10"']
    assert all("Accept-Encoding" in each[1]["Vary"] for each in (packed, plain, again))
    assert [each[1]["X-Cache"] for each in (packed, plain, again)] == ["MISS", "HIT", "HIT"]


def test_the_answer_to_a_write_is_not_compressed(layout, instances):
    instances.body = lambda seen: b"x" * 5_000
    _, headers, body = ask(layout, "POST", "/api/v1/auth/token/", b"{}", {"Accept-Encoding": "gzip"})
    assert (headers.get("Content-Encoding"), len(body)) == (None, 5_000)


def test_an_instance_is_asked_for_no_encoding(layout, instances):
    ask(layout, "GET", "/api/v1/users/", None, {"Accept-Encoding": "gzip"})
    assert "Accept-Encoding" not in instances.seen[-1].headers


def other(layout: Layout, directory: Path, **settings: object) -> Layout:
    """An nginx of its own with other settings."""
    changed = {"run": directory, "port": free_port(), **settings}
    return Layout(settings=dataclasses.replace(layout.settings, **changed))


def test_a_hit_counts_against_the_limit_of_its_address(layout, tmp_path):
    limits = NO_LIMITS._replace(rates={**NO_LIMITS.rates, "reads": Rate(1, "m", 3)})
    limited, path = other(layout, tmp_path, address_limits=limits), product()
    with stand_ins(limited), nginx(limited, is_ready=connects):
        assert [ask(limited, "GET", path)[0] for _ in range(10)][-1] == 429


def test_without_a_lifetime_every_read_goes_to_an_instance(layout, tmp_path):
    off, path = other(layout, tmp_path, catalogue_cache_s=0), product()
    with stand_ins(off) as asked, nginx(off):
        answers = [ask(off, "GET", path, None, {"Accept": "made/up"}) for _ in range(3)]
    assert [headers.get("X-Cache") for _, headers, _ in answers] == [None] * 3
    assert [seen.headers["Accept"] for seen in asked.seen if seen.path == path] == ["made/up"] * 3
