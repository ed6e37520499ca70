"""The forms of a page: one for each operation that its caller may carry out there, by the table of operations."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.http import QueryDict
from django.urls import NoReverseMatch, reverse
from rest_framework.exceptions import NotAuthenticated, NotFound, PermissionDenied

from shop.api.access import ACCESS, admit
from shop.api.browsable.controls import Control, Errors, Values, body_controls
from shop.api.browsable.json_text import indented
from shop.api.browsable.labels import button_of, summary_of
from shop.api.fields import Password
from shop.api.form_values import IDEMPOTENCY_KEY, IF_MATCH, JSON_TEXT, METHOD
from shop.api.operations import Operation
from shop.api.parsing import Body
from shop.domain.callers import Caller
from shop.domain.purchases import TRANSITIONS, Status, stage
from shop.domain.returns import RETURN_TRANSITIONS, RETURNABLE, ReturnStatus

#: Bytes of randomness of an Idempotency-Key.
KEY_BYTES = 18

#: Operations that cannot be undone.
_DANGEROUS = frozenset({"cancel", "refund", "refunds", "refuse", "destroy", "session", "logout_all", "roll"})
_STATUS_AFTER: Mapping[str, StrEnum] = {
    "begin_payment": Status.PAID,
    "pay": Status.PAID,
    "ship": Status.SHIPPED,
    "deliver": Status.DELIVERED,
    "cancel": Status.CANCELLED,
    "refund": Status.REFUNDED,
    "refunds": Status.REFUNDED,
    "approve": ReturnStatus.APPROVED,
    "receive": ReturnStatus.RECEIVED,
    "refuse": ReturnStatus.REFUSED,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The form of an operation. `hidden` are the values of its hidden controls, `json` is the same body as JSON."""

    id: str
    url: str
    action: str
    method: str
    title: str
    description: str
    controls: Sequence[Control]
    hidden: Mapping[str, str]
    json: str = ""
    message: str = ""
    is_danger: bool = False
    is_open: bool = False
    is_json_open: bool = False

    @property
    def button(self) -> str:
        """The label on the page of the resource."""
        return button_of(self.title)

    @property
    def is_confirmation(self) -> bool:
        """Whether the form only asks whether to do it."""
        return not self.controls

    @property
    def json_methods(self) -> Sequence[str]:
        """The methods to choose from where JSON is sent."""
        return ("PUT", "PATCH") if self.method == "PUT" else (self.method,)


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """A form that was refused: the operation, what was sent, and why."""

    action: str
    sent: QueryDict
    errors: Errors
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class FormMaker:
    """Makes the forms of one page. `present` is the resource on it, `etag` the one that an edit requires."""

    view: Any
    caller: Caller | None
    path: str
    present: Mapping[str, Any] | None = None
    etag: str | None = None
    refused: Refused | None = None

    def here(self) -> Iterator[Form]:
        """Yield the forms of the address of the page."""
        edit = "put" if "put" in self.view.action_map else "patch"
        for method in ("post", edit, "delete"):
            action = self.view.action_map.get(method)
            if action and self._has_version(action, method) and self._admits(action) and self._is_possible(action):
                yield self.form(action, method.upper(), self.path)

    def actions(self) -> Iterator[Form]:
        """Yield the forms of the actions on the resource of the page, which have addresses of their own."""
        for extra in self.view.get_extra_actions():
            method = "put" if "put" in extra.mapping else "post"
            name = dict(extra.mapping).get(method)
            if name and self._is_of_the_resource(extra) and self._admits(name) and self._is_possible(name):
                yield self.form(name, method.upper(), self._url_of(extra))

    def form(self, action: str, method: str, url: str) -> Form:
        """Return the form of an operation."""
        operation: Operation = self.view.operations[action]
        title, description = summary_of(self.view, action)
        refused = self.refused if self.refused and self.refused.action in _same_form(action) else None
        sent = refused.sent if refused and JSON_TEXT not in refused.sent else None
        name = f"{action.replace('_', '-')}-form"
        values = Values(sent, self.present if method in ("PUT", "PATCH") else None)
        errors = refused.errors if refused else {}
        controls = list(body_controls(name, operation.body, values, errors)) if operation.body else []
        return Form(
            id=name,
            url=url,
            action=action,
            method=method,
            title=title,
            description=description,
            controls=controls,
            hidden=self._hidden(operation, method, refused),
            json=self._json(operation.body, method, refused),
            message=refused.message if refused else "",
            is_danger=action in _DANGEROUS,
            is_open=refused is not None,
            is_json_open=refused is not None and sent is None,
        )

    def _hidden(self, operation: Operation, method: str, refused: Refused | None) -> Mapping[str, str]:
        hidden = {} if method == "POST" else {METHOD: method}
        if operation.uses_key:
            # A new one for each page: that of a form that was refused may have an outcome already. A page has no form
            # where that outcome may be that it was done.
            hidden[IDEMPOTENCY_KEY] = new_key()
        etag = refused.sent.get(IF_MATCH) if refused else self.etag
        if method in ("PUT", "DELETE") and operation.has_etag and etag:
            hidden[IF_MATCH] = etag
        return hidden

    def _json(self, body: Body | None, method: str, refused: Refused | None) -> str:
        if body is None:
            return ""
        if refused and JSON_TEXT in refused.sent and not _has_password(body):
            return str(refused.sent[JSON_TEXT])
        present = self.present if method == "PUT" and self.present else {}
        fields = body.writable_fields.items()
        return indented({name: present.get(name, field.get_initial()) for name, field in fields if _is_shown(field)})

    def _admits(self, action: str) -> bool:
        """Whether the caller may carry it out; the forms of the public too are for those who are signed in alone."""
        try:
            admit(ACCESS[f"{self.view.basename}_{action}"], self.caller, self.view.owner)
        except (NotAuthenticated, PermissionDenied, NotFound):
            return False
        return self.caller is not None

    def _has_version(self, action: str, method: str) -> bool:
        """Whether an edit can name the version that it is of. The page of an error says none."""
        is_edit = method != "post" and self.view.operations[action].has_etag
        return not is_edit or self.etag is not None or self.refused is not None

    def _is_possible(self, action: str) -> bool:
        """Whether the resource admits the action in its present state."""
        target, present = _STATUS_AFTER.get(action), self.present or {}
        if action == "request_return":
            return _stage(present) in RETURNABLE
        return target is None or "status" not in present or target in _next_statuses(present)

    def _is_of_the_resource(self, extra: Any) -> bool:
        if extra.detail:
            # What is below an id of another resource has an address of its own, with its form.
            return "(?P<" not in extra.url_path
        return bool(self.view.action == "me" and extra.url_path.startswith("me/"))

    def _url_of(self, extra: Any) -> str:
        id = self.view.kwargs.get("pk") or (self.present or {}).get("id")
        arguments = {"pk": id} if extra.detail else {}
        try:
            return reverse(f"{self.view.basename}-{extra.url_name}", kwargs=arguments)
        except NoReverseMatch:
            return self.path


def _stage(purchase: Mapping[str, Any]) -> Status:
    return stage([Status(event["status"]) for event in purchase["history"]])


def _next_statuses(present: Mapping[str, Any]) -> Sequence[StrEnum]:
    """The statuses that may follow that of a purchase, which has a history, or of a return."""
    if "history" in present:
        return TRANSITIONS[_stage(present)]
    return RETURN_TRANSITIONS[ReturnStatus(present["status"])]


def new_key() -> str:
    """Return a new Idempotency-Key."""
    return secrets.token_urlsafe(KEY_BYTES)


def _same_form(action: str) -> Sequence[str]:
    """The operations that have one form: it may be sent as JSON with PATCH."""
    return ("update", "partial_update") if action == "update" else (action,)


def _has_password(body: Body) -> bool:
    """Whether what was sent for it is not repeated: a password may be in it, under a misspelt name too."""
    return any(isinstance(field, Password) for field in body.writable_fields.values())


def _is_shown(field: Any) -> bool:
    return bool(field.required) or field.get_initial() not in (None, "", [])
