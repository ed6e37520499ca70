"""Webhook endpoints and deliveries over HTTP: staff say where events are sent, and see what became of it."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields
from shop.api.events import EventResponse
from shop.api.examples import DELIVERY, WEBHOOK_ENDPOINT, WEBHOOK_SECRET
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.events import EVENT_ID, EventType
from shop.domain.webhooks import MAIL, MAX_URL_CHARS, Delivery, DeliveryStatus, Endpoint, IssuedEndpoint
from shop.services import webhooks
from shop.services.events import event_document

#: Event types of an endpoint; a list may name one twice.
MAX_TYPES = 100
_SENT = {name: WEBHOOK_ENDPOINT[name] for name in ("url", "description", "types", "is_enabled")}


def _types(**kwargs: Any) -> fields.List:
    child = fields.Choice([*EventType], component="EventType")
    help_text = "The events that are sent; where the list is empty, all but those of carts, which have to be named."
    return fields.List(child=child, min_items=0, max_items=MAX_TYPES, help_text=help_text, **kwargs)


@extend_schema_serializer(component_name="NewWebhookEndpoint", examples=example(_SENT))
class NewWebhookEndpoint(Body):
    """A webhook endpoint to create."""

    url = fields.Text(max_chars=MAX_URL_CHARS, help_text="https, at a public address.")
    description = fields.Text(default="", allow_blank=True)
    types = _types(default=())
    is_enabled = fields.Boolean(default=True, help_text="Whether events are sent.")


@extend_schema_serializer(component_name="WebhookEndpointChange", examples=example({"is_enabled": False}))
class WebhookEndpointChange(Body):
    """Fields of a webhook endpoint to change."""

    url = fields.Text(max_chars=MAX_URL_CHARS, required=False, help_text="https, at a public address.")
    description = fields.Text(required=False, allow_blank=True)
    types = _types(required=False)
    is_enabled = fields.Boolean(required=False, help_text="Whether events are sent.")


@extend_schema_serializer(component_name="WebhookEndpoint", examples=example(WEBHOOK_ENDPOINT))
class WebhookEndpointResponse(fields.ResponseBody):
    """A webhook endpoint, without its secret."""

    id = fields.Id()
    url = fields.Text(max_chars=MAX_URL_CHARS)
    description = fields.Text(allow_blank=True)
    types = _types()
    is_enabled = fields.Boolean()
    failing_since = fields.Instant(
        allow_null=True, help_text="Since when it takes no events; null where it took the last one."
    )
    former_expires_at = fields.Instant(
        allow_null=True, help_text="Until when the former secret signs too; null where it was never rotated."
    )
    created_at = fields.Instant()
    updated_at = fields.Instant()


@extend_schema_serializer(
    component_name="IssuedWebhookEndpoint", examples=example({**WEBHOOK_ENDPOINT, "secret": WEBHOOK_SECRET})
)
class IssuedWebhookEndpointResponse(WebhookEndpointResponse):
    """A webhook endpoint with its secret. Only this response contains the secret."""

    secret = fields.Text(help_text="Verifies the signatures, by a library of Standard Webhooks.")


@extend_schema_serializer(component_name="Delivery", examples=example(DELIVERY))
class DeliveryResponse(fields.ResponseBody):
    """The delivery of an event to a webhook endpoint."""

    id = fields.Text()
    endpoint = fields.Text()
    event = EventResponse()
    status = fields.Choice([*DeliveryStatus], component="DeliveryStatus")
    attempts = fields.Integer(minimum=0)
    created_at = fields.Instant()
    give_up_at = fields.Instant(help_text="From then on it is not tried again.")
    attempted_at = fields.Instant(allow_null=True)
    response_status = fields.Integer(minimum=100, maximum=999, allow_null=True)
    error = fields.Text(
        allow_blank=True, help_text="Of the last attempt: a word, such as `timeout`, `tls` or `status`; or empty."
    )
    duration_ms = fields.Integer(minimum=0, allow_null=True, help_text="Of the last attempt.")


class WebhookEndpointViewSet(ShopViewSet):
    """Where the events of the shop are sent."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            body=NewWebhookEndpoint(),
            response=IssuedWebhookEndpointResponse,
            status=201,
            uses_key=True,
            problems=("too-many-webhook-endpoints",),
        ),
        "list": Operation(response=WebhookEndpointResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=WebhookEndpointResponse),
        "partial_update": Operation(body=WebhookEndpointChange(), response=WebhookEndpointResponse),
        "destroy": Operation(status=204),
        "rotate_secret": Operation(response=IssuedWebhookEndpointResponse, uses_key=True),
        "test": Operation(status=204),
        "deliveries": Operation(response=DeliveryResponse, is_page=True, parameters=PAGING),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Create a webhook endpoint.

        It gets the events that happen from now on. The response alone contains the secret by which it verifies them.
        """
        values = self.parsed_body(request)
        result = webhooks.endpoint_create(shop=self.shop, request=self.write_request(request), **values)
        headers = {"Location": f"{request.path}{result.value.endpoint.id}/", "Cache-Control": "no-store"}
        return self.write_response(request, result, _issued_document(result.value), headers)

    def list(self, request: Request) -> HttpResponseBase:
        """List webhook endpoints.

        Newest first.
        """
        query = self.page_request(request)
        page = webhooks.endpoint_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, endpoint_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a webhook endpoint."""
        document = endpoint_document(webhooks.endpoint_get(shop=self.shop, id=pk))
        self.form_instance = document
        return self.respond(request, document)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a webhook endpoint.

        While it is disabled nothing is sent, and nothing new is planned; what waits goes on when it is enabled.
        """
        changes = self.parsed_body(request)
        write = self.write_request(request)
        result = webhooks.endpoint_update(shop=self.shop, request=write, id=pk, changes=changes)
        return self.write_response(request, result, endpoint_document(result.value))

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Delete a webhook endpoint.

        What waits for it is not sent.
        """
        result = webhooks.endpoint_delete(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace the secret of a webhook endpoint.

        The response alone contains the new secret. For 24 hours each request has a signature of the former one, too.
        """
        result = webhooks.endpoint_rotate_secret(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result, _issued_document(result.value), {"Cache-Control": "no-store"})

    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> HttpResponseBase:
        """Test a webhook endpoint.

        An event of the type `webhook.test` is sent to it alone, whatever types it gets; its deliveries show the answer.
        """
        result = webhooks.endpoint_test(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result)

    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, pk: str) -> HttpResponseBase:
        """List the deliveries to a webhook endpoint.

        Newest first: those that were made in the last 7 days, and those that wait or were given up in the last 30.
        """
        query = self.page_request(request)
        page = webhooks.delivery_list(shop=self.shop, endpoint=pk, size=query.size, position=query.position)
        return self.page_response(request, page, delivery_document)


class DeliveryViewSet(ShopViewSet):
    """Deliveries of events to webhook endpoints."""

    lookup_value_regex = f"(?:{fields.UUID_PATTERN}|{MAIL}):{EVENT_ID.pattern}"
    operations = {
        "redeliver": Operation(response=DeliveryResponse, status=202),
    }

    @action(detail=True, methods=["post"])
    def redeliver(self, request: Request, pk: str) -> HttpResponseBase:
        """Make a delivery again.

        Whatever came of it: it is due now, and is tried for three days. The event has the same id.
        """
        result = webhooks.delivery_redeliver(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result, delivery_document(result.value))


def endpoint_document(endpoint: Endpoint) -> dict[str, Any]:
    """Build the JSON document of a webhook endpoint."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "description": endpoint.description,
        "types": endpoint.types,
        "is_enabled": endpoint.is_enabled,
        "failing_since": endpoint.failing_since,
        "former_expires_at": endpoint.former_expires_at,
        "created_at": endpoint.created_at,
        "updated_at": endpoint.updated_at,
    }


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Build the JSON document of a delivery."""
    return {
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "event": event_document(delivery.event),
        "status": delivery.status,
        "attempts": delivery.attempts,
        "created_at": delivery.created_at,
        "give_up_at": delivery.give_up_at,
        "attempted_at": delivery.attempted_at,
        "response_status": delivery.response_status,
        "error": delivery.error,
        "duration_ms": delivery.duration_ms,
    }


def _issued_document(issued: IssuedEndpoint) -> dict[str, Any]:
    return {**endpoint_document(issued.endpoint), "secret": issued.secret}
