"""Users and their tokens over HTTP."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields, filters
from shop.api.conditional import user_etag
from shop.api.examples import PASSWORD, USER, example
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, UpdateBody
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Role
from shop.domain.users import Token, User
from shop.services import users
from shop.services.users import UserChange


class _UserFields(Body):
    id = fields.Id(read_only=True)
    email = fields.Email()
    first_name = fields.Text(default="", allow_blank=True)
    last_name = fields.Text(default="", allow_blank=True)
    role = fields.Choice(list(Role), component="Role", read_only=True)
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Integer(minimum=1, read_only=True, help_text="Number of changes, from 1.")


_SENT = {name: USER[name] for name in ("email", "first_name", "last_name")}


@extend_schema_serializer(component_name="Registration", examples=example({**_SENT, "password": PASSWORD}))
class Registration(_UserFields):
    """A user to register."""

    password = fields.Password()


@extend_schema_serializer(component_name="UserChange", examples=example(_SENT))
class UserChangeBody(_UserFields, UpdateBody):
    """New values of a user."""


@extend_schema_serializer(component_name="User", examples=example(USER))
class UserResponse(fields.ResponseBody, _UserFields):
    """A user of the shop."""


@extend_schema_serializer(component_name="RoleChange", examples=example({"role": "staff"}))
class RoleChange(Body):
    """The new role of a user."""

    role = fields.Choice(list(Role), component="Role")


@extend_schema_serializer(
    component_name="PasswordChange", examples=example({"current": PASSWORD, "new": "Tr0ubador & three"})
)
class PasswordChange(Body):
    """The current password and the new one."""

    current = fields.Password()
    new = fields.Password()


@extend_schema_serializer(
    component_name="Credentials", examples=example({"email": "ada@example.com", "password": PASSWORD})
)
class CredentialsBody(Body):
    """Email and password of a user."""

    email = fields.Text()
    password = fields.Password()


@extend_schema_serializer(
    component_name="Token",
    examples=example({"token": f"evg_{'x' * 43}", "expires_at": "2026-11-24T09:30:00.125000Z", "user": USER}),
)
class TokenResponse(fields.ResponseBody):
    """A bearer token. Only this response contains it."""

    token = fields.Text()
    expires_at = fields.Instant()
    user = UserResponse()


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
        "destroy": Operation(status=204, has_etag=True, problems=("last-staff",)),
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

        No two users have the same email address, whatever its case and Unicode spelling.
        """
        values = self.parsed_body(request)
        result = users.user_register(shop=self.shop, request=self.write_request(request), **values)
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

        Optional fields that are left out become empty.
        """
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Update a user.

        Fields that are left out keep their values.
        """
        return self._change(request, pk, _PARTIAL_CHANGE)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Erase a user.

        Deletes the personal data, revokes all tokens and frees the email address. The purchases stay, anonymous.
        """
        version = self.expected_version(request)
        result = users.user_delete(shop=self.shop, request=self.write_request(request), id=pk, if_match=version)
        return self.write_response(request, result)

    @action(detail=True, methods=["post"])
    def role(self, request: Request, pk: str) -> HttpResponseBase:
        """Set the role of a user.

        The last user with the role staff cannot become a customer.
        """
        role = Role(self.parsed_body(request)["role"])
        result = users.user_set_role(shop=self.shop, request=self.write_request(request), id=pk, role=role)
        return self.write_response(request, result, user_document(result.value), {"ETag": user_etag(result.value)})

    @action(detail=False, methods=["post"], url_path="me/password")
    def password(self, request: Request) -> HttpResponseBase:
        """Change the current user's password.

        Requires the current password, and revokes all other tokens of the user.
        """
        values = self.parsed_body(request)
        result = users.user_set_password(
            shop=self.shop, request=self.write_request(request), caller=self.caller, **values
        )
        return self.write_response(request, result)

    def _user_response(self, request: Request, id: str) -> HttpResponseBase:
        user = users.user_get(shop=self.shop, id=id)
        return self.resource_response(request, user_document(user), user_etag(user))

    def _change(self, request: Request, id: str, body: UserChangeBody) -> HttpResponseBase:
        data = self.raw_body(request)
        values = body.parse(data)

        def change(user: User) -> UserChange:
            body.refuse_changes(data, user_document(user))
            return UserChange(**values)

        result = users.user_update(
            shop=self.shop,
            request=self.write_request(request),
            id=id,
            change=change,
            if_match=self.expected_version(request),
        )
        return self.write_response(request, result, user_document(result.value), {"ETag": user_etag(result.value)})


class TokenViewSet(ShopViewSet):
    """Bearer tokens: login and logout."""

    operations = {
        "token": Operation(body=CredentialsBody(), response=TokenResponse, problems=("invalid-credentials",)),
        "logout": Operation(status=204),
        "logout_all": Operation(status=204),
    }

    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> HttpResponseBase:
        """Create a token.

        Signs in with email and password; the token expires after 14 days. A wrong email and a wrong password get the
        same response, in the same time.
        """
        values = self.parsed_body(request)
        token = users.token_issue(shop=self.shop, request=self.write_request(request), **values)
        return self.respond(request, _token_document(token), {"Cache-Control": "no-store"})

    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> HttpResponseBase:
        """Revoke the current token.

        Signs out this client; other tokens of the user stay valid.
        """
        self.parsed_body(request)
        result = users.token_revoke(shop=self.shop, request=self.write_request(request), caller=self.caller)
        return self.write_response(request, result)

    @action(detail=False, methods=["post"], url_path="logout-all")
    def logout_all(self, request: Request) -> HttpResponseBase:
        """Revoke all tokens of the current user.

        Signs out every client of the user, this one included.
        """
        self.parsed_body(request)
        result = users.token_revoke_all(shop=self.shop, request=self.write_request(request), caller=self.caller)
        return self.write_response(request, result)


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


def _token_document(token: Token) -> dict[str, Any]:
    return {"token": token.secret, "expires_at": token.expires_at, "user": user_document(token.user)}
