"""deploy/nginx/cache.conf: which requests it takes, in which format, and in which slot of time."""

import re

import pytest
from django.test import RequestFactory

from configuration import ROOT
from shop.api.access import ACCESS
from shop.api.access_document import url_operations
from shop.api.rendering import prefers_html
from shop.domain.callers import Scope

TEXT = (ROOT / "deploy" / "nginx" / "cache.conf").read_text()
ID = "0190a2c0-0000-7000-8000-000000000000"
PROGRAMS = ("", "*/*", "application/json", "application/json, text/plain, */*", "text/*", "TEXT/HTML", "image/png")
BROWSERS = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html",
    "application/json, text/html;q=0.1",
)
#: The last quarter of the seconds whose two last digits are 99: there a request ahead of the clock has no next slot.
CARRY_S = 100.0


def value(variable: str, text: str) -> str:
    """What the map of this variable makes of a text, as nginx evaluates it."""
    (body,) = re.findall(rf"^map .* \${variable} {{\n(.*?)^}}", TEXT, re.MULTILINE | re.DOTALL)
    entries = re.findall(r'^    ("(?:[^"]*)"|\S+) ("(?:[^"]*)"|[^;]+);$', body, re.MULTILINE)
    rules = {source.strip('"'): result.strip('"') for source, result in entries}
    if text in rules:
        return rules[text]
    for source, result in rules.items():
        # nginx tries no expression on an empty text.
        if text and source.startswith("~") and (match := _regex(source).search(text)):
            return re.sub(r"\$\{?([a-z]+)\}?", lambda name: match[name[1]], result)
    return rules["default"]


def _regex(source: str) -> re.Pattern[str]:
    flags = re.IGNORECASE if source.startswith("~*") else 0
    return re.compile(source.lstrip("~*").replace("(?<", "(?P<"), flags)


def slot(at_s: float, *, is_ahead: bool = False) -> str:
    return value("catalogue_slot", f"{int(is_ahead)} {at_s:.3f}")


def test_a_slot_is_half_a_second_of_the_clock():
    times = [1_790_000_000 + number / 1000 for number in range(10_000)]
    assert [slot(at_s) for at_s in times] == [f"{int(at_s)}.{5 if at_s % 1 >= 0.5 else 0}" for at_s in times]


def test_a_request_ahead_of_the_clock_has_the_slot_of_a_quarter_of_a_second_later():
    times = [1_790_000_000 + number / 8 + 0.001 for number in range(8 * 300)]
    carried = [at_s for at_s in times if at_s % CARRY_S >= CARRY_S - 0.25]
    differing = [at_s for at_s in times if slot(at_s, is_ahead=True) != slot(at_s + 0.25)]
    assert differing == carried
    assert [slot(at_s, is_ahead=True) for at_s in carried] == [slot(at_s) for at_s in carried]


#: Shipping methods are read with the scope of the catalogue, and seldom: an instance answers each time.
CACHED = {
    name
    for name, row in ACCESS.items()
    if row.is_public and row.scope is Scope.CATALOGUE_READ and not name.startswith("shipping_methods_")
}


def path_of(template: str) -> str:
    return re.sub(r"\{\w+\}", ID, template.replace("{sku}", "TEA-1"))


def paths(*, cached: bool) -> set[str]:
    reads = [each for each in url_operations() if each.method == "GET"]
    return {path_of(each.path) for each in reads if (each.name in CACHED) is cached}


def test_every_public_read_of_the_catalogue_is_cached():
    assert len(paths(cached=True)) == 5
    taken = {path: value("is_catalogue_read", f"1 GET {path}") for path in paths(cached=True)}
    assert set(taken.values()) == {"1"}


def test_nothing_else_is_cached():
    taken = {path: value("is_catalogue_read", f"1 GET {path}") for path in paths(cached=False)}
    assert len(taken) > 10
    assert set(taken.values()) == {"0"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_no_other_method_is_cached(method):
    assert {value("is_catalogue_read", f"1 {method} {path}") for path in paths(cached=True)} == {"0"}


def test_nothing_is_cached_where_the_lifetime_is_0():
    assert {value("is_catalogue_read", f"0 GET {path}") for path in paths(cached=True)} == {"0"}


@pytest.mark.parametrize("accept", [*PROGRAMS, "application/json"])
def test_a_caller_who_gets_json_may_read_the_cache(accept):
    assert value("is_json_read", accept) == "1"
    assert not prefers_html(RequestFactory().get("/", headers={"Accept": accept} if accept else {}))


@pytest.mark.parametrize("accept", BROWSERS)
def test_a_caller_who_may_get_a_page_asks_an_instance(accept):
    assert value("is_json_read", accept) == "0"
    assert value("catalogue_cache", "1 1 1 0") == "off"


@pytest.mark.parametrize("vary", ["", "Accept", "origin", "Accept, origin", "origin, Accept"])
def test_an_answer_that_varies_by_what_is_in_the_key_is_stored(vary):
    assert value("has_other_variants", vary) == "0"


@pytest.mark.parametrize("vary", ["Cookie", "Accept, Cookie", "*", "Accept-Language", "Authorization"])
def test_an_answer_that_varies_by_anything_else_is_not_stored(vary):
    assert value("has_other_variants", vary) == "1"


@pytest.mark.parametrize(("length", "is_large"), [("0", "0"), ("9999", "0"), ("15999", "0"), ("16000", "1"), ("", "1")])
def test_an_answer_of_at_most_16_kilobytes_is_stored(length, is_large):
    assert value("is_too_large_for_cache", length) == is_large
