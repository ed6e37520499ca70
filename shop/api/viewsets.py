"""What the ViewSets share: each goes by a table of its operations, parses, calls one service, and renders."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar, cast

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotAuthenticated, PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import ViewSet

from exactly_once.requests import WriteRequest, WriteResult
from shop.api import conditional, parsing, writes
from shop.api.authentication import caller_of
from shop.api.middleware import replay_of, request_id
from shop.api.operations import Access, Nothing, Operation
from shop.api.pagination import PageRequest, page_document, page_request
from shop.api.rendering import BrowsableRenderer, as_json
from shop.domain.callers import Caller
from shop.domain.pages import Page

T = TypeVar("T")

NOTHING = Nothing()
#: What a method that is not known here is: refused, whoever asks.
UNKNOWN = Operation(access=Access.ANYONE)


class ShopViewSet(ViewSet):
    """A ViewSet whose operations are in a table."""

    operations: ClassVar[Mapping[str, Operation]]
    # No OPTIONS: it would say less than the schema does.
    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    default_response_headers: ClassVar[Mapping[str, str]] = {}  # type: ignore[assignment]
    #: What a page's forms begin with: what is answered, or the form that was sent and could not be used.
    shown: Mapping[str, Any] | None = None
    sent: QueryDict | None = None

    @property
    def caller(self) -> Caller:
        """Who asks, where only somebody signed in can."""
        return cast(Caller, self.request.auth)

    @property
    def operation(self) -> Operation:
        """What is being done. An action without an entry in the table is a KeyError, not open to anyone."""
        return self.operations[self.action] if self.action in self.action_map.values() else UNKNOWN

    def get_permissions(self) -> list[BasePermission]:
        return []

    def perform_authentication(self, request: Request) -> None:
        """Who asks is looked up when it matters: the catalogue asks nobody."""

    def check_permissions(self, request: Request) -> None:
        """Raises: NotAuthenticated, PermissionDenied."""
        access = self.operation.access
        if access is Access.ANYONE:
            return
        caller = caller_of(request)
        if caller is None:
            raise NotAuthenticated("Sign in first.")
        is_self = access is Access.SELF_OR_STAFF and self.kwargs["pk"] == caller.id
        if access is not Access.SIGNED_IN and not caller.is_staff and not is_self:
            raise PermissionDenied(f"This is for {access.value} to do.")

    def get_serializer(self, instance: Any = None, **_: Any) -> Serializer[Any]:
        """What the pages make their forms of: the operation's body, filled in."""
        kind = type(self._body)
        if self.shown is None and self.sent is not None and self.request.method == self.request._request.method:
            serializer = kind(data=self.sent)
            serializer.is_valid()
            return serializer
        return kind(instance=self.shown if self.request.method in ("PUT", "PATCH") else None)

    def given(self, request: Request) -> Mapping[str, Any]:
        """What was sent, not yet looked at."""
        found: Mapping[str, Any] = parsing.body(request, optional=isinstance(self._body, Nothing))
        self.sent = found if isinstance(found, QueryDict) else None
        return found

    def values(self, request: Request) -> dict[str, Any]:
        """What was sent, as the operation's body has it.

        Raises:
            ParseError, UnsupportedMediaType, Invalid.
        """
        return self._body.parsed(self.given(request))

    @property
    def _body(self) -> parsing.Body:
        return self.operation.body or NOTHING

    def write_request(self, request: Request) -> WriteRequest:
        """The write that is asked for, under the client's key where the operation goes by keys."""
        caller = None if self.operation.access is Access.ANYONE else self.caller
        return writes.write_request(request._request, caller, keyed=self.operation.keyed)

    def page_request(self, request: Request) -> PageRequest:
        """The page that is asked for."""
        return page_request(request._request, self.operation.parameters)

    def page(self, request: Request, page: Page[T], represent: Callable[[T], Any]) -> HttpResponseBase:
        """Answers with a page."""
        return self.answer(request, page_document(request._request, page, represent))

    def single(self, request: Request, body: Mapping[str, Any], tag: str) -> HttpResponseBase:
        """Answers with one resource, or with 304 where the client has just this."""
        if _is_page(request):
            # A page changes with who looks at it: it has no tag, and is never what the client has already.
            self.shown = body
            return self.answer(request, body)
        if conditional.is_unchanged(request._request, tag):
            return _bodiless(304, {"ETag": tag, "Vary": "Accept"})
        self.shown = body
        return self.answer(request, body, {"ETag": tag})

    def done(
        self, request: Request, done: WriteResult[Any], body: Any = None, headers: Mapping[str, str] | None = None
    ) -> HttpResponseBase:
        """Answers with the outcome of a write."""
        headers = dict(headers or {})
        if done.is_replay_for(request_id(request._request)):
            headers["Idempotent-Replayed"] = "true"
            replay_of(request._request, done.origin_request_id)
        self.shown = body
        return self.answer(request, body, headers)

    def created(self, request: Request, done: WriteResult[Any], body: Mapping[str, Any], tag: str) -> HttpResponseBase:
        """Answers with what came to be, and where it is."""
        return self.done(request, done, body, {"Location": f"{request.path}{body['id']}/", "ETag": tag})

    def answer(self, request: Request, body: Any, headers: Mapping[str, str] | None = None) -> HttpResponseBase:
        """Answers with the operation's status: JSON at once, or a page around it."""
        status = self.operation.status
        headers = {"Vary": "Accept", **(headers or {})}
        if _is_page(request):
            return Response(body, status=status, headers=headers)
        if status == 204:
            return _bodiless(204, headers)
        return HttpResponse(as_json(body), content_type="application/json", status=status, headers=headers)


def _is_page(request: Request) -> bool:
    return isinstance(request.accepted_renderer, BrowsableRenderer)


def _bodiless(status: int, headers: Mapping[str, str]) -> HttpResponse:
    response = HttpResponse(status=status, headers=dict(headers))
    del response["Content-Type"]
    return response
