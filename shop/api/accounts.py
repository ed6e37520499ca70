"""What a mail confirms, over HTTP: new passwords and registrations."""

from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.decorators import action
from rest_framework.request import Request

from exactly_once.requests import WriteResult
from shop.api import fields
from shop.api.client_address import client_network
from shop.api.examples import PASSWORD
from shop.api.operations import Operation
from shop.api.parsing import Body
from shop.api.rate_limits import of_passwords, of_registrations
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.errors import MailOff
from shop.domain.mail import Mailer
from shop.services import accounts

CHECK_YOUR_MAIL = "Check your mail. Nothing arrives within minutes? Check the address, and ask once more."
_TOKEN = f"01a196fb-1601-7000-8000-000000000001.{'x' * 43}"
_ACCEPTED = {"detail": CHECK_YOUR_MAIL}


@extend_schema_serializer(component_name="PasswordResetRequest", examples=example({"email": "ada@example.com"}))
class ResetRequestBody(Body):
    """The address of the user who needs a new password."""

    email = fields.Email()


@extend_schema_serializer(
    component_name="PasswordReset", examples=example({"token": _TOKEN, "new_password": "Tr0ubador & three"})
)
class ResetBody(Body):
    """The token of a mail, and the new password."""

    token = fields.Text()
    new_password = fields.Password()


@extend_schema_serializer(
    component_name="RegistrationConfirmation",
    examples=example({"token": f"{'0' * 40}.{'x' * 43}", "password": PASSWORD}),
)
class ConfirmationBody(Body):
    """The token of a mail, and the password of the registration."""

    token = fields.Text()
    password = fields.Password()


@extend_schema_serializer(component_name="Accepted", examples=example(_ACCEPTED))
class AcceptedResponse(fields.ResponseBody):
    """What to do next."""

    detail = fields.Text()


class PasswordResets(ShopViewSet):
    """New passwords by mail."""

    reset_operations = {
        "password_reset": Operation(
            body=ResetRequestBody(), response=AcceptedResponse, status=202, problems=("mail-off",)
        ),
        "password_reset_confirm": Operation(body=ResetBody(), status=204, problems=("mail-off",)),
    }

    @action(detail=False, methods=["post"], url_path="password-reset")
    def password_reset(self, request: Request) -> HttpResponseBase:
        """Request a password reset.

        Mails a link to the user with this address. The response and its time are the same where there is none, and
        where the address or the network has had too many mails within an hour.
        """
        values = self.parsed_body(request)
        require_mail(self.shop.mailer)
        accounts.reset_request(
            shop=self.shop,
            request=self.write_request(request),
            network=client_network(request._request),
            limit=of_registrations(request._request),
            **values,
        )
        return self.respond(request, _ACCEPTED)

    @action(detail=False, methods=["post"], url_path="password-reset/confirm")
    def password_reset_confirm(self, request: Request) -> HttpResponseBase:
        """Reset a password.

        Sets a new password by the token of a mail, and revokes all tokens of the user. A token is valid for
        30 minutes, once, and until the password or the address is changed.
        """
        values = self.parsed_body(request)
        require_mail(self.shop.mailer)
        result = accounts.reset_confirm(
            shop=self.shop, request=self.write_request(request), limits=of_passwords(request._request), **values
        )
        return self.write_response(request, result)


def begin_registration(view: ShopViewSet, request: Request, values: dict[str, Any]) -> HttpResponseBase:
    """Respond to a registration that a mail confirms."""
    result: WriteResult[None] = accounts.registration_begin(
        shop=view.shop, request=view.write_request(request), network=client_network(request._request), **values
    )
    return view.write_response(request, result, _ACCEPTED, status=202)


def require_mail(mailer: Mailer) -> None:
    """Raises: MailOff."""
    if not mailer.is_on:
        raise MailOff
