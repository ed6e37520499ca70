"""The access table: who may call each operation. Permissions, the OpenAPI document, docs/access.md and the access
tests are made from it, and nothing else grants access.

An operation of a ViewSet is named after its basename and action, any other after its URL name and method.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied

from shop.api.office_access import OFFICE
from shop.domain.callers import Caller, Role, Scope


class Identity(StrEnum):
    """Kinds of people who call. The values of users are those of their roles."""

    ANONYMOUS = "anonymous"
    CUSTOMER = Role.CUSTOMER.value
    STAFF = Role.STAFF.value


class Reauthentication(StrEnum):
    """When a caller must send the present password beside the token."""

    NEVER = "never"
    ALWAYS = "always"
    EMAIL = "for another email"


class Limiter(StrEnum):
    """Classes of operations that share a rate limit."""

    READS = "reads"
    WRITES = "writes"
    SIGN_IN = "sign-in"
    REGISTRATION = "registration"


class Audited(StrEnum):
    """By whom an operation is recorded in the audit."""

    NEVER = "never"
    STAFF = "by staff and keys"
    ALWAYS = "always"


@dataclass(frozen=True, kw_only=True, slots=True)
class Access:
    """A row of the table. `scope` admits API keys that have it; None admits none."""

    roles: frozenset[Identity]
    limiter: Limiter
    scope: Scope | None = None
    #: Customers reach their own objects alone; those of other users are 404.
    is_own: bool = False
    #: Staff too reach their own objects alone.
    is_private: bool = False
    reauthentication: Reauthentication = Reauthentication.NEVER
    #: The public gets a summary; all of it is for staff, and for keys with the scope.
    is_summary_public: bool = False
    #: A guest is admitted who sends the token of a cart; the operation finds out whether it is the right one.
    admits_cart_token: bool = False
    #: Public, and another thing for users who are signed in. No API key is admitted.
    recognizes_users: bool = False
    audited: Audited = Audited.NEVER
    is_public: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_public", Identity.ANONYMOUS in self.roles)

    def is_audited_of(self, caller: Caller | None) -> bool:
        """Whether the audit records the operation of this caller, None for an anonymous one."""
        if self.audited is Audited.STAFF:
            return caller is not None and caller.reaches_all
        return self.audited is Audited.ALWAYS


_USERS = frozenset({Identity.CUSTOMER, Identity.STAFF})
_STAFF_ONLY = frozenset({Identity.STAFF})

_PUBLIC_READ = Access(roles=frozenset(Identity), limiter=Limiter.READS)
_CATALOGUE_READ = replace(_PUBLIC_READ, scope=Scope.CATALOGUE_READ)
_CATALOGUE_WRITE = Access(
    roles=_STAFF_ONLY, scope=Scope.CATALOGUE_WRITE, limiter=Limiter.WRITES, audited=Audited.ALWAYS
)
_VOUCHERS_READ = Access(roles=_STAFF_ONLY, scope=Scope.VOUCHERS_READ, limiter=Limiter.READS)
_VOUCHERS_WRITE = replace(_CATALOGUE_WRITE, scope=Scope.VOUCHERS_WRITE)
_IMPORTS_WRITE = replace(_CATALOGUE_WRITE, scope=Scope.IMPORTS_WRITE)
_EXPORTS_WRITE = replace(_IMPORTS_WRITE, scope=Scope.EXPORTS_WRITE)
_READ: Mapping[str, Any] = {"limiter": Limiter.READS, "audited": Audited.NEVER}
#: What changes a collection.
_EDITS = ("create", "update", "partial_update", "destroy")
_SUMMARY = replace(_PUBLIC_READ, scope=Scope.STATUS_READ, is_summary_public=True)
_SIGN_IN = replace(_PUBLIC_READ, limiter=Limiter.SIGN_IN, audited=Audited.ALWAYS)
_OWN_WRITE = Access(roles=_USERS, is_own=True, limiter=Limiter.WRITES, audited=Audited.ALWAYS)
_PRIVATE_WRITE = replace(_OWN_WRITE, is_private=True)
_PRIVATE_READ = replace(_PRIVATE_WRITE, limiter=Limiter.READS, audited=Audited.NEVER)
_OWN_CART = Access(roles=_USERS, is_own=True, is_private=True, limiter=Limiter.READS, admits_cart_token=True)
_CART_WRITE = replace(_OWN_CART, limiter=Limiter.WRITES)
_OWN_PURCHASES = Access(roles=_USERS, is_own=True, scope=Scope.PURCHASES_READ, limiter=Limiter.READS)
_BUYER_WRITE = replace(_OWN_WRITE, scope=Scope.PURCHASES_WRITE, audited=Audited.STAFF, admits_cart_token=True)
_USERS_READ = Access(roles=_STAFF_ONLY, scope=Scope.USERS_READ, limiter=Limiter.READS)
_KEYS_READ = Access(roles=_STAFF_ONLY, limiter=Limiter.READS)
_KEYS_WRITE = Access(roles=_STAFF_ONLY, limiter=Limiter.WRITES, audited=Audited.ALWAYS)
_KEYS_ISSUE = replace(_KEYS_WRITE, limiter=Limiter.SIGN_IN, reauthentication=Reauthentication.ALWAYS)
_PURCHASE_TRANSITION = Access(
    roles=_STAFF_ONLY, scope=Scope.PURCHASES_WRITE, limiter=Limiter.WRITES, audited=Audited.ALWAYS
)
_STAFF_WRITE_WITH_PASSWORD = Access(
    roles=_STAFF_ONLY, limiter=Limiter.SIGN_IN, reauthentication=Reauthentication.ALWAYS, audited=Audited.ALWAYS
)

_API: Mapping[str, Access] = {
    "products_list": _CATALOGUE_READ,
    "products_categories": _CATALOGUE_READ,
    "products_companies": _CATALOGUE_READ,
    "products_retrieve": _CATALOGUE_READ,
    "products_by_sku": _CATALOGUE_READ,
    "products_create": _CATALOGUE_WRITE,
    "products_update": _CATALOGUE_WRITE,
    "products_partial_update": _CATALOGUE_WRITE,
    "products_destroy": _CATALOGUE_WRITE,
    "products_movements": Access(roles=_STAFF_ONLY, scope=Scope.STOCK_READ, limiter=Limiter.READS),
    "products_stock": replace(_CATALOGUE_WRITE, scope=Scope.STOCK_WRITE),
    "carts_create": replace(_PUBLIC_READ, limiter=Limiter.WRITES, recognizes_users=True),
    "carts_list": Access(roles=_STAFF_ONLY, scope=Scope.CARTS_READ, limiter=Limiter.READS),
    "carts_retrieve": replace(_OWN_CART, is_private=False, scope=Scope.CARTS_READ),
    "carts_partial_update": _CART_WRITE,
    "carts_destroy": _CART_WRITE,
    "carts_put_line": _CART_WRITE,
    "carts_remove_line": _CART_WRITE,
    "carts_put_voucher": _CART_WRITE,
    "carts_remove_voucher": _CART_WRITE,
    "carts_hold": _CART_WRITE,
    "carts_release": _CART_WRITE,
    "carts_claim": replace(_CART_WRITE, admits_cart_token=False),
    "purchases_list": _OWN_PURCHASES,
    "purchases_retrieve": replace(_OWN_PURCHASES, admits_cart_token=True),
    "purchases_create": replace(_OWN_WRITE, is_own=False, audited=Audited.NEVER, admits_cart_token=True),
    "purchases_cancel": _BUYER_WRITE,
    "purchases_pay": _PURCHASE_TRANSITION,
    "purchases_ship": _PURCHASE_TRANSITION,
    "purchases_deliver": _PURCHASE_TRANSITION,
    "purchases_refund": _PURCHASE_TRANSITION,
    **dict.fromkeys(("payments_retrieve", "purchases_payments"), replace(_OWN_PURCHASES, admits_cart_token=True)),
    "payments_refresh": replace(_BUYER_WRITE, audited=Audited.NEVER),
    "purchases_begin_payment": _BUYER_WRITE,
    **dict.fromkeys(("payments_capture", "payments_cancel", "purchases_refunds"), _PURCHASE_TRANSITION),
    # Their signature says whom they are from.
    "payments_webhooks": replace(_PUBLIC_READ, limiter=Limiter.WRITES),
    **dict.fromkeys(("purchases_returns", "returns_retrieve"), replace(_OWN_PURCHASES, admits_cart_token=True)),
    "purchases_request_return": _BUYER_WRITE,
    "returns_list": replace(_OWN_PURCHASES, roles=_STAFF_ONLY, is_own=False),
    "returns_approve": _PURCHASE_TRANSITION,
    "returns_receive": _PURCHASE_TRANSITION,
    "returns_refuse": _PURCHASE_TRANSITION,
    **dict.fromkeys(("vouchers_list", "vouchers_retrieve"), _VOUCHERS_READ),
    **dict.fromkeys((f"vouchers_{action}" for action in (*_EDITS, "pause", "resume")), _VOUCHERS_WRITE),
    **dict.fromkeys(("shipping_methods_list", "shipping_methods_retrieve"), _CATALOGUE_READ),
    **dict.fromkeys((f"shipping_methods_{action}" for action in _EDITS), _CATALOGUE_WRITE),
    **dict.fromkeys(("addresses_list", "addresses_retrieve"), _PRIVATE_READ),
    **dict.fromkeys((f"addresses_{action}" for action in (*_EDITS, "default")), _PRIVATE_WRITE),
    "users_create": replace(_PUBLIC_READ, limiter=Limiter.REGISTRATION),
    "users_confirm": replace(_SIGN_IN, audited=Audited.NEVER),
    "users_list": _USERS_READ,
    "users_me": _PRIVATE_READ,
    "users_export": _PRIVATE_READ,
    "users_retrieve": replace(_USERS_READ, roles=_USERS, is_own=True),
    "users_update": replace(_OWN_WRITE, reauthentication=Reauthentication.EMAIL),
    "users_partial_update": replace(_OWN_WRITE, reauthentication=Reauthentication.EMAIL),
    "users_destroy": replace(_OWN_WRITE, limiter=Limiter.SIGN_IN, reauthentication=Reauthentication.ALWAYS),
    "users_role": _STAFF_WRITE_WITH_PASSWORD,
    "users_password": replace(_PRIVATE_WRITE, limiter=Limiter.SIGN_IN, reauthentication=Reauthentication.ALWAYS),
    "api_keys_list": _KEYS_READ,
    "api_keys_retrieve": _KEYS_READ,
    "api_keys_create": _KEYS_ISSUE,
    "api_keys_roll": _KEYS_ISSUE,
    "api_keys_destroy": _KEYS_WRITE,
    "events_list": Access(roles=_STAFF_ONLY, scope=Scope.EVENTS_READ, limiter=Limiter.READS),
    "webhook_endpoints_list": _KEYS_READ,
    "webhook_endpoints_retrieve": _KEYS_READ,
    "webhook_endpoints_deliveries": _KEYS_READ,
    "webhook_endpoints_create": _KEYS_WRITE,
    "webhook_endpoints_partial_update": _KEYS_WRITE,
    "webhook_endpoints_destroy": _KEYS_WRITE,
    "webhook_endpoints_rotate_secret": _KEYS_WRITE,
    "webhook_endpoints_test": _KEYS_WRITE,
    "deliveries_redeliver": _KEYS_WRITE,
    **dict.fromkeys(("imports_list", "imports_retrieve"), replace(_IMPORTS_WRITE, **_READ)),
    **dict.fromkeys(("imports_create", "imports_destroy"), _IMPORTS_WRITE),
    **dict.fromkeys(("exports_list", "exports_retrieve", "exports_file"), replace(_EXPORTS_WRITE, **_READ)),
    **dict.fromkeys(("exports_create", "exports_destroy"), _EXPORTS_WRITE),
    "audit_list": Access(roles=_STAFF_ONLY, scope=Scope.AUDIT_READ, limiter=Limiter.READS),
    "auth_token": _SIGN_IN,
    "auth_logout": _PRIVATE_WRITE,
    "auth_logout_all": _PRIVATE_WRITE,
    "auth_sessions": _PRIVATE_READ,
    "auth_session": _PRIVATE_WRITE,
    "auth_password_reset": replace(_PUBLIC_READ, limiter=Limiter.REGISTRATION),
    "auth_password_reset_confirm": _SIGN_IN,
    "home_get": _PUBLIC_READ,
    "docs-home_get": _PUBLIC_READ,
    "api-home_get": _PUBLIC_READ,
    "api-root_get": _PUBLIC_READ,
    "schema_get": _PUBLIC_READ,
    "docs_get": _PUBLIC_READ,
    "redoc_get": _PUBLIC_READ,
    "problems_get": _PUBLIC_READ,
    "problem_get": _PUBLIC_READ,
    "login_get": _PUBLIC_READ,
    "login_post": _SIGN_IN,
    "logout_post": replace(_PUBLIC_READ, limiter=Limiter.WRITES, audited=Audited.ALWAYS),
    "password-reset_get": _PUBLIC_READ,
    "password-reset_post": _SIGN_IN,
    "registration_get": _PUBLIC_READ,
    "registration_post": replace(_SIGN_IN, audited=Audited.NEVER),
    "status_get": _SUMMARY,
    "healthz_get": _SUMMARY,
    "livez_get": _PUBLIC_READ,
    "readyz_get": _PUBLIC_READ,
    # On the instance alone: nginx passes no request for it on.
    "metrics_get": _PUBLIC_READ,
}


def _of_office(row: Access) -> Access:
    return replace(row, roles=row.roles & _STAFF_ONLY, scope=None, admits_cart_token=False)


ACCESS: Mapping[str, Access] = {
    **_API,
    **{page: _of_office(_API[operation]) for page, operation in OFFICE.items()},
}


def access_of(request: HttpRequest) -> Access:
    """Return the row of a request that no ViewSet serves; a KeyError where it has none."""
    match = request.resolver_match
    method = "get" if request.method == "HEAD" else str(request.method).lower()
    return ACCESS[f"{match.url_name if match else None}_{method}"]


def admit(access: Access, caller: Caller | None, owner: str | None = None) -> None:
    """Admit a caller to an operation on an object of the user `owner`, None where the path names no user.

    Raises:
        NotAuthenticated, PermissionDenied; NotFound where the object is another user's.
    """
    if access.is_public:
        return
    if caller is None:
        raise NotAuthenticated("Sign in first: send Authorization: Bearer <token>.")
    if not _is_admitted(access, caller):
        raise PermissionDenied(_denial(access, caller))
    reaches_others = caller.reaches_all and not access.is_private
    if access.is_own and owner not in (None, caller.id) and not reaches_others:
        raise NotFound(f"There is no user {owner}. Check the URL.")


def sees_all(access: Access, caller: Caller | None) -> bool:
    """Whether the caller gets more than the public summary of an operation that has one."""
    if caller is None:
        return False
    return caller.is_staff or (caller.scopes is not None and access.scope in caller.scopes)


def _is_admitted(access: Access, caller: Caller) -> bool:
    if caller.scopes is not None:
        return access.scope in caller.scopes
    return caller.role is not None and Identity(caller.role.value) in access.roles


def _denial(access: Access, caller: Caller) -> str:
    if caller.scopes is None:
        return "Only staff may do this."
    return f"The API key lacks the scope {access.scope}." if access.scope else "No API key may do this."
