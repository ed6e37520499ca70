"""Tokens over HTTP: signing in and out, and sessions."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from shop.api import fields
from shop.api.accounts import PasswordResets
from shop.api.examples import PASSWORD, SESSION, USER
from shop.api.operations import Operation
from shop.api.parsing import Body
from shop.api.rate_limits import of_passwords
from shop.api.serializer_examples import example
from shop.api.users import UserResponse, user_document
from shop.domain.pages import Page
from shop.domain.sessions import Session
from shop.domain.users import Token
from shop.services import tokens


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


@extend_schema_serializer(component_name="Session", examples=example(SESSION))
class SessionResponse(fields.ResponseBody):
    """A live token of a user."""

    id = fields.Id()
    created_at = fields.Instant(allow_null=True, help_text="Null where it is not known.")
    last_used_at = fields.Instant(allow_null=True, help_text="To within an hour; null where it is not known.")
    expires_at = fields.Instant()
    is_current = fields.Boolean(help_text="Whether this request was sent with the token.")


class TokenViewSet(PasswordResets):
    """Bearer tokens: login, logout and sessions."""

    operations = {
        "token": Operation(body=CredentialsBody(), response=TokenResponse, problems=("invalid-credentials",)),
        "logout": Operation(status=204),
        "logout_all": Operation(status=204),
        "sessions": Operation(response=SessionResponse, is_page=True),
        "session": Operation(status=204),
        **PasswordResets.reset_operations,
    }

    @action(detail=False, methods=["post"])
    def token(self, request: Request) -> HttpResponseBase:
        """Create a token.

        Signs in with email and password; the token expires after 14 days. A wrong email and a wrong password get the
        same response, in the same time.
        """
        values = self.parsed_body(request)
        token = tokens.token_issue(
            shop=self.shop, request=self.write_request(request), limits=of_passwords(request._request), **values
        )
        return self.respond(request, _token_document(token), {"Cache-Control": "no-store"})

    @action(detail=False, methods=["post"])
    def logout(self, request: Request) -> HttpResponseBase:
        """Revoke the current token.

        Signs out this client; other tokens of the user stay valid.
        """
        self.parsed_body(request)
        result = tokens.token_revoke(shop=self.shop, request=self.write_request(request), caller=self.caller)
        return self.write_response(request, result)

    @action(detail=False, methods=["post"], url_path="logout-all")
    def logout_all(self, request: Request) -> HttpResponseBase:
        """Revoke all tokens of the current user.

        Signs out every client of the user, this one included.
        """
        self.parsed_body(request)
        result = tokens.token_revoke_all(shop=self.shop, request=self.write_request(request), caller=self.caller)
        return self.write_response(request, result)

    @action(detail=False, methods=["get"])
    def sessions(self, request: Request) -> HttpResponseBase:
        """List sessions.

        The live tokens of the current user, at most 20; a sign-in beyond them ends the oldest.
        """
        self.page_request(request)
        found = tokens.session_list(shop=self.shop, caller=self.caller)
        page = Page(results=found, next=None, previous=None)
        return self.page_response(request, page, session_document)

    @action(detail=False, methods=["delete"], url_path=f"sessions/(?P<pk>{fields.UUID_PATTERN})")
    def session(self, request: Request, pk: str) -> HttpResponseBase:
        """End a session.

        Revokes one of the current user's tokens.
        """
        result = tokens.session_revoke(shop=self.shop, request=self.write_request(request), caller=self.caller, id=pk)
        return self.write_response(request, result)


def session_document(session: Session) -> dict[str, Any]:
    """Build the JSON document of a session."""
    return {
        "id": session.id,
        "created_at": session.created_at,
        "last_used_at": session.last_used_at,
        "expires_at": session.expires_at,
        "is_current": session.is_current,
    }


def _token_document(token: Token) -> dict[str, Any]:
    return {"token": token.secret, "expires_at": token.expires_at, "user": user_document(token.user)}
