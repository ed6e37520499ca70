"""API keys over HTTP: staff make, list, roll and revoke them."""

from datetime import timedelta
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields
from shop.api.credential_fields import CurrentPassword, FutureInstant, Network
from shop.api.examples import API_KEY, API_KEY_SECRET, PASSWORD
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.api_keys import DEFAULT_OVERLAP_HOURS, MAX_NETWORKS, MAX_OVERLAP_HOURS, ApiKey, IssuedApiKey
from shop.domain.callers import Scope
from shop.services import api_keys

_SENT = {name: API_KEY[name] for name in ("name", "scopes", "networks", "expires_at")}


@extend_schema_serializer(component_name="NewApiKey", examples=example({**_SENT, "current_password": PASSWORD}))
class NewApiKey(Body):
    """An API key to create, and the password of the user who creates it."""

    name = fields.Text(help_text="What the key is for.")
    scopes = fields.List(child=fields.Choice(list(Scope), component="ApiKeyScope"), max_items=len(Scope))
    networks = fields.List(
        child=Network(),
        min_items=0,
        max_items=MAX_NETWORKS,
        default=(),
        help_text="CIDR blocks from which the key may be used; from anywhere where there is none.",
    )
    expires_at = FutureInstant()
    current_password = CurrentPassword()


@extend_schema_serializer(
    component_name="ApiKeyRoll", examples=example({"overlap_hours": 24, "current_password": PASSWORD})
)
class ApiKeyRoll(Body):
    """How the secret of an API key is replaced, and the password of the user who replaces it."""

    overlap_hours = fields.Integer(
        minimum=0,
        maximum=MAX_OVERLAP_HOURS,
        default=DEFAULT_OVERLAP_HOURS,
        help_text="Hours for which the former secret stays valid.",
    )
    expires_at = FutureInstant(required=False, help_text="The new expiry; unchanged where left out.")
    current_password = CurrentPassword()


@extend_schema_serializer(component_name="ApiKey", examples=example(API_KEY))
class ApiKeyResponse(fields.ResponseBody):
    """An API key, without its secret."""

    id = fields.Id()
    name = fields.Text()
    scopes = fields.List(
        child=fields.Choice(list(Scope), component="ApiKeyScope"),
        min_items=0,
        max_items=len(Scope),
        help_text="Those that this version knows.",
    )
    networks = fields.List(child=Network(), max_items=MAX_NETWORKS, min_items=0)
    created_at = fields.Instant()
    expires_at = fields.Instant()
    former_expires_at = fields.Instant(
        allow_null=True, help_text="Until when the former secret is valid; null where the key was never rolled."
    )
    last_used_at = fields.Instant(allow_null=True, help_text="To within an hour; null where the key was never used.")


@extend_schema_serializer(component_name="IssuedApiKey", examples=example({**API_KEY, "secret": API_KEY_SECRET}))
class IssuedApiKeyResponse(ApiKeyResponse):
    """An API key with its secret. Only this response contains the secret."""

    secret = fields.Text(help_text="Send it as Authorization: Bearer <secret>.")


class ApiKeyViewSet(ShopViewSet):
    """The API keys of the shop, for machines."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            body=NewApiKey(),
            response=IssuedApiKeyResponse,
            status=201,
            uses_key=True,
            problems=("too-many-api-keys",),
        ),
        "list": Operation(response=ApiKeyResponse, is_page=True, parameters=PAGING),
        "retrieve": Operation(response=ApiKeyResponse),
        "destroy": Operation(status=204),
        "roll": Operation(body=ApiKeyRoll(), response=IssuedApiKeyResponse, uses_key=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Create an API key.

        The response alone contains the secret.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        confirm = self.password_confirmation(write, values.pop("current_password", None))
        result = api_keys.api_key_create(shop=self.shop, request=write, confirm=confirm, **values)
        headers = {"Location": f"{request.path}{result.value.key.id}/", "Cache-Control": "no-store"}
        return self.write_response(request, result, _issued_document(result.value), headers)

    def list(self, request: Request) -> HttpResponseBase:
        """List API keys.

        Newest first, expired ones included.
        """
        query = self.page_request(request)
        page = api_keys.api_key_list(shop=self.shop, size=query.size, position=query.position)
        return self.page_response(request, page, api_key_document)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get an API key."""
        return self.respond(request, api_key_document(api_keys.api_key_get(shop=self.shop, id=pk)))

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Revoke an API key.

        From the next request on, no secret of the key is accepted.
        """
        result = api_keys.api_key_revoke(shop=self.shop, request=self.write_request(request), id=pk)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def roll(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace the secret of an API key.

        The response alone contains the new secret; the former one stays valid for the overlap.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        result = api_keys.api_key_roll(
            shop=self.shop,
            request=write,
            confirm=self.password_confirmation(write, values.get("current_password")),
            id=pk,
            overlap=timedelta(hours=values["overlap_hours"]),
            expires_at=values.get("expires_at"),
        )
        return self.write_response(request, result, _issued_document(result.value), {"Cache-Control": "no-store"})


def api_key_document(key: ApiKey) -> dict[str, Any]:
    """Build the JSON document of an API key."""
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "networks": key.networks,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "former_expires_at": key.former_expires_at,
        "last_used_at": key.last_used_at,
    }


def _issued_document(issued: IssuedApiKey) -> dict[str, Any]:
    return {**api_key_document(issued.key), "secret": issued.secret}
