"""The context of a page of the browsable API: the request and its response, what it says, and what can be done next."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from exactly_once.errors import Unavailable
from shop.api.authentication import caller_of
from shop.api.browsable.forms import Form, FormMaker, Refused, new_key
from shop.api.browsable.json_text import json_text
from shop.api.browsable.labels import description_of, label_of, summary_of
from shop.api.browsable.lists import filter_form
from shop.api.browsable.navigation import breadcrumbs, collections, curl_line, overview
from shop.api.browsable.tables import Representation
from shop.api.context import context_of
from shop.api.operations import Operation
from shop.api.rate_limits import headers_of
from shop.api.rendering import as_data
from shop.domain.callers import Caller

#: Names of a problem document that a page shows in other places than among its other members.
_PROBLEM_NAMES = frozenset({"type", "title", "status", "detail", "instance", "code", "errors"})
#: What a person does where what was sent may have taken effect already, now or when it was sent before. A form with a
#: new key would do it twice; a reload sends the same body and key.
_RELOAD = "Reload this page to send the same once more: it takes effect once."
_LOOK = "Look whether it took effect before you send it again."
_TITLES = ("name", "email", "sku", "operation", "id")


def page_context(data: Any, *, view: Any, request: Request, response: Response, **_: Any) -> dict[str, Any]:
    """Return the context of a page of any view of the API."""
    caller = _caller_of(request)
    body = None if data is None else as_data(data)
    content, chars_left_out = ("", 0) if body is None else json_text(body)
    return {
        **_request_context(request, response),
        "section": "api",
        "viewer": caller,
        # The caller was looked up: a cookie alone says less.
        "is_signed_in": False,
        "collections": collections(caller, request.path),
        "json": content,
        "chars_left_out": chars_left_out,
        "is_write": request._request.method not in ("GET", "HEAD"),
        **(_resource_context(body, view, request, response, caller) if hasattr(view, "operations") else _root(caller)),
    }


def _request_context(request: Request, response: Response) -> dict[str, Any]:
    """What was asked and answered, without the body."""
    context = context_of(request._request)
    headers = {**dict(response.items()), **headers_of(context), "X-Request-ID": context.request_id}
    headers["Content-Type"] = "application/problem+json" if response.status_code >= 400 else "application/json"
    return {
        "method": request.method,
        "path": request._request.get_full_path(),
        "status": f"{response.status_code} {response.status_text}",
        "tone": _tone(response.status_code),
        "headers": sorted(headers.items()),
        "is_replay": "Idempotent-Replayed" in response,
    }


def _root(caller: Caller | None) -> dict[str, Any]:
    return {"title": "API", "lead": "Everything that this shop serves.", "overview": overview(caller)}


def _resource_context(
    body: Any, view: Any, request: Request, response: Response, caller: Caller | None
) -> dict[str, Any]:
    is_problem = response.status_code >= 400
    maker = _form_maker(body if is_problem else None, view, request, caller)
    advice = _advice(body, view) if is_problem and _may_be_done(body, request) else ""
    forms, actions = ((), ()) if advice else _forms(maker, view, request, response)
    title = _title(view, None if is_problem else body)
    return {
        "title": title,
        "lead": _lead(view),
        "breadcrumbs": breadcrumbs(view, request.path, title, caller),
        "forms": forms,
        "actions": actions,
        "buy": _buy(maker, view, caller),
        "advice": advice,
        "needs_login": caller is None,
        "curl": curl_line(view, request._request),
        **(_problem(body) if is_problem else _representation(body, view, request)),
        "filters": _filters(body if is_problem else None, view, request),
    }


def _caller_of(request: Request) -> Caller | None:
    """Authenticate the caller of a public operation too: the forms on its page depend on the role."""
    try:
        return caller_of(request)
    except (APIException, Unavailable):
        request._not_authenticated()  # type: ignore[attr-defined]
        return None


def _form_maker(problem: Any, view: Any, request: Request, caller: Caller | None) -> FormMaker:
    present = None if view.form_instance is None else as_data(view.form_instance)
    refused = None
    if problem and view.form_data is not None and view.action:
        errors = _errors(problem)
        message = "" if errors else str(problem.get("detail", ""))
        refused = Refused(action=view.action, sent=view.form_data, errors=errors, message=message)
    return FormMaker(view=view, caller=caller, path=request.path, present=present, etag=view.form_etag, refused=refused)


def _forms(maker: FormMaker, view: Any, request: Request, response: Response) -> tuple[Sequence[Form], Sequence[Form]]:
    """The forms of this address, and those of the actions on the resource."""
    is_gone = request.method == "DELETE" and response.status_code < 300
    # Who may not see a list, such as that of carts, may add to it.
    is_missing = response.status_code in (401, 404) or (response.status_code == 403 and view.action != "list")
    if is_gone or (is_missing and maker.refused is None):
        return (), ()
    if maker.present is not None and (view.detail or view.action in ("me", "by_sku")):
        # At the address of an action, both have its form.
        return (), [*{form.action: form for form in (*maker.actions(), *maker.here())}.values()]
    if maker.refused is not None:
        # The others have neither the resource nor its version: sent blank, they would overwrite what is there.
        return [form for form in maker.here() if form.is_open], ()
    return list(maker.here()), ()


def _may_be_done(problem: Mapping[str, Any], request: Request) -> bool:
    """Whether the write, or an earlier one by the same form, may have taken effect although it was answered so."""
    if request._request.method in ("GET", "HEAD"):
        return False
    # A write that is sent once more, after its outcome was unknown, may also meet a rate limit or a store that is down.
    return problem["status"] >= 500 or problem["code"] in ("rate-limited", "idempotency-key-reused")


def _advice(problem: Mapping[str, Any], view: Any) -> str:
    """What a person does in the place of filling in a form again."""
    operation: Operation = view.operation
    return _RELOAD if operation.uses_key and problem["code"] != "idempotency-key-reused" else _LOOK


def _buy(maker: FormMaker, view: Any, caller: Caller | None) -> Mapping[str, str] | None:
    """What the form has that buys the product of the page, where the caller may."""
    product = maker.present or {}
    if view.basename != "products" or product.get("is_sold", True) or caller is None or caller.role is None:
        return None
    return {"sku": product["sku"], "key": new_key()}


def _errors(problem: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
    """The messages of the field errors, by pointer."""
    errors: dict[str, list[str]] = {}
    for each in problem.get("errors", ()):
        errors.setdefault(each["pointer"], []).append(each["detail"])
    return errors


def _problem(problem: Mapping[str, Any]) -> dict[str, Any]:
    members = {name: value for name, value in problem.items() if name not in _PROBLEM_NAMES}
    return {"problem": problem, "facts": Representation("problem", "", None).facts(members)}


def _representation(body: Any, view: Any, request: Request) -> dict[str, Any]:
    if body is None:
        return {}
    operation: Operation = view.operation
    shown = Representation(view.basename, view.action or "", operation.response)
    if operation.is_page:
        return {"table": shown.table(body["results"]), "next": body["next"], "previous": body["previous"]}
    return {"facts": shown.facts(body)}


def _filters(problem: Any, view: Any, request: Request) -> Any:
    operation: Operation = view.operation
    if not (operation.is_page and operation.parameters):
        return None
    return filter_form(operation.parameters, request._request.GET, _errors(problem) if problem else {})


def _title(view: Any, body: Any) -> str:
    """The name of a resource, of a collection, or of the operation that the page is for."""
    if view.action == "list":
        return label_of(view.basename)
    if view.action in ("retrieve", "by_sku", "update", "partial_update", "create") and isinstance(body, Mapping):
        named = next((str(body[name]) for name in _TITLES if body.get(name)), "")
        return named or label_of(view.basename)
    action = view.action or next(iter(view.action_map.values()))
    return summary_of(view, action)[0]


def _lead(view: Any) -> str:
    if view.action == "list":
        return description_of(view.basename)
    return "" if view.action else summary_of(view, next(iter(view.action_map.values())))[1]


def _tone(status: int) -> str:
    return "ok" if status < 300 else "warn" if status in (401, 403, 404, 409, 412, 429) else "bad"
