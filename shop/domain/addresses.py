"""Addresses of users: where their purchases are sent."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Protocol

from exactly_once.requests import WriteRequest, WriteResult
from shop.domain.pages import Page, Position

#: Of one user.
MAX_ADDRESSES = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class PostalAddress:
    """Where something is sent: personal data, which is erased with its user. Country: ISO 3166-1, two letters."""

    name: str
    line_1: str
    line_2: str
    postal_code: str
    city: str
    region: str
    country: str
    phone: str

    def values(self) -> dict[str, str]:
        """Each of these fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(PostalAddress)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address(PostalAddress):
    """An address of a user. One of them at most is the default; `version` counts edits, from 1."""

    id: str
    is_default: bool
    created_at: datetime
    updated_at: datetime
    version: int

    def with_changes(self, *, at: datetime, **changes: Any) -> "Address":
        """Return the next version of the address, with these fields changed."""
        return replace(self, updated_at=at, version=self.version + 1, **changes)


class AddressRepository(Protocol):
    """Addresses of users. Reads and writes as in ports.UserRepository; every method also raises NotFound where the user
    is erased."""

    def get(self, user: str, id: str) -> Address:
        """Raises: NotFound."""
        ...

    def page(self, user: str, size: int, position: Position | None) -> Page[Address]:
        """List the user's addresses, newest first."""
        ...

    def create(self, request: WriteRequest, user: str, address: Address) -> WriteResult[Address]:
        """Store an address; the user's first one becomes the default, and any other one that says so.

        Raises: TooManyAddresses."""
        ...

    def update(
        self,
        request: WriteRequest,
        user: str,
        id: str,
        change: Callable[[Address], Address],
        if_match: int | None,
    ) -> WriteResult[Address]:
        """Raises: NotFound, PreconditionFailed, and what `change` raises."""
        ...

    def set_default(self, request: WriteRequest, user: str, id: str) -> WriteResult[Address]:
        """Make this address the default in place of another one.

        Raises: NotFound."""
        ...

    def delete(self, request: WriteRequest, user: str, id: str, if_match: int | None) -> WriteResult[None]:
        """Delete the address. The default that is deleted has no successor.

        Raises: NotFound, PreconditionFailed."""
        ...
