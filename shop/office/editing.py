"""Edit a record: its page with the form, what saves the form and what deletes the record, in the version shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api.parsing import Body
from shop.api.viewsets import ShopViewSet
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, PreconditionFailed
from shop.domain.ports import Shop
from shop.office import forms
from shop.office.frame import page
from shop.office.history import last_entry
from shop.office.notices import done


class Versioned(Protocol):
    """A record with a version, which each edit raises."""

    @property
    def version(self) -> int: ...


R = TypeVar("R", bound=Versioned)


@dataclass(frozen=True, kw_only=True, slots=True)
class Editor(Generic[R]):
    """How records of one kind are edited. The pages are the same for every kind.

    `kind` is the audit's name of it, `name` the template's. The URLs are `url`, a list, and `url`-detail, by the key
    `pk`. `load` raises NotFound. The body of the operation `update` of `viewset` has the fields of the form, `document`
    their present values, and `context` what else the page shows.
    """

    kind: str
    name: str
    url: str
    template: str
    viewset: type[ShopViewSet]
    load: Callable[[Shop, str], R]
    key: Callable[[R], str]
    document: Callable[[R], Mapping[str, Any]]
    context: Callable[[R], Mapping[str, Any]] = lambda _: {}

    def show(self, request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
        """Return the page of a record. Raises: NotFound."""
        record = self.load(bootstrap.get_shop(), pk)
        return self._page(request, caller, record, forms.controls(self._body(), self.document(record)))

    def save(
        self,
        request: HttpRequest,
        caller: Caller,
        pk: str,
        write: Callable[[WriteRequest, int, Mapping[str, Any]], WriteResult[R]],
        *,
        action: str = "update",
        notice: str,
    ) -> HttpResponseBase:
        """Save a form with the fields of `action` by `write`, which gets the request, the version that the form was
        filled in for, and the values; show the form again where it is refused, or where the record has changed since.

        Raises:
            NotFound, and what `write` raises, but Invalid and PreconditionFailed.
        """
        body = forms.body_of(self.viewset, action)
        version, write_request = forms.form_version(request), forms.form_write(request, caller)
        try:
            result = write(write_request, version, forms.form_values(request, body))
        except Invalid as error:
            return self.refused(request, caller, pk, error, body=body)
        except PreconditionFailed as error:
            return self._stale(request, caller, pk, error)
        forms.note_replay(request, result)
        return done(notice, f"{self.url}-detail", pk=self.key(result.value))

    def refused(
        self,
        request: HttpRequest,
        caller: Caller,
        pk: str,
        error: Invalid,
        *,
        body: Body | None = None,
        status: int = 400,
    ) -> HttpResponse:
        """Show the form with what was sent, for the version that it was filled in for. Raises: NotFound."""
        shown, context = forms.refused_edit(request, body or self._body(), error)
        return self._page(request, caller, self.load(bootstrap.get_shop(), pk), shown, context, status=status)

    def delete(
        self,
        request: HttpRequest,
        caller: Caller,
        pk: str,
        write: Callable[[WriteRequest, int], WriteResult[None]],
        *,
        template: str,
        notice: str,
    ) -> HttpResponseBase:
        """Ask whether to delete a record, or do so by `write`, in the version that was shown. Raises: NotFound."""
        shop = bootstrap.get_shop()
        if request.method != "POST":
            return page(request, caller, template, {self.name: self.load(shop, pk)})
        version, write_request = forms.form_version(request), forms.form_write(request, caller)
        try:
            result = write(write_request, version)
        except PreconditionFailed as error:
            forms.note_replay(request, error)
            context = {self.name: self.load(shop, pk), "is_stale": True}
            return page(request, caller, template, context, status=412)
        forms.note_replay(request, result)
        return done(notice, self.url)

    def _body(self) -> Body:
        return forms.body_of(self.viewset, "update")

    def _stale(self, request: HttpRequest, caller: Caller, pk: str, error: PreconditionFailed) -> HttpResponse:
        """Show the form with what was sent and with what another edit has saved meanwhile, for the present version."""
        record = self.load(bootstrap.get_shop(), pk)
        forms.note_replay(request, error)
        present = self.document(record)
        # A form of fewer fields leaves the others as they are.
        shown = forms.controls(self._body(), {**present, **forms.sent_values(request)}, present=present)
        context = {"is_stale": True, "last_entry": last_entry(self.kind, self.key(record))}
        return self._page(request, caller, record, shown, context, status=412)

    def _page(
        self,
        request: HttpRequest,
        caller: Caller,
        record: R,
        controls: list[forms.Control],
        more: Mapping[str, Any] | None = None,
        status: int = 200,
    ) -> HttpResponse:
        context = {self.name: record, "controls": controls, "version": record.version, **self.context(record)}
        return page(request, caller, self.template, {**context, **(more or {})}, status=status)
