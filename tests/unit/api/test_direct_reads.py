"""Direct reads: their answers are those of the ViewSet behind the whole of Django, whatever is asked."""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import override_settings

from exactly_once.errors import StoreUnavailable
from shop import bootstrap
from shop.api import access, concurrency, direct_reads, middleware
from shop.api.direct_reads import DirectReads
from shop.concurrency import ConcurrencyLimit
from shop.domain.ports import Shop
from shop.domain.products import Product
from tests.samples import in_catalogue
from tests.unit.api.client import ApiClient
from tests.unit.test_telemetry import added

PRODUCTS, UNKNOWN = "/api/v1/products/", "/api/v1/products/01890000-0000-7000-8000-000000000000/"
Answered = tuple[str, Mapping[str, str], bytes]


class Counted:
    """Django's handler, which counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self._handler = WSGIHandler()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.calls += 1
        return self._handler(environ, start_response)


def asked(application: Callable[..., Any], path: str, query: str = "", method: str = "GET", **headers: str) -> Answered:
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "REMOTE_ADDR": "",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "HTTP_HOST": "localhost",
        "HTTP_X_REQUEST_ID": "5" * 32,
        **headers,
    }
    answer: list[Any] = []
    body = b"".join(application(environ, lambda status, headers: answer.extend((status, headers))))
    return answer[0], {name: _ordered(value) for name, value in answer[1]}, body


def _ordered(value: str) -> str:
    """A header value without the order of its directives, which means nothing in a policy."""
    return "; ".join(sorted(value.split("; ")))


@pytest.fixture
def django() -> Counted:
    return Counted()


@pytest.fixture
def direct(django: Counted) -> DirectReads:
    return DirectReads(django)


@pytest.fixture(autouse=True)
def catalogue(shop: Shop, apple: Product) -> None:
    for number in range(5):
        in_catalogue(
            shop, sku=f"PEAR-{number}", name=f'Crème "{number}" \\ Pear', category="Fruit & more", stock=number
        )


PLAIN: dict[str, tuple[str, dict[str, str]]] = {
    "newest": ("", {}),
    "by price": ("ordering=price", {}),
    "a short page": ("page_size=2", {}),
    "a category": ("category=Fruit%20%26%20more", {}),
    "words in stock": ("search=cr%C3%A8me+pear&in_stock=true&max_price=99&ordering=-name", {}),
    "no match": ("search=zzz", {}),
    "everything accepted": ("", {"HTTP_ACCEPT": "*/*"}),
    "a condition that counts for writes": ("", {"HTTP_IF_MATCH": "*"}),
    "a tag of another page": ("", {"HTTP_IF_NONE_MATCH": '"abc"'}),
    "any tag": ("", {"HTTP_IF_NONE_MATCH": "*"}),
    "a token, which nothing reads": ("", {"HTTP_AUTHORIZATION": "Bearer unknown"}),
    "a client of HTTPS": ("page_size=1", {"HTTP_X_FORWARDED_PROTO": "https"}),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_page_is_answered_as_by_django_and_without_it(name: str, direct: DirectReads, django: Counted):
    query, headers = PLAIN[name]
    answer = asked(direct, PRODUCTS, query, **headers)
    assert django.calls == 0
    assert answer == asked(django, PRODUCTS, query, **headers)


@pytest.mark.parametrize("headers", [{}, {"HTTP_IF_NONE_MATCH": "*"}, {"HTTP_AUTHORIZATION": "Basic x"}])
def test_a_plain_product_is_answered_as_by_django_and_without_it(
    headers: dict[str, str], apple: Product, direct: DirectReads, django: Counted
):
    answer = asked(direct, f"{PRODUCTS}{apple.id}/", **headers)
    assert django.calls == 0
    assert answer == asked(django, f"{PRODUCTS}{apple.id}/", **headers)


def test_the_tag_of_an_answer_makes_the_next_one_empty(direct: DirectReads, django: Counted, apple: Product):
    for path in (PRODUCTS, f"{PRODUCTS}{apple.id}/"):
        _, headers, _ = asked(direct, path)
        status, _, body = asked(direct, path, HTTP_IF_NONE_MATCH=headers["ETag"])
        assert (status, body, django.calls) == ("304 Not Modified", b"", 0)


def test_the_links_of_a_page_lead_through_the_catalogue_without_django(direct: DirectReads, django: Counted):
    answer, pages = asked(direct, PRODUCTS, "page_size=2"), 1
    while link := _next(answer[2]):
        query = link.partition("?")[2]
        answer, pages = asked(direct, PRODUCTS, query), pages + 1
        assert answer == asked(WSGIHandler(), PRODUCTS, query)
    assert (pages, django.calls) == (3, 0)


def _next(body: bytes) -> str:
    return orjson.loads(body)["next"] or ""


OTHERS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "HEAD": ("HEAD", PRODUCTS, "", {}),
    "POST": ("POST", PRODUCTS, "", {}),
    "DELETE": ("DELETE", UNKNOWN, "", {}),
    "HTML": ("GET", PRODUCTS, "", {"HTTP_ACCEPT": "text/html"}),
    "a cookie": ("GET", PRODUCTS, "", {"HTTP_COOKIE": "evergreen_token=x"}),
    "a body": ("GET", PRODUCTS, "", {"CONTENT_LENGTH": "2"}),
    "a body that is too large": ("GET", PRODUCTS, "", {"CONTENT_LENGTH": str(10**7)}),
    "a long header": ("GET", PRODUCTS, "", {"HTTP_IF_NONE_MATCH": "x" * 2001}),
    "a long query": ("GET", PRODUCTS, "x" * 9000, {}),
    "many parameters": ("GET", PRODUCTS, "&".join(["page_size=1"] * 51), {}),
    "another host": ("GET", PRODUCTS, "", {"HTTP_HOST": "evil.example"}),
    "a query of one product": ("GET", UNKNOWN, "page_size=1", {}),
    "another origin": ("GET", PRODUCTS, "", {"HTTP_ORIGIN": "https://evil.example"}),
    "a request that was shed": ("GET", PRODUCTS, "", {"evergreen.shed": "1"}),
    "a path without the slash": ("GET", PRODUCTS[:-1], "", {}),
    "an id that is none": ("GET", f"{PRODUCTS}1/", "", {}),
    "another collection": ("GET", f"{PRODUCTS}categories/", "", {}),
    # Refused, after they were tried.
    "no such product": ("GET", UNKNOWN, "", {}),
    "no such parameter": ("GET", PRODUCTS, "colour=red", {}),
    "an unusable value": ("GET", PRODUCTS, "page_size=0", {}),
    "a parameter that is repeated": ("GET", PRODUCTS, "page_size=1&page_size=2", {}),
    "a cursor of another list": ("GET", PRODUCTS, "cursor=abc.def", {}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_plain_is_answered_by_django(name: str, direct: DirectReads, django: Counted):
    method, path, query, headers = OTHERS[name]
    answer = asked(direct, path, query, method, **headers)
    assert django.calls == 1
    expected = asked(WSGIHandler(), path, query, method, **headers)
    # A form for HTML has a new CSRF token each time.
    assert answer[0] == expected[0]
    assert name == "HTML" or answer == expected


def test_an_isolated_instance_answers_nothing_itself(
    direct: DirectReads, django: Counted, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bootstrap, "is_cut_off", lambda: True)
    status, headers, _ = asked(direct, PRODUCTS)
    assert (status[:3], headers["X-Accel-Redirect"], django.calls) == ("502", "@not_tried", 1)


def test_a_catalogue_that_is_closed_asks_for_a_caller(
    direct: DirectReads, django: Counted, monkeypatch: pytest.MonkeyPatch, apple: Product
):
    monkeypatch.setitem(access.ACCESS, "products_list", access.ACCESS["users_list"])
    monkeypatch.setitem(access.ACCESS, "products_retrieve", access.ACCESS["users_list"])
    for path in (PRODUCTS, f"{PRODUCTS}{apple.id}/"):
        assert asked(direct, path)[0] == "401 Unauthorized"
    assert django.calls == 2


def test_a_failure_is_answered_by_django_without_a_second_read(
    direct: DirectReads, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    reads = []

    def fail(*_: Any) -> None:
        reads.append(1)
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(shop.products, "page", fail)
    status, headers, _ = asked(direct, PRODUCTS)
    assert (status[:3], headers["Content-Type"], len(reads)) == ("503", "application/problem+json", 1)


def test_the_latency_of_a_failure_includes_the_direct_read(
    direct: DirectReads, shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    now = [100.0]

    def fail(*_: Any) -> None:
        now[0] += 0.5
        raise StoreUnavailable("The store does not answer.")

    for module in (direct_reads, middleware):
        monkeypatch.setattr(module, "perf_counter", lambda: now[0])
    monkeypatch.setattr(shop.products, "page", fail)
    name = "django_http_requests_latency_seconds_by_view_method_sum"
    assert added(lambda: asked(direct, PRODUCTS), name, view="products-list", method="GET") == 0.5


def test_a_failure_holds_one_slot_until_it_is_answered(direct: DirectReads, monkeypatch: pytest.MonkeyPatch):
    limiter, acquired = ConcurrencyLimit(1, 0), []

    @contextmanager
    def count(timeout_s: float) -> Iterator[None]:
        with limiter.acquired(timeout_s):
            acquired.append(timeout_s)
            yield

    for module in (concurrency, direct_reads):
        monkeypatch.setattr(module, "REQUESTS", SimpleNamespace(acquired=count))
    assert [asked(direct, UNKNOWN)[0] for _ in range(2)] == ["404 Not Found"] * 2
    assert len(acquired) == 2


@pytest.fixture
def overload(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The only slot is taken, and no request may wait for it."""
    limiter = ConcurrencyLimit(1, 0)
    for module in (concurrency, direct_reads):
        monkeypatch.setattr(module, "REQUESTS", limiter)
    with limiter.acquired():
        yield


