"""Headers that many responses have in common."""

from collections.abc import Mapping, Sequence

from django.http.response import HttpResponseBase, ResponseHeaders


def set_ascii(response: HttpResponseBase, name: str, value: str) -> None:
    """Set a header to a value that this code has made, of visible ASCII characters. Django would encode name and value
    to find that out. A value from outside is set by `response[name]`."""
    response.headers._store[name.lower()] = (name, value)


class FixedHeaders:
    """Headers that are checked and encoded once. Django does both for each header of each response, and looks a header
    up by an exception before it sets a missing one."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        # By lower-case name, the name and the value: Django has no public way to set several headers.
        self._stored: dict[str, tuple[str, str]] = ResponseHeaders(headers)._store

    @property
    def pairs(self) -> Sequence[tuple[str, str]]:
        """Name and value of each."""
        return tuple(self._stored.values())

    def add_missing(self, response: HttpResponseBase) -> None:
        """Set those that the response does not have."""
        headers = response.headers
        headers._store = self._stored | headers._store
        # What a server asks for. Django's own looks each name up again.
        headers.items = headers._store.values  # type: ignore[method-assign, assignment]
