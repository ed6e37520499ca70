"""Users in the back office: who they are, their role, and their erasure."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api.parsing import Body
from shop.api.rate_limits import of_passwords
from shop.api.users import UserViewSet, user_document
from shop.domain.callers import Caller, Role
from shop.domain.errors import EmailTaken, Invalid, LastStaff, PreconditionFailed
from shop.domain.users import User
from shop.office import forms
from shop.office.editing import Editor
from shop.office.frame import is_fragment, office_view, page
from shop.office.history import history_page
from shop.office.lists import list_request, listing, refused_listing
from shop.office.notices import done
from shop.services import users as services
from shop.services.reauthentication import Confirm, password_check
from shop.services.users import UserChange

KIND = "user"
_LIST = UserViewSet.operations["list"].parameters
EDITOR = Editor(
    kind=KIND,
    name="user",
    url="office-users",
    template="office/user.html",
    viewset=UserViewSet,
    load=lambda shop, pk: services.user_get(shop=shop, id=pk),
    key=lambda user: user.id,
    document=user_document,
)
_LAST_STAFF = "This is the last user with the role staff: give another user this role first."


@office_view("GET", "HEAD")
def users(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List users, newest first, by the beginning of their email address."""
    try:
        query = list_request(request, _LIST)
        found = services.user_list(
            shop=bootstrap.get_shop(),
            search=query.filters.get("search", ""),
            size=query.size,
            position=query.position,
        )
        shown, status = listing(request, found, user_document), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    template = "office/users_results.html" if is_fragment(request) else "office/users.html"
    return page(request, caller, template, {"listing": shown}, status=status)


@office_view("GET", "HEAD", "POST")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show a user, or save name and email. Another email needs the password of the caller."""
    if request.method != "POST":
        return EDITOR.show(request, caller, pk)

    def update(write: WriteRequest, version: int, values: Mapping[str, Any]) -> WriteResult[User]:
        changes = dict(values)
        confirm = _confirmation(request, write, caller, changes)
        return services.user_update(
            shop=bootstrap.get_shop(),
            request=write,
            id=pk,
            change=lambda _: UserChange(**changes),
            if_match=version,
            confirm=confirm,
        )

    try:
        return EDITOR.save(request, caller, pk, update, notice="user-updated")
    except EmailTaken as error:
        refusal = forms.refused(request, error, "email", "Another user has this email address.")
        return EDITOR.refused(request, caller, pk, refusal, status=409)


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what was done to a user's account, and by whom."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def role(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show the form for the role of a user, or set it with the password of the caller."""
    body, shop = forms.body_of(UserViewSet, "role"), bootstrap.get_shop()
    if request.method != "POST":
        return _password_form(request, caller, pk, "role", body)
    write = forms.form_write(request, caller)
    try:
        values = forms.form_values(request, body)
        confirm = _confirmation(request, write, caller, values)
        result = services.user_set_role(shop=shop, request=write, id=pk, role=Role(values["role"]), confirm=confirm)
    except Invalid as error:
        return _password_form(request, caller, pk, "role", body, error, status=400)
    except LastStaff as error:
        refusal = forms.refused(request, error, "role", _LAST_STAFF)
        return _password_form(request, caller, pk, "role", body, refusal, status=409)
    forms.note_replay(request, result)
    return done("user-role-set", "office-users-detail", pk=pk)


@office_view("GET", "HEAD", "POST")
def erase(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to erase a user, or do so in the version that was shown, with the password of the caller."""
    body, shop = forms.body_of(UserViewSet, "destroy"), bootstrap.get_shop()
    if request.method != "POST":
        return _password_form(request, caller, pk, "erase", body)
    version, write = forms.form_version(request), forms.form_write(request, caller)
    try:
        confirm = _confirmation(request, write, caller, forms.form_values(request, body))
        result = services.user_delete(shop=shop, request=write, id=pk, if_match=version, confirm=confirm)
    except Invalid as error:
        return _password_form(request, caller, pk, "erase", body, error, status=400)
    except LastStaff as error:
        refusal = forms.refused(request, error, "", _LAST_STAFF)
        return _password_form(request, caller, pk, "erase", body, refusal, status=409)
    except PreconditionFailed as error:
        refusal = forms.refused(request, error, "", "The user has changed meanwhile. Look again, then decide.")
        return _password_form(request, caller, pk, "erase", body, refusal, status=412)
    forms.note_replay(request, result)
    return done("user-erased", "office-users")


def _confirmation(request: HttpRequest, write: WriteRequest, caller: Caller, values: dict[str, Any]) -> Confirm:
    """Take the caller's password from the values, and return its check, which the services run."""
    return password_check(
        shop=bootstrap.get_shop(),
        request=write,
        caller=caller,
        password=values.pop("current_password", None),
        limits=of_passwords(request),
    )


def _password_form(
    request: HttpRequest,
    caller: Caller,
    pk: str,
    name: str,
    body: Body,
    error: Invalid | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Show the form of an operation that needs the password of the caller."""
    user = services.user_get(shop=bootstrap.get_shop(), id=pk)
    values = forms.sent_values(request) if error else {"role": user.role}
    errors = error.errors if error else ()
    context = {
        "user": user,
        "controls": forms.controls(body, values, errors),
        "errors": [*forms.other_errors(body, errors)],
        "version": user.version,
    }
    return page(request, caller, f"office/user_{name}.html", context, status=status)