@pytest.mark.usefixtures("overload")
def test_a_read_without_a_slot_is_shed_once(direct: DirectReads):
    def refused() -> None:
        status, headers, _ = asked(direct, PRODUCTS)
        assert (status[:3], headers["Retry-After"]) == ("503", "1")

    assert added(refused, "evergreen_requests_shed_total") == 1


def test_a_direct_read_is_counted_and_its_slot_is_free_afterwards(direct: DirectReads, monkeypatch: pytest.MonkeyPatch):
    limiter = ConcurrencyLimit(1, 0)
    monkeypatch.setattr(direct_reads, "REQUESTS", limiter)

    def answered() -> None:
        assert asked(direct, PRODUCTS)[0] == asked(direct, PRODUCTS)[0] == "200 OK"

    name = "django_http_responses_total_by_status_view_method_total"
    assert added(answered, name, status="200", view="products-list", method="GET") == 2


def test_with_other_origins_admitted_answers_vary_by_origin_too():
    cors = "corsheaders.middleware.CorsMiddleware"
    before = settings.MIDDLEWARE.index("shop.api.security.SecurityHeaders") + 1
    middleware = [*settings.MIDDLEWARE[:before], cors, *settings.MIDDLEWARE[before:]]
    origin = "https://www.shop.example"
    with override_settings(CORS_ALLOWED_ORIGINS=[origin], MIDDLEWARE=middleware):
        direct = DirectReads(django := Counted())
        assert asked(direct, PRODUCTS) == asked(WSGIHandler(), PRODUCTS)
        assert django.calls == 0
        headers = asked(direct, PRODUCTS, HTTP_ORIGIN=origin)[1]
    assert (headers["access-control-allow-origin"], django.calls) == (origin, 1)


def test_the_answers_conform_to_the_document_of_the_api(direct: DirectReads, anyone: ApiClient):
    assert anyone.get("/products/").content == asked(direct, PRODUCTS, HTTP_HOST="testserver")[2]
