"""Serializer fields of API keys, and of the password beside a token."""

import re
from datetime import datetime
from typing import Any

from shop.api import fields
from shop.domain.api_keys import parse_network

# Longer than the longest spelling of an IPv6 block.
_MAX_NETWORK_CHARS = 50


class FutureInstant(fields.String):
    """An instant in a body, RFC 3339 with a Z; its digits behind the millisecond are dropped."""

    json_schema = {"type": "string", "format": "date-time", "pattern": f"^{fields.INSTANT_PATTERN}$"}
    default_error_messages = {"invalid_instant": "Use an instant in UTC, as 2026-11-24T09:30:00Z."}

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]
        if not isinstance(data, str) or not re.fullmatch(fields.INSTANT_PATTERN, data, re.ASCII):
            self.fail("invalid_instant")
        try:
            at = datetime.fromisoformat(data)
        except ValueError:
            self.fail("invalid_instant")
        return at.replace(microsecond=at.microsecond // 1000 * 1000)


class Network(fields.String):
    """A block of IP addresses in CIDR notation."""

    json_schema = {"type": "string", "maxLength": _MAX_NETWORK_CHARS}
    default_error_messages = {"invalid_network": "Use a CIDR block, as 192.0.2.0/24 or 2001:db8::/32."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or len(data) > _MAX_NETWORK_CHARS:
            self.fail("invalid_network")
        try:
            return parse_network(data)
        except ValueError:
            self.fail("invalid_network")


class CurrentPassword(fields.Password):
    """The caller's present password, required. The service refuses a body without it, and not before it has looked for
    a recorded outcome: a repeat of a request of an earlier version has none."""

    is_documented_as_required = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, **kwargs)
