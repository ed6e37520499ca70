"""The pages that links in mails lead to: a form each, which works without a script."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exactly_once.errors import RateLimited, Unavailable
from shop import bootstrap
from shop.api.accounts import ConfirmationBody, ResetBody, require_mail
from shop.api.errors import problem_response
from shop.api.login import FORM, sentences, too_many_attempts
from shop.api.methods import require_methods
from shop.api.parsing import Body
from shop.api.rate_limits import of_passwords, retry_after_s
from shop.api.writes import write_request
from shop.domain.errors import EmailTaken, Invalid, MailOff
from shop.services import accounts


@dataclass(frozen=True, kw_only=True, slots=True)
class MailForm:
    """A form with a token and a password. `done` is what it says where it has succeeded."""

    title: str
    url_name: str
    password: str
    autocomplete: str
    button: str
    done: str
    body: Body
    confirm: Callable[..., object]


_RESET = MailForm(
    title="Set a new password",
    url_name="password-reset",
    password="new_password",
    autocomplete="new-password",
    button="Set password",
    done="Your password is set, and you are signed out everywhere.",
    body=ResetBody(),
    confirm=accounts.reset_confirm,
)
_REGISTRATION = MailForm(
    title="Confirm your registration",
    url_name="registration",
    password="password",
    autocomplete="current-password",
    button="Confirm",
    done="Your registration is confirmed.",
    body=ConfirmationBody(),
    confirm=accounts.registration_confirm,
)


@require_methods("GET", "HEAD", "POST")
def password_reset(request: HttpRequest) -> HttpResponse:
    """Show the form for a new password, or set it."""
    return _serve(request, _RESET)


@require_methods("GET", "HEAD", "POST")
def registration(request: HttpRequest) -> HttpResponse:
    """Show the form that confirms a registration, or confirm it."""
    return _serve(request, _REGISTRATION)


def _serve(request: HttpRequest, form: MailForm) -> HttpResponse:
    try:
        require_mail(bootstrap.get_shop().mailer)
    except MailOff:
        return problem_response(request, "mail-off")
    if request.method != "POST":
        return _page(request, form, status=200)
    if request.content_type != FORM:
        return problem_response(request, "unsupported-media-type")
    return _submitted(request, form)


def _submitted(request: HttpRequest, form: MailForm) -> HttpResponse:
    try:
        values = form.body.parse({name: request.POST.get(name, "") for name in ("token", form.password)})
        write = write_request(request, None, uses_key=False, operation=f"{form.url_name}_post")
        form.confirm(shop=bootstrap.get_shop(), request=write, limits=of_passwords(request), **values)
    except Invalid as error:
        return _page(request, form, status=400, message=sentences(error))
    except EmailTaken:
        return _page(request, form, status=409, message="This address has an account already: log in.")
    except RateLimited as error:
        return _limited_page(request, form, retry_after_s(error.retry_after_s))
    except Unavailable:
        return _page(request, form, status=503, message="The store is unavailable. Please try again.")
    return _page(request, form, status=200, is_done=True)


def _limited_page(request: HttpRequest, form: MailForm, seconds: int) -> HttpResponse:
    response = _page(request, form, status=429, message=too_many_attempts(seconds))
    response["Retry-After"] = str(seconds)
    return response


def _page(request: HttpRequest, form: MailForm, *, status: int, message: str = "", **more: Any) -> HttpResponse:
    context = {"form": form, "message": message, "token": request.POST.get("token", "")[:200], **more}
    return render(request, "shop/mail_form.html", context, status=status)
