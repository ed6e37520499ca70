"""Use cases of webhook endpoints and of deliveries."""

from collections.abc import Mapping, Sequence
from typing import Any

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.errors import FieldError, Invalid
from shop.domain.events import EventType
from shop.domain.pages import Page, Position
from shop.domain.ports import Shop
from shop.domain.webhooks import MAIL, SECRET_OVERLAP, Delivery, Endpoint, IssuedEndpoint, Outlook, derived_secret


def endpoint_create(
    *,
    shop: Shop,
    request: WriteRequest,
    url: str,
    description: str,
    types: Sequence[EventType],
    is_enabled: bool,
) -> WriteResult[IssuedEndpoint]:
    """Create a webhook endpoint; the result has its secret.

    Raises:
        Invalid: webhooks may not go to this URL.
        TooManyEndpoints.
    """
    _refuse_url(shop, url)
    now = shop.clock.now()
    endpoint = Endpoint(
        id=shop.ids.new(now),
        url=url,
        description=description,
        types=_ordered(types),
        is_enabled=is_enabled,
        nonce=_nonce(shop),
        former_nonce="",
        former_expires_at=None,
        failing_since=None,
        created_at=now,
        updated_at=now,
    )
    return _issued(shop, shop.endpoints.create(request, endpoint))


def endpoint_get(*, shop: Shop, id: str) -> Endpoint:
    """Get a webhook endpoint. Raises: NotFound."""
    return shop.endpoints.get(id)


def endpoint_list(*, shop: Shop, size: int, position: Position | None) -> Page[Endpoint]:
    """List webhook endpoints, newest first."""
    return shop.endpoints.page(size, position)


def endpoint_update(*, shop: Shop, request: WriteRequest, id: str, changes: Mapping[str, Any]) -> WriteResult[Endpoint]:
    """Change url, description, types or is_enabled of a webhook endpoint.

    Raises:
        NotFound.
        Invalid: webhooks may not go to the URL.
    """
    if "url" in changes:
        _refuse_url(shop, changes["url"])
    values = {**changes, "types": _ordered(changes["types"])} if "types" in changes else changes
    return shop.endpoints.update(request, id, values, shop.clock.now())


def endpoint_rotate_secret(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[IssuedEndpoint]:
    """Give a webhook endpoint a new secret, which the result has; the present one signs beside it for SECRET_OVERLAP.

    Raises: NotFound."""
    now = shop.clock.now()
    return _issued(shop, shop.endpoints.rotate(request, id, _nonce(shop), now + SECRET_OVERLAP, now))


def endpoint_test(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[None]:
    """Emit an event that this endpoint alone gets. Raises: NotFound."""
    return shop.endpoints.test(request, id)


def endpoint_delete(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[None]:
    """Delete a webhook endpoint with all that waits for it. Raises: NotFound."""
    return shop.endpoints.delete(request, id)


def endpoint_secrets(*, shop: Shop, endpoint: Endpoint) -> Sequence[str]:
    """Return the secrets that sign now, the present one first."""
    key = shop.idempotency.value()
    return [derived_secret(key, endpoint.id, nonce) for nonce in endpoint.nonces(shop.clock.now())]


def delivery_list(*, shop: Shop, endpoint: str, size: int, position: Position | None) -> Page[Delivery]:
    """List the deliveries to an endpoint, newest first. Raises: NotFound."""
    return shop.deliveries.page(shop.endpoints.get(endpoint).id, size, position)


def mail_delivery_list(*, shop: Shop, size: int, position: Position | None) -> Page[Delivery]:
    """List the deliveries of events by mail, newest first."""
    return shop.deliveries.page(MAIL, size, position)


def delivery_outlook(*, shop: Shop) -> Outlook:
    """What is still to be delivered, by queue. A causal read."""
    return shop.deliveries.outlook()


def delivery_redeliver(*, shop: Shop, request: WriteRequest, id: str) -> WriteResult[Delivery]:
    """Make a delivery again, whatever came of it. Raises: NotFound."""
    return shop.deliveries.redeliver(request, id)


def _refuse_url(shop: Shop, url: str) -> None:
    if fault := shop.webhook_policy.fault(url):
        raise Invalid(FieldError("/url", "forbidden-url", fault))


def _ordered(types: Sequence[EventType]) -> tuple[EventType, ...]:
    return tuple(type for type in EventType if type in types)


def _nonce(shop: Shop) -> str:
    return shop.secrets.digest(shop.secrets.make_token())


def _issued(shop: Shop, result: WriteResult[Endpoint]) -> WriteResult[IssuedEndpoint]:
    endpoint = result.value
    secret = derived_secret(shop.idempotency.value(), endpoint.id, endpoint.nonce)
    issued = IssuedEndpoint(endpoint=endpoint, secret=secret)
    return WriteResult(value=issued, origin_request_id=result.origin_request_id)
