"""Webhook endpoints in the back office: where events are sent, by which secret, and whether they arrive."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.webhooks import WebhookEndpointViewSet, endpoint_document
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, TooManyEndpoints
from shop.domain.events import EventType
from shop.domain.webhooks import MAIL, MAX_ENDPOINTS, MAX_URL_CHARS, Endpoint
from shop.office import forms
from shop.office.frame import office_view, page
from shop.office.history import history_page
from shop.office.lists import list_request, listing
from shop.office.notices import done
from shop.services import webhooks as services

KIND = "webhook_endpoint"
_FIELDS = ("url", "description", "types", "is_enabled")


@office_view("GET", "HEAD")
def endpoints(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List the webhook endpoints and the queue of mails, with what waits for each."""
    shop, query = bootstrap.get_shop(), list_request(request, PAGING)
    found = services.endpoint_list(shop=shop, size=query.size, position=query.position)
    outlook = services.delivery_outlook(shop=shop)
    pending = {state.queue: state.pending for state in outlook.queues}
    shown = listing(request, found, lambda each: {**endpoint_document(each), "pending": pending.get(each.id, 0)})
    mails = next((state for state in outlook.queues if state.queue == MAIL), None)
    context = {"listing": shown, "mails": mails, "dead": outlook.dead}
    return page(request, caller, "office/webhooks/list.html", context)


@office_view("GET", "HEAD", "POST")
def new(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the form for a webhook endpoint, or create it and show its secret, once."""
    body = forms.body_of(WebhookEndpointViewSet, "create")
    if request.method != "POST":
        return _new_form(request, caller, {"url": "", "description": "", "types": [], "is_enabled": True})
    write = forms.form_write(request, caller)
    try:
        values = _values(request, body)
        result = services.endpoint_create(shop=bootstrap.get_shop(), request=write, **values)
    except Invalid as error:
        return _new_form(request, caller, _sent(request), error, status=400)
    except TooManyEndpoints as error:
        refusal = forms.refused(request, error, "", f"The shop has {MAX_ENDPOINTS} endpoints, as many as it may have.")
        return _new_form(request, caller, _sent(request), refusal, status=409)
    forms.note_replay(request, result)
    context = {"endpoint": result.value.endpoint, "secret": result.value.secret, "is_new": True}
    return page(request, caller, "office/webhooks/secret.html", context)


@office_view("GET", "HEAD", "POST")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show a webhook endpoint with its last deliveries, or save it."""
    shop = bootstrap.get_shop()
    if request.method != "POST":
        endpoint = services.endpoint_get(shop=shop, id=pk)
        return _detail(request, caller, endpoint, endpoint_document(endpoint))
    write = forms.form_write(request, caller)
    try:
        changes = _values(request, forms.body_of(WebhookEndpointViewSet, "partial_update"))
        result = services.endpoint_update(shop=shop, request=write, id=pk, changes=changes)
    except Invalid as error:
        endpoint = services.endpoint_get(shop=shop, id=pk)
        return _detail(request, caller, endpoint, _sent(request), error, status=400)
    forms.note_replay(request, result)
    return done("webhook-updated", "office-webhook-endpoints-detail", pk=pk)


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what the audit has of a webhook endpoint."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def rotate(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Ask whether to replace the secret of a webhook endpoint, or do so and show the new one, once."""
    shop = bootstrap.get_shop()
    if request.method != "POST":
        context: dict[str, Any] = {"endpoint": services.endpoint_get(shop=shop, id=pk)}
        return page(request, caller, "office/webhooks/rotate.html", context)
    write = forms.form_write(request, caller)
    result = services.endpoint_rotate_secret(shop=shop, request=write, id=pk)
    forms.note_replay(request, result)
    context = {"endpoint": result.value.endpoint, "secret": result.value.secret, "is_new": False}
    return page(request, caller, "office/webhooks/secret.html", context)


@office_view("POST")
def test(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Send an event to a webhook endpoint alone."""
    write = forms.form_write(request, caller)
    forms.note_replay(request, services.endpoint_test(shop=bootstrap.get_shop(), request=write, id=pk))
    return done("webhook-tested", "office-webhook-endpoints-detail", pk=pk)


@office_view("GET", "HEAD", "POST")
def delete(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to delete a webhook endpoint, or do so."""
    shop = bootstrap.get_shop()
    if request.method != "POST":
        context = {"endpoint": services.endpoint_get(shop=shop, id=pk)}
        return page(request, caller, "office/webhooks/delete.html", context)
    write = forms.form_write(request, caller)
    forms.note_replay(request, services.endpoint_delete(shop=shop, request=write, id=pk))
    return done("webhook-deleted", "office-webhook-endpoints")


def _sent(request: HttpRequest) -> dict[str, Any]:
    """The form as the API's body has it: a box that is not ticked is not sent."""
    texts = {name: request.POST.get(name, "") for name in ("url", "description")}
    return {**texts, "types": request.POST.getlist("types"), "is_enabled": "is_enabled" in request.POST}


def _values(request: HttpRequest, body: Body) -> dict[str, Any]:
    """Raises: Invalid."""
    forms.refuse_unknown(request, _FIELDS)
    return body.parse(_sent(request))


def _new_form(
    request: HttpRequest, caller: Caller, values: Mapping[str, Any], error: Invalid | None = None, *, status: int = 200
) -> HttpResponse:
    return page(request, caller, "office/webhooks/new.html", _form_context(values, error), status=status)


def _detail(
    request: HttpRequest,
    caller: Caller,
    endpoint: Endpoint,
    values: Mapping[str, Any],
    error: Invalid | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    context = {"endpoint": endpoint, **_form_context(values, error)}
    return page(request, caller, "office/webhooks/detail.html", context, status=status)


def _form_context(values: Mapping[str, Any], error: Invalid | None) -> dict[str, Any]:
    messages = {each.pointer.strip("/"): each.detail for each in (error.errors if error else ())}
    return {
        "values": values,
        "groups": _type_groups(values["types"]),
        "field_errors": messages,
        "errors": [f"{name}: {detail}" for name, detail in messages.items() if name not in ("url", "description")],
        "max_url_chars": MAX_URL_CHARS,
    }


def _type_groups(chosen: Sequence[str]) -> Sequence[tuple[str, list[tuple[str, bool]]]]:
    """The types of events by what they are about, each with whether it is chosen."""
    groups: dict[str, list[tuple[str, bool]]] = {}
    for kind in EventType:
        if kind is not EventType.WEBHOOK_TEST:
            groups.setdefault(kind.partition(".")[0].replace("_", " "), []).append((kind, kind in chosen))
    return [*groups.items()]
