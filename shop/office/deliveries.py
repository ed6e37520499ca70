"""Deliveries of events in the back office: to webhook endpoints and by mail, and made again."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from shop import bootstrap
from shop.api.pagination import PAGING
from shop.api.webhooks import delivery_document
from shop.domain.callers import Caller
from shop.domain.pages import Page
from shop.domain.webhooks import MAIL, Delivery, DeliveryStatus
from shop.office import forms
from shop.office.frame import is_fragment, office_view, page
from shop.office.lists import Listing, list_request, listing
from shop.office.notices import done
from shop.services import webhooks as services

#: The tone of the badge of each status.
_TONES = {DeliveryStatus.DELIVERED: "ok", DeliveryStatus.PENDING: "warn", DeliveryStatus.DEAD: "bad"}


@office_view("GET", "HEAD")
def of_endpoint(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show the deliveries to a webhook endpoint, as a page or as a part of the endpoint's page."""
    shop, query = bootstrap.get_shop(), list_request(request, PAGING)
    endpoint = services.endpoint_get(shop=shop, id=pk)
    found = services.delivery_list(shop=shop, endpoint=pk, size=query.size, position=query.position)
    return _deliveries(request, caller, found, {"endpoint": endpoint})


@office_view("GET", "HEAD")
def mail(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the deliveries of events by mail."""
    shop, query = bootstrap.get_shop(), list_request(request, PAGING)
    found = services.mail_delivery_list(shop=shop, size=query.size, position=query.position)
    return _deliveries(request, caller, found, {"endpoint": None})


@office_view("POST")
def redeliver(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Make a delivery again."""
    write = forms.form_write(request, caller)
    result = services.delivery_redeliver(shop=bootstrap.get_shop(), request=write, id=pk)
    forms.note_replay(request, result)
    endpoint = result.value.endpoint
    if endpoint == MAIL:
        return done("redelivered", "office-webhook-endpoints-mail")
    return done("redelivered", "office-webhook-endpoints-deliveries", pk=endpoint)


def delivery_listing(request: HttpRequest, found: Page[Delivery]) -> Listing:
    """Make the listing of a page of deliveries."""
    return listing(request, found, _row)


def _deliveries(request: HttpRequest, caller: Caller, found: Page[Delivery], more: dict[str, Any]) -> HttpResponse:
    is_part = is_fragment(request)
    context = {**more, "listing": delivery_listing(request, found), "is_part": is_part, "whole_url": request.path}
    template = f"office/webhooks/{'deliveries_entries' if is_part else 'deliveries'}.html"
    return page(request, caller, template, context)


def _row(delivery: Delivery) -> dict[str, Any]:
    return {**delivery_document(delivery), "tone": _TONES[delivery.status]}
