"""Signing in and out in a browser: a form of our own, and the token in a cookie that no script can read."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from exactly_once.errors import Unavailable
from shop import bootstrap
from shop.api.authentication import COOKIE, caller_by_cookie
from shop.api.errors import answer
from shop.api.methods import only
from shop.api.users import CredentialsBody
from shop.api.writes import write_request
from shop.domain import text
from shop.domain.errors import Invalid, InvalidCredentials
from shop.domain.users import Token
from shop.services.users import token_issue, token_revoke

#: What a browser sends. Of a multipart form nothing would be left to tell it from another by.
FORM = "application/x-www-form-urlencoded"
HOME = "/api/v1/"
MAX_NEXT_CHARS = 2_000
_CREDENTIALS = CredentialsBody()


@only("GET", "HEAD", "POST")
def log_in(request: HttpRequest) -> HttpResponse:
    """The form, or what became of it: the page that was wanted, with the cookie."""
    if request.method != "POST":
        return _form(request, status=200)
    if request.content_type != FORM:
        return answer(request, "unsupported-media-type")
    try:
        credentials = _CREDENTIALS.parsed({name: request.POST.get(name, "") for name in ("email", "password")})
        token = token_issue(shop=bootstrap.get_shop(), request=write_request(request, None, keyed=False), **credentials)
    except Invalid as error:
        return _form(request, status=400, fault=_sentences(error))
    except InvalidCredentials:
        return _form(request, status=401, fault="The email and the password do not belong together.")
    except Unavailable:
        return _form(request, status=503, fault="The store cannot answer now. Please try again.")
    return _with_cookie(request, token)


@only("POST")
def log_out(request: HttpRequest) -> HttpResponse:
    """Back to the start, without the cookie, its token revoked."""
    if request.content_type != FORM:
        return answer(request, "unsupported-media-type")
    caller = caller_by_cookie(request)
    if caller is not None:
        token_revoke(shop=bootstrap.get_shop(), request=write_request(request, caller, keyed=False), caller=caller)
    response = HttpResponseRedirect(HOME)
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def _sentences(error: Invalid) -> str:
    """What is wrong with each field, its name first."""
    return " ".join(f"{fault.pointer.lstrip('/').capitalize()}: {fault.detail}" for fault in error.errors)


def _form(request: HttpRequest, *, status: int, fault: str = "") -> HttpResponse:
    context = {"next": _next(request), "email": request.POST.get("email", "")[: text.SHORT], "fault": fault}
    return render(request, "shop/login.html", context, status=status)


def _with_cookie(request: HttpRequest, token: Token) -> HttpResponse:
    response = HttpResponseRedirect(_next(request))
    response.set_cookie(
        COOKIE,
        token.secret,
        max_age=token.expires_at - bootstrap.get_shop().clock.now(),
        httponly=True,
        samesite="Lax",
        secure=request.is_secure(),
    )
    return response


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or HOME
    if len(wanted) > MAX_NEXT_CHARS or not wanted.isascii():
        # Splitting a URL normalises its host.
        return HOME
    return wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}) else HOME
