"""A browser of the back office: it shows pages, fills in their forms and sends them."""

from collections.abc import Mapping
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.test import Client

from shop.domain.users import User
from tests.samples import PASSWORD

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

FORM = "application/x-www-form-urlencoded"
HTMX = {"HX-Request": "true", "Accept": "*/*"}


class _Forms(HTMLParser):
    """The fields of each form that sends a POST, by the path that it is sent to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._fields: dict[str, str] = {}
        self._tag, self._name = "", ""
        self._is_chosen = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            if values.get("method") == "post":
                self.forms[values["action"]] = self._fields
        elif tag == "input" and "name" in values:
            self._fields[values["name"]] = values.get("value", "")
        elif tag in ("select", "textarea"):
            self._tag, self._name = tag, values["name"]
            self._fields[self._name], self._is_chosen = "", False
        elif tag == "option" and self._tag and not self._is_chosen:
            self._choose(values)

    def _choose(self, option: dict[str, str]) -> None:
        """Take the selected option, the first one where there is none."""
        self._is_chosen = "selected" in option
        if self._is_chosen or not self._fields[self._name]:
            self._fields[self._name] = option["value"]

    def handle_endtag(self, tag: str) -> None:
        if tag in ("select", "textarea"):
            self._tag = ""

    def handle_data(self, data: str) -> None:
        if self._tag == "textarea":
            # HTML drops the first line break of a text area.
            self._fields[self._name] += data.removeprefix("\n")


class OfficeBrowser:
    """Sends forms as a page has them, with its hidden fields."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def signed_in(self, user: User) -> "OfficeBrowser":
        """Sign in by the form of the site."""
        login = "/api/login/"
        response = self.send(login, {**self.form(login, login), "email": user.email, "password": PASSWORD})
        assert response.status_code == 302
        return self

    def get(self, path: str, **headers: str) -> "Response":
        return self.client.get(path, headers={"Accept": "text/html", **headers})

    def text(self, path: str) -> str:
        """The HTML of a page that there is."""
        response = self.get(path)
        assert response.status_code == 200, response.content
        return response.content.decode()

    def form(self, path: str, action: str = "") -> dict[str, str]:
        """The fields of a form on the page, as they are filled in."""
        return _Forms(self.text(path)).forms[action or path]

    def forms_of(self, response: "Response") -> dict[str, dict[str, str]]:
        """The fields of each form of an answer, by the path that it is sent to."""
        return _Forms(response.content.decode()).forms

    def send(self, path: str, fields: Mapping[str, str], **headers: str) -> "Response":
        return self.client.post(path, urlencode(fields), FORM, headers={"Accept": "text/html", **headers})

    def submit(self, path: str, **changes: str) -> "Response":
        """Open a page, change its form and send it."""
        return self.send(path, {**self.form(path), **changes})
