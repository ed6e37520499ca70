"""Problems in the back office: a page, a message on the page for htmx, or a problem document for any other client."""

from collections.abc import Mapping
from itertools import islice

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from exactly_once.errors import Refusal
from shop import telemetry
from shop.api.context import context_of
from shop.api.errors import detail_of, error_headers, problem_of, problem_response
from shop.api.limits import MAX_FIELD_ERRORS
from shop.api.middleware import record_replay
from shop.api.problem import Problem
from shop.api.problems import PROBLEMS
from shop.api.rendering import prefers_html
from shop.domain.errors import Invalid, NotFound

#: What a person does, where the remedy of the problem is for a program. A reload sends the very same form.
ADVICE: Mapping[str, str] = {
    "idempotency-key-reused": "This form was sent before with other values. Open its page again, and fill it in.",
    "outcome-unknown": (
        "The shop did not confirm what you sent: it may have taken effect. "
        "Send the same form once more (reload this page, or press its button again): it takes effect once."
    ),
    "store-unavailable": "The shop does not answer now. Nothing was changed: try again in a moment.",
}


def is_htmx(request: HttpRequest) -> bool:
    """Whether htmx sent the request, not the browser for a page."""
    return request.META.get("HTTP_HX_REQUEST") == "true"


def wants_html(request: HttpRequest) -> bool:
    """Whether the answer is for a browser. htmx accepts anything, and shows HTML."""
    return is_htmx(request) or prefers_html(request)


def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """Answer with this problem."""
    return _answer(request, PROBLEMS[code], "", {})


def error_page(request: HttpRequest, error: Exception) -> HttpResponse:
    """Answer with the problem of this error. An unforeseen one is raised again: Django logs it and answers 500."""
    problem = problem_of(error)
    if problem is None:
        raise error
    if isinstance(error, Refusal) and error.is_replay_for(context_of(request).request_id):
        record_replay(request, error.origin_request_id)
    return _answer(request, problem, message_of(error, problem), error_headers(error))


def message_of(error: Exception, problem: Problem) -> str:
    """What a person reads of an error: each field that is wrong by its name, otherwise what the API says."""
    if isinstance(error, Invalid):
        return " ".join(f"{label_of(each.pointer)}: {each.detail}" for each in islice(error.errors, MAX_FIELD_ERRORS))
    if isinstance(error, NotFound):
        return f"{error} It may have been withdrawn or erased meanwhile."
    if problem.code in ADVICE:
        return ADVICE[problem.code]
    return detail_of(error, problem) or f"{problem.meaning} {problem.remedy}"


def label_of(name: str) -> str:
    """The name of a field or parameter, or a pointer to it, as a label."""
    return name.strip("/").replace("_", " ").capitalize()


def _answer(request: HttpRequest, problem: Problem, detail: str, headers: Mapping[str, str]) -> HttpResponse:
    if not wants_html(request):
        response = problem_response(request, problem.code, detail)
    else:
        response = _html(request, problem, detail)
    for name, value in headers.items():
        response[name] = value
    return response


def _html(request: HttpRequest, problem: Problem, detail: str) -> HttpResponse:
    telemetry.problem_returned(problem.code)
    context = {"problem": problem, "detail": detail, "request_id": context_of(request).request_id, "section": "office"}
    template = "office/message.html" if is_htmx(request) else "office/problem.html"
    # The header offers to log out: a customer may have a second account, of staff.
    context |= {"viewer": getattr(request, "user", None)}
    response = render(request, template, context, status=problem.status)
    if is_htmx(request):
        response["HX-Retarget"], response["HX-Reswap"] = "#messages", "innerHTML"
    return response
