"""Users over HTTP."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteRequest
from shop.api import fields, filters, rate_limits
from shop.api.accounts import AcceptedResponse, ConfirmationBody, begin_registration, require_mail
from shop.api.client_address import client_network
from shop.api.conditional import user_etag
from shop.api.credential_fields import CurrentPassword
from shop.api.examples import PASSWORD, USER
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Role
from shop.domain.users import User
from shop.services import users
from shop.services.accounts import registration_confirm
from shop.services.admission import registration_admit
from shop.services.reauthentication import Confirm
from shop.services.users import UserChange


class _UserFields(Body):
    id = fields.Id(read_only=True)
    email = fields.Email()
    first_name = fields.Text(default="", allow_blank=True)
    last_name = fields.Text(default="", allow_blank=True)
    role = fields.Choice(list(Role), component="UserRole", read_only=True)
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of changes, from 1.")


_SENT = {name: USER[name] for name in ("email", "first_name", "last_name")}


@extend_schema_serializer(component_name="Registration", examples=example({**_SENT, "password": PASSWORD}))
class Registration(_UserFields):
    """A user to register."""

    password = fields.Password()


@extend_schema_serializer(component_name="UserChange", examples=example({**_SENT, "current_password": PASSWORD}))
class UserChangeBody(_UserFields, UpdateBody):
    """New values of a user."""

    current_password = fields.Password(required=False, help_text="The caller's own, where the email changes.")


@extend_schema_serializer(component_name="User", examples=example(USER))
class UserResponse(fields.ResponseBody, _UserFields):
    """A user of the shop."""


@extend_schema_serializer(
    component_name="RoleChange", examples=example({"role": "staff", "current_password": PASSWORD})
)
class RoleChange(Body):
    """The new role of a user, and the password of the user who sets it."""

    role = fields.Choice(list(Role), component="UserRole")
    current_password = CurrentPassword()


@extend_schema_serializer(component_name="UserErasure", examples=example({"current_password": PASSWORD}))
class Erasure(Body):
    """The password of the user who erases a user."""

    current_password = CurrentPassword()


@extend_schema_serializer(
    component_name="PasswordChange", examples=example({"current": PASSWORD, "new": "Tr0ubador & three"})
)
class PasswordChange(Body):
    """The current password and the new one."""

    current = fields.Password()
    new = fields.Password()


_CHANGE, _PARTIAL_CHANGE = UserChangeBody(), UserChangeBody(partial=True)


class UserViewSet(ShopViewSet):
    """The users of the shop."""

    lookup_value_regex = fields.UUID_PATTERN

    @property
    def owner(self) -> str | None:
        return self.kwargs.get("pk")

    operations = {
        "create": Operation(
            body=Registration(),
            response=UserResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("email-taken",),
            accepted=AcceptedResponse,
        ),
        "confirm": Operation(
            body=ConfirmationBody(),
            response=UserResponse,
            status=201,
            has_etag=True,
            uses_key=True,
            problems=("email-taken", "mail-off"),
        ),
        "list": Operation(
            response=UserResponse,
            is_page=True,
            parameters=(filters.text_parameter("search", "Prefix of the email address."), *PAGING),
        ),
        "me": Operation(response=UserResponse, has_etag=True),
        "retrieve": Operation(response=UserResponse, has_etag=True),
        "update": Operation(body=_CHANGE, response=UserResponse, has_etag=True, problems=("email-taken",)),
        "partial_update": Operation(
            body=_PARTIAL_CHANGE,
            response=UserResponse,
            has_etag=True,
            problems=("email-taken",),
        ),
        "destroy": Operation(body=Erasure(), status=204, has_etag=True, problems=("last-staff",)),
        "role": Operation(
            body=RoleChange(),
            response=UserResponse,
            uses_key=True,
            has_etag=True,
            problems=("last-staff",),
        ),
        "password": Operation(body=PasswordChange(), status=204, uses_key=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Register a user.

        No two users have the same email address, whatever its case and Unicode spelling. Where the shop sends mail, the
        response is 202, the same for an address that is taken: a mail has the link that confirms the registration, or
        says that there is an account already.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        self._admit_registration(write)
        if self.shop.mailer.is_on:
            return begin_registration(self, request, values)
        result = users.user_register(shop=self.shop, request=write, **values)
        return self.created_response(request, result, user_document(result.value), user_etag(result.value))

    @action(detail=False, methods=["post"])
    def confirm(self, request: Request) -> HttpResponseBase:
        """Confirm a registration.

        Registers the user by the token of the mail and the password of the registration, which ends after 24 hours.
        """
        values = self.parsed_body(request)
        require_mail(self.shop.mailer)
        result = registration_confirm(
            shop=self.shop,
            request=self.write_request(request),
            limits=rate_limits.of_passwords(request._request),
            **values,
        )
        return self.created_response(request, result, user_document(result.value), user_etag(result.value))

    def list(self, request: Request) -> HttpResponseBase:
        """List users.

        Newest first; `search` filters by prefix of the email address.
        """
        query = self.page_request(request)
        search = query.filters.get("search", "")
        page = users.user_list(shop=self.shop, search=search, size=query.size, position=query.position)
        return self.page_response(request, page, user_document)

    @action(detail=False)
    def me(self, request: Request) -> HttpResponseBase:
        """Get the current user."""
        return self._user_response(request, self.caller.id)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """Get a user."""
        return self._user_response(request, pk)

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Replace a user.

        Optional fields that are left out become empty. Another email needs the caller's password.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a user.

        Fields that are left out keep their values. Another email needs the caller's password.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Erase a user.

        Deletes the personal data, revokes all tokens and frees the email address. The purchases stay, anonymous.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        result = users.user_delete(
            shop=self.shop,
            request=write,
            id=pk,
            if_match=self.expected_version(request),
            confirm=self._confirmation(write, values),
        )
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def role(self, request: Request, pk: str) -> HttpResponseBase:
        """Set the role of a user.

        The last user with the role staff cannot become a customer.
        """
        values = self.parsed_body(request)
        write = self.write_request(request)
        confirm = self._confirmation(write, values)
        result = users.user_set_role(shop=self.shop, request=write, id=pk, role=Role(values["role"]), confirm=confirm)
        return self.write_response(request, result, user_document(result.value), {"ETag": user_etag(result.value)})

    @action(detail=False, methods=["post"], url_path="me/password")
    def password(self, request: Request) -> HttpResponseBase:
        """Change the current user's password.

        Requires the current password, and revokes all other tokens of the user.
        """
        values = self.parsed_body(request)
        result = users.user_set_password(
            shop=self.shop,
            request=self.write_request(request),
            caller=self.caller,
            limits=rate_limits.of_passwords(request._request),
            **values,
        )
        return self.write_response(request, result)

    def _user_response(self, request: Request, id: str) -> HttpResponseBase:
        user = users.user_get(shop=self.shop, id=id)
        return self.resource_response(request, user_document(user), user_etag(user))

    def _change(self, request: Request, id: str, body: UserChangeBody) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)
        write = self.write_request(request)
        confirm = self._confirmation(write, values)
        version = self.expected_version(request)

        def change(user: User) -> UserChange:
            body.refuse_changes(data, user_document(user), has_version=version is not None)
            return UserChange(**values)

        result = users.user_update(
            shop=self.shop,
            request=write,
            id=id,
            change=change,
            if_match=version,
            confirm=confirm,
        )
        return self.write_response(request, result, user_document(result.value), {"ETag": user_etag(result.value)})

    def _confirmation(self, write: WriteRequest, values: dict[str, Any]) -> Confirm:
        """Take the caller's password from the body, and return its check."""
        return self.password_confirmation(write, values.pop("current_password", None))

    def _admit_registration(self, write: WriteRequest) -> None:
        request = self.request._request
        limit, network = rate_limits.of_registrations(request), client_network(request)
        registration_admit(shop=self.shop, limit=limit, network=network, request=write)


def user_document(user: User) -> dict[str, Any]:
    """Build the JSON document of a user."""
    return {
        "id": user.id,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        "role": user.role,
        "created_at": user.created_at,
        "updated_at": user.updated_at,
        "version": user.version,
    }
