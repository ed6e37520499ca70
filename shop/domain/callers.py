"""The authenticated caller of a request: a user with a role, or a machine with scopes."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Role(StrEnum):
    """The role of a user. Staff run the shop, and may buy as customers do."""

    CUSTOMER = "customer"
    STAFF = "staff"


class Scope(StrEnum):
    """What an API key allows, as resource:level. No scope changes users, roles or keys."""

    CATALOGUE_READ = "catalogue:read"
    CATALOGUE_WRITE = "catalogue:write"
    STOCK_READ = "stock:read"
    STOCK_WRITE = "stock:write"
    PURCHASES_READ = "purchases:read"
    PURCHASES_WRITE = "purchases:write"
    CARTS_READ = "carts:read"
    VOUCHERS_READ = "vouchers:read"
    VOUCHERS_WRITE = "vouchers:write"
    USERS_READ = "users:read"
    STATUS_READ = "status:read"
    AUDIT_READ = "audit:read"
    EVENTS_READ = "events:read"
    IMPORTS_WRITE = "imports:write"
    EXPORTS_WRITE = "exports:write"


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The authenticated caller of a request. A user has a role, and `token` is the digest of the bearer token; an API
    key has scopes and no role."""

    id: str
    role: Role | None
    token: str
    scopes: frozenset[Scope] | None = None
    #: To within an hour; None where no use is recorded.
    last_used_at: datetime | None = field(default=None, compare=False)

    @property
    def is_staff(self) -> bool:
        return self.role is Role.STAFF

    @property
    def reaches_all(self) -> bool:
        """Whether an admitted caller acts on the resources of every user, not on its own alone."""
        return self.is_staff or self.scopes is not None
