"""Users and their tokens over HTTP."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop import bootstrap
from shop.api import fields, filters
from shop.api.conditional import if_match, user_tag
from shop.api.examples import USER, example
from shop.api.operations import Access, Operation
from shop.api.pagination import PAGING
from shop.api.parsing import Body, Edit
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Role
from shop.domain.users import Token, User
from shop.services import users
from shop.services.users import UserChange

PASSWORD = "correct horse battery staple"


class _UserFields(Body):
    id = fields.Id(read_only=True)
    email = fields.Email()
    first_name = fields.Text(default="", allow_blank=True)
    last_name = fields.Text(default="", allow_blank=True)
    role = fields.Choice(list(Role), component="Role", read_only=True)
    created_at = fields.Instant(read_only=True)
    updated_at = fields.Instant(read_only=True)
    version = fields.Whole(least=1, read_only=True, help_text="Counts changes, from 1.")


_SENT = {name: USER[name] for name in ("email", "first_name", "last_name")}


@extend_schema_serializer(component_name="Registration", examples=example({**_SENT, "password": PASSWORD}))
class Registration(_UserFields):
    """A user to be."""

    password = fields.Password()


@extend_schema_serializer(component_name="UserChange", examples=example(_SENT))
class UserFields(_UserFields, Edit):
    """What is to be known about a user from now on."""


@extend_schema_serializer(component_name="User", examples=example(USER))
class UserAnswer(fields.Answer, _UserFields):
    """Somebody with an account."""


@extend_schema_serializer(component_name="RoleChange", examples=example({"role": "staff"}))
class RoleChange(Body):
    """What a user may do from now on."""

    role = fields.Choice(list(Role), component="Role")


@extend_schema_serializer(
    component_name="PasswordChange", examples=example({"current": PASSWORD, "new": "Tr0ubador & three"})
)
class PasswordChange(Body):
    """The present password, and the next one."""

    current = fields.Password()
    new = fields.Password()


@extend_schema_serializer(
    component_name="Credentials", examples=example({"email": "ada@example.com", "password": PASSWORD})
)
class CredentialsBody(Body):
    """What somebody signs in with."""

    email = fields.Text()
    password = fields.Password()


@extend_schema_serializer(
    component_name="Token",
    examples=example({"token": f"evg_{'x' * 43}", "expires_at": "2026-11-24T09:30:00.125000Z", "user": USER}),
)
class TokenAnswer(fields.Answer):
    """A token, shown this once."""

    token = fields.Text()
    expires_at = fields.Instant()
    user = UserAnswer()


_CHANGE, _PATCH = UserFields(), UserFields(partial=True)


class UserViewSet(ShopViewSet):
    """Who has an account."""

    lookup_value_regex = fields.UUID_PATTERN
    operations = {
        "create": Operation(
            access=Access.ANYONE,
            body=Registration(),
            answer=UserAnswer,
            status=201,
            tagged=True,
            keyed=True,
            problems=("email-taken",),
        ),
        "list": Operation(
            access=Access.STAFF,
            answer=UserAnswer,
            page=True,
            parameters=(filters.named("search", "How the email address begins."), *PAGING),
        ),
        "me": Operation(access=Access.SIGNED_IN, answer=UserAnswer, tagged=True),
        "retrieve": Operation(access=Access.SELF_OR_STAFF, answer=UserAnswer, tagged=True),
        "update": Operation(
            access=Access.SELF_OR_STAFF, body=_CHANGE, answer=UserAnswer, tagged=True, problems=("email-taken",)
        ),
        "partial_update": Operation(
            access=Access.SELF_OR_STAFF, body=_PATCH, answer=UserAnswer, tagged=True, problems=("email-taken",)
        ),
        "destroy": Operation(access=Access.SELF_OR_STAFF, status=204, tagged=True, problems=("last-staff",)),
        "role": Operation(
            access=Access.STAFF, body=RoleChange(), answer=UserAnswer, keyed=True, tagged=True, problems=("last-staff",)
        ),
        "password": Operation(access=Access.SIGNED_IN, body=PasswordChange(), status=204, keyed=True),
    }

    def create(self, request: Request) -> HttpResponseBase:
        """Opens an account."""
        values = self.values(request)
        done = users.user_register(shop=bootstrap.get_shop(), request=self.write_request(request), **values)
        return self.created(request, done, represented(done.value), user_tag(done.value))

    def list(self, request: Request) -> HttpResponseBase:
        """A page of the users, newest first."""
        asked = self.page_request(request)
        page = users.user_list(
            shop=bootstrap.get_shop(),
            search=asked.filters.get("search", ""),
            size=asked.size,
            position=asked.position,
        )
        return self.page(request, page, represented)

    @action(detail=False)
    def me(self, request: Request) -> HttpResponseBase:
        """Whoever asks."""
        return self._one(request, self.caller.id)

    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        """One user."""
        return self._one(request, pk)

    def update(self, request: Request, pk: str) -> HttpResponseBase:
        """Says everything about a user anew."""
        return self._change(request, pk, _CHANGE)

    def partial_update(self, request: Request, pk: str) -> HttpResponseBase:
        """Says some things about a user anew."""
        return self._change(request, pk, _PATCH)

    def destroy(self, request: Request, pk: str) -> HttpResponseBase:
        """Erases a user; the address is free again, and the purchases stay, anonymous."""
        done = users.user_delete(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            id=pk,
            if_match=if_match(request._request),
        )
        return self.done(request, done)

    @action(detail=True, methods=["post"])
    def role(self, request: Request, pk: str) -> HttpResponseBase:
        """Makes a user staff, or a customer again."""
        role = Role(self.values(request)["role"])
        done = users.user_set_role(shop=bootstrap.get_shop(), request=self.write_request(request), id=pk, role=role)
        return self.done(request, done, represented(done.value), {"ETag": user_tag(done.value)})

    @action(detail=False, methods=["post"], url_path="me/password")
    def password(self, request: Request) -> HttpResponseBase:
        """Changes the password of whoever asks, and signs them out everywhere else."""
        values = self.values(request)
        done = users.user_set_password(
            shop=bootstrap.get_shop(), request=self.write_request(request), caller=self.caller, **values
        )
        return self.done(request, done)

    def _one(self, request: Request, id: str) -> HttpResponseBase:
        user = users.user_get(shop=bootstrap.get_shop(), id=id)
        return self.single(request, represented(user), user_tag(user))

    def _change(self, request: Request, id: str, body: UserFields) -> HttpResponseBase:
        given = self.given(request)
        values = body.parsed(given)

        def change(user: User) -> UserChange:
            body.refuse_changes(given, represented(user))
            return UserChange(**values)

        done = users.user_update(
            shop=bootstrap.get_shop(),
            request=self.write_request(request),
            id=id,
            change=change,
            if_match=if_match(request._request),
        )
        return self.done(request, done, represented(done.value), {"ETag": user_tag(done.value)})


class TokenViewSet(ShopViewSet):
    """Signing in and out."""

    operations = {
        "token": Operation(
            access=Access.ANYONE, body=CredentialsBody(), answer=TokenAnswer, problems=("invalid-credentials",)
        ),
        "logout": Operation(access=Access.SIGNED_IN, status=204),
        "logout_all": Operation(access=Access.SIGNED_IN, status=204),
    }

    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> HttpResponseBase:
        """Signs in: a token for an email address and its password."""
        values = self.values(request)
        token = users.token_issue(shop=bootstrap.get_shop(), request=self.write_request(request), **values)
        return self.answer(request, _token(token), {"Cache-Control": "no-store"})

    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> HttpResponseBase:
        """Signs out: the token is good for nothing from now on."""
        self.values(request)
        done = users.token_revoke(shop=bootstrap.get_shop(), request=self.write_request(request), caller=self.caller)
        return self.done(request, done)

    @action(detail=False, methods=["post"], url_path="logout-all")
    def logout_all(self, request: Request) -> HttpResponseBase:
        """Signs out everywhere."""
        self.values(request)
        done = users.token_revoke_all(
            shop=bootstrap.get_shop(), request=self.write_request(request), caller=self.caller
        )
        return self.done(request, done)


def represented(user: User) -> dict[str, Any]:
    """The user as they are answered."""
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


def _token(token: Token) -> dict[str, Any]:
    return {"token": token.secret, "expires_at": token.expires_at, "user": represented(token.user)}
