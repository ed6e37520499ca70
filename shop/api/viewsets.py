"""The base of the ViewSets: check access, parse, call one service, respond; all by the table of operations."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, ClassVar, TypeVar, cast

from django.http import HttpResponse, HttpResponseNotModified, QueryDict
from django.http.response import HttpResponseBase
from django.urls import reverse
from orjson import Fragment
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api import conditional, parsing, rendering, writes
from shop.api.access import ACCESS, Access, Limiter, admit
from shop.api.authentication import caller_of
from shop.api.cart_tokens import cart_token_digest, has_cart_token
from shop.api.context import FAILURE_KEY, RequestContext, context_of
from shop.api.filters import parse_query
from shop.api.form_values import apply_controls, drop_empty_parameters
from shop.api.headers import set_ascii
from shop.api.middleware import record_replay
from shop.api.operations import EmptyBody, Operation
from shop.api.pagination import PageRequest, page_document, page_request
from shop.api.rate_limits import of_passwords
from shop.api.rendering import BrowsableRenderer, JSONRenderer, as_json
from shop.domain.callers import Caller
from shop.domain.pages import Page
from shop.domain.ports import Shop
from shop.services.reauthentication import Confirm, password_check

T = TypeVar("T")

_EMPTY = EmptyBody()
#: A method without an action gets 405 from any caller, so no access is checked before.
_UNKNOWN_METHOD = Operation()


class ShopViewSet(ViewSet):
    """A ViewSet with a table of operations, keyed by action."""

    operations: ClassVar[Mapping[str, Operation]]
    basename: str
    #: The parameter of the OpenAPI document that names a record of the collection in a path.
    id_parameter: ClassVar[str] = "Id"
    # OPTIONS would describe less than the OpenAPI document does.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    default_response_headers: ClassVar[Mapping[str, str]] = {}  # type: ignore[assignment]
    #: What the forms of a page for browsers begin with: the resource on the page, its ETag, and the form that was sent.
    form_instance: Mapping[str, Any] | Fragment | None = None
    form_etag: str | None = None
    form_data: QueryDict | None = None

    @property
    def shop(self) -> Shop:
        """The shop that the settings describe, through which a view reaches everything."""
        return bootstrap.get_shop()

    @property
    def context(self) -> RequestContext:
        return context_of(self.request._request)

    @property
    def caller(self) -> Caller:
        """The signed-in user of an operation that requires one."""
        return cast(Caller, self.request.auth)

    @property
    def known_caller(self) -> Caller | None:
        """The caller, where the operation knows one: None for a guest, and where it is the same for all callers."""
        is_known = self.access.recognizes_users or not self.access.is_public
        return caller_of(self.request) if is_known else None

    @property
    def user_id(self) -> str:
        """The id of the caller; empty for a guest."""
        caller = self.known_caller
        return caller.id if caller else ""

    @property
    def operation(self) -> Operation:
        """The operation in progress. An action without an entry in the table is a KeyError, and open to no one."""
        return self.operations[self.action] if self._is_known_method else _UNKNOWN_METHOD

    @property
    def access(self) -> Access:
        """The row of the operation in progress in the access table; a KeyError where it has none."""
        return ACCESS[f"{self.basename}_{self.action}"]

    @property
    def owner(self) -> str | None:
        """The user whose object the path names, or None where it names no user."""
        return None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Prepare for the operation; a form may name another method than POST."""
        if request.method == "POST" and (form := apply_controls(request._request)) is not None:
            self.form_data = form
            self.action = self.action_map.get(str(request.method).lower(), "")
        super().initial(request, *args, **kwargs)

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Raises: MethodNotAllowed. A browser that follows a link to an action gets a page with its form."""
        if request.method in ("GET", "HEAD") and _is_html(request):
            return self.respond(request, None)
        return super().http_method_not_allowed(request, *args, **kwargs)

    def get_permissions(self) -> list[BasePermission]:
        return []

    def perform_authentication(self, request: Request) -> None:
        """Do nothing: authentication costs a read of the store, and happens where an operation requires a caller."""

    def check_permissions(self, request: Request) -> None:
        """Raises: NotAuthenticated, PermissionDenied, NotFound, RateLimited; Invalid, where there is a query that the
        operation does not take; the error of a direct read of the same request."""
        if FAILURE_KEY in request.META:
            raise request.META.pop(FAILURE_KEY)
        if self._is_known_method:
            self._admit(request)
        # A page for browsers asks for the forms of other methods at the same URL, where the query is of the page.
        is_asked = request.method == request._request.method
        if is_asked and request.META.get("QUERY_STRING") and self._is_known_method and not self.operation.is_page:
            parse_query(self.operation.parameters, request.query_params)

    def _admit(self, request: Request) -> None:
        access = self.access
        if access.is_public and not access.recognizes_users:
            return
        caller = self._authenticated(request)
        if caller is None and access.admits_cart_token and has_cart_token(request._request):
            return
        if access.is_public and caller is not None and caller.scopes is not None:
            raise PermissionDenied("No API key may do this.")
        admit(access, caller, self.owner)

    def _authenticated(self, request: Request) -> Caller | None:
        """The caller. A page for browsers looks for it again, which does not count as another read."""
        self.context.counts_read = self.access.limiter is Limiter.READS
        try:
            return caller_of(request)
        finally:
            self.context.counts_read = False

    def raw_body(self, request: Request) -> Mapping[str, Any]:
        """Return the body as sent: a JSON object or a form, not validated.

        Raises:
            ParseError, UnsupportedMediaType.
        """
        is_optional = self._body.is_optional or request.method == "DELETE"
        body: Mapping[str, Any] = parsing.read_body(request, is_optional=is_optional)
        return body

    def parsed_body(self, request: Request) -> dict[str, Any]:
        """Return the validated values of the operation's body.

        Raises:
            ParseError, UnsupportedMediaType, Invalid.
        """
        return self._body.parse(self.raw_body(request))

    @property
    def _is_known_method(self) -> bool:
        return self.action in self.action_map.values()

    @property
    def _body(self) -> parsing.Body:
        return self.operation.body or _EMPTY

    def write_request(self, request: Request) -> WriteRequest:
        """Build the write request, under the client's Idempotency-Key where the operation uses keys."""
        name = f"{self.basename}_{self.action}"
        return writes.write_request(
            request._request,
            self.known_caller,
            uses_key=self.operation.uses_key,
            operation=name,
            guest=cart_token_digest(self.shop, request._request) if self.access.admits_cart_token else "",
        )

    def password_confirmation(self, write: WriteRequest, password: str | None) -> Confirm:
        """Return the check that this is the caller's present password, for this write."""
        limits = of_passwords(self.request._request)
        return password_check(shop=self.shop, request=write, caller=self.caller, password=password, limits=limits)

    def expected_version(self, request: Request) -> int | None:
        """The version that If-Match requires, or None without a condition."""
        return conditional.expected_version(request._request)

    def page_request(self, request: Request) -> PageRequest:
        """Parse the query of a list. Raises: Invalid."""
        if _is_html(request):
            drop_empty_parameters(request._request)
        return page_request(request._request, self.operation.parameters)

    def is_replay(self, result: WriteResult[Any]) -> bool:
        """Whether an earlier request took effect, and this one only returns its outcome."""
        return result.is_replay_for(self.context.request_id)

    def page_response(self, request: Request, page: Page[T], to_document: Callable[[T], Any]) -> HttpResponseBase:
        """Respond with a page, or 304 where the client has it already."""
        document = page_document(request._request, page, to_document)
        if _is_html(request):
            return self.respond(request, rendering.as_data(document))
        body = as_json(document)
        etag = conditional.body_etag(body)
        headers = {"ETag": etag, "Vary": "Accept"}
        if conditional.is_not_modified(request._request, etag):
            return HttpResponseNotModified(headers=headers)
        return HttpResponse(body, content_type="application/json", headers=headers)

    def resource_response(self, request: Request, body: Mapping[str, Any] | Fragment, etag: str) -> HttpResponseBase:
        """Respond with one resource, as data or as `ready_json`, or 304 where the client has it already."""
        if _is_html(request):
            # The forms on an HTML page depend on the caller: it has no tag, and is never "not modified".
            self.form_instance, self.form_etag = body, etag
            return self.respond(request, body)
        if conditional.is_not_modified(request._request, etag):
            return HttpResponseNotModified(headers={"ETag": etag, "Vary": "Accept"})
        return self.respond(request, body, {"ETag": etag})

    def write_response(
        self,
        request: Request,
        result: WriteResult[Any],
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
    ) -> HttpResponseBase:
        """Respond with the outcome of a write, marked where it is a replay."""
        headers = dict(headers or {})
        if self.is_replay(result):
            headers["Idempotent-Replayed"] = "true"
            record_replay(request._request, result.origin_request_id)
        self.form_instance, self.form_etag = body, headers.get("ETag")
        return self.respond(request, body, headers, status)

    def created_response(
        self, request: Request, result: WriteResult[Any], body: Mapping[str, Any], etag: str, name: str = "id"
    ) -> HttpResponseBase:
        """Respond with a new resource and its Location, which ends in the member of this name."""
        headers = {"Location": f"{_collection(self.basename)}{body[name]}/", "ETag": etag}
        return self.write_response(request, result, body, headers)

    def respond(
        self, request: Request, body: Any, headers: Mapping[str, str] | None = None, status: int | None = None
    ) -> HttpResponseBase:
        """Respond with this status, or the operation's: JSON without DRF's renderers, or an HTML page through them."""
        status = status or self.operation.status
        headers = {"Vary": "Accept", **(headers or {})}
        if _is_html(request):
            return Response(body, status=status, headers=headers)
        if status == 204:
            return _no_content(headers)
        response = HttpResponse(as_json(body), JSONRenderer.media_type, status)
        for name, value in headers.items():
            set_ascii(response, name, value)
        return response


@lru_cache(maxsize=16)
def _collection(basename: str) -> str:
    return reverse(f"{basename}-list")


def _is_html(request: Request) -> bool:
    return isinstance(request.accepted_renderer, BrowsableRenderer)


def _no_content(headers: Mapping[str, str]) -> HttpResponse:
    response = HttpResponse(status=204, headers=dict(headers))
    del response["Content-Type"]
    return response
