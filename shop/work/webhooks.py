"""Sends an event to a webhook endpoint, signed as Standard Webhooks say (https://www.standardwebhooks.com)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import orjson
from standardwebhooks import Webhook

from shop.domain.events import Event
from shop.domain.ports import Shop
from shop.domain.webhooks import Delivery, Endpoint
from shop.services.events import event_document
from shop.services.webhooks import endpoint_secrets
from shop.work.attempts import Outcome
from shop.work.http_post import PostFailed, post, resolve

#: Beyond these, of 4xx only what says that the endpoint is too busy speaks of all deliveries.
_BUSY = frozenset({408, 425, 429})
USER_AGENT = "Evergreen-Stores-Webhooks"


def body_of(event: Event) -> bytes:
    """The document of an event, as GET /events/ has it."""
    return orjson.dumps(event_document(event), option=orjson.OPT_UTC_Z)


def signed_headers(event: str, body: bytes, secrets: Sequence[str], at: datetime) -> Mapping[str, str]:
    """The headers of a request, with a signature of each secret."""
    signatures = [Webhook(secret).sign(event, at, body.decode()) for secret in secrets]
    return {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def send(shop: Shop, endpoint: Endpoint, delivery: Delivery) -> Outcome:
    """Send the event of a delivery. Any 2xx takes it."""
    body = body_of(delivery.event)
    secrets = endpoint_secrets(shop=shop, endpoint=endpoint)
    headers = signed_headers(delivery.event.id, body, secrets, shop.clock.now())
    try:
        status = post(resolve(endpoint.url, shop.webhook_policy), body, headers)
    except PostFailed as failure:
        return Outcome(error=failure.reason, is_down=True)
    if 200 <= status < 300:
        return Outcome(response_status=status)
    return Outcome(error="status", response_status=status, is_down=status >= 500 or status in _BUSY)
