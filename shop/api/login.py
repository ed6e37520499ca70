"""Login and logout in a browser: a form, and the token in an HttpOnly cookie."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme

from exactly_once.errors import RateLimited, Unavailable
from shop import bootstrap
from shop.api.authentication import COOKIE, cookie_caller
from shop.api.errors import problem_response
from shop.api.methods import require_methods
from shop.api.rate_limits import of_passwords, retry_after_s
from shop.api.tokens import CredentialsBody
from shop.api.writes import write_request
from shop.domain import text
from shop.domain.errors import Invalid, InvalidCredentials
from shop.domain.users import Token
from shop.services.tokens import token_issue, token_revoke

#: What a browser sends. Django parses a multipart form from the stream, and leaves no body for the fingerprint.
FORM = "application/x-www-form-urlencoded"
HOME = "/api/v1/"
MAX_NEXT_CHARS = 2_000
_CREDENTIALS = CredentialsBody()


@require_methods("GET", "HEAD", "POST")
def log_in(request: HttpRequest) -> HttpResponse:
    """Show the form, or sign in and redirect to `next` with the cookie."""
    if request.method != "POST":
        return _form(request, status=200)
    if request.content_type != FORM:
        return problem_response(request, "unsupported-media-type")
    try:
        credentials = _CREDENTIALS.parse({name: request.POST.get(name, "") for name in ("email", "password")})
        token = token_issue(
            shop=bootstrap.get_shop(),
            request=write_request(request, None, uses_key=False, operation="login_post"),
            limits=of_passwords(request),
            **credentials,
        )
    except Invalid as error:
        return _form(request, status=400, message=sentences(error))
    except InvalidCredentials:
        return _form(request, status=401, message="Wrong email or password. Check both and try again.")
    except RateLimited as error:
        return _limited_form(request, retry_after_s(error.retry_after_s))
    except Unavailable:
        return _form(request, status=503, message="The store is unavailable. Please try again.")
    return _with_cookie(request, token)


@require_methods("POST")
def log_out(request: HttpRequest) -> HttpResponse:
    """Revoke the token, delete the cookie and redirect to the API root."""
    if request.content_type != FORM:
        return problem_response(request, "unsupported-media-type")
    try:
        _revoke(request)
    except RateLimited as error:
        return _limited_form(request, retry_after_s(error.retry_after_s))
    except Unavailable:
        return _form(request, status=503, message="The store is unavailable. Please try again.")
    response = HttpResponseRedirect(HOME)
    response.delete_cookie(COOKIE, samesite="Lax")
    return response


def _revoke(request: HttpRequest) -> None:
    """Revoke the token of the cookie. Raises: RateLimited, Unavailable."""
    caller = cookie_caller(request)
    if caller is not None:
        write = write_request(request, caller, uses_key=False, operation="logout_post")
        token_revoke(shop=bootstrap.get_shop(), request=write, caller=caller)


def _limited_form(request: HttpRequest, seconds: int) -> HttpResponse:
    response = _form(request, status=429, message=too_many_attempts(seconds))
    response["Retry-After"] = str(seconds)
    return response


def too_many_attempts(seconds: int) -> str:
    """What a page says where a rate limit refuses it."""
    return f"Too many attempts. Please try again in {seconds} seconds."


def sentences(error: Invalid) -> str:
    """One sentence for each field error, the name of the field first."""
    return " ".join(f"{each.pointer.lstrip('/').capitalize()}: {each.detail}" for each in error.errors)


def _form(request: HttpRequest, *, status: int, message: str = "") -> HttpResponse:
    next_url = _next(request)
    context = {
        "next": next_url,
        # The link to log in, on this page too, has the same target: it would lead back to the login otherwise.
        "next_path": next_url,
        "email": request.POST.get("email", "")[: text.MAX_SHORT_CHARS],
        "message": message,
    }
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
    url = request.POST.get("next") or request.GET.get("next") or HOME
    if len(url) > MAX_NEXT_CHARS or not url.isascii():
        # Splitting a URL normalises its host, at a cost that grows with the square of its combining marks.
        return HOME
    return url if url_has_allowed_host_and_scheme(url, {request.get_host()}) else HOME
