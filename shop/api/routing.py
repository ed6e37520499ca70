"""URL patterns whose matches are remembered.

Django tries the patterns one after the other and makes an object for each level of them: a quarter of a short request.
Which pattern matches depends on the shape of a path alone, that is, the path with one id in the place of every other:
the patterns match any UUID or none. So Django resolves each shape once, and a match gets the ids of its own path.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from django.urls import ResolverMatch, URLResolver
from django.urls.resolvers import RoutePattern

from shop.api.fields import UUID_PATTERN

#: Shapes that are remembered. The API has fewer; the others are of paths with a name in them.
MAX_SHAPES = 256
#: In the place of every id. A path that has it is like any other.
_ANY_ID = "00000000-0000-0000-0000-000000000000"
_ID_SEGMENT = re.compile(f"(?<=/){UUID_PATTERN}(?=/)")


class RememberingResolver(URLResolver):
    """A URLResolver for patterns that match any UUID as a segment, or none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._resolve_shape = lru_cache(MAX_SHAPES)(self._resolve)

    def resolve(self, path: str) -> ResolverMatch:
        ids = _ID_SEGMENT.findall(path)
        if not ids:
            return self._resolve_shape(path)
        return _with_ids(self._resolve_shape(_ID_SEGMENT.sub(_ANY_ID, path)), iter(ids))

    def _resolve(self, shape: str) -> ResolverMatch:
        match = super().resolve(shape)
        # Django copies it for each request. It lists the patterns that were tried before, for its debug page.
        match.tried = []
        return match


def remembering_path(route: str, included: tuple[Any, str | None, str | None]) -> RememberingResolver:
    """As `path(route, include(...))`, with matches that are remembered."""
    urls, app_name, namespace = included
    return RememberingResolver(RoutePattern(route), urls, app_name=app_name, namespace=namespace)


def _with_ids(match: ResolverMatch, ids: Iterator[str]) -> ResolverMatch:
    """Return the match with these ids in its arguments, which are in the order of the path."""
    arguments = {name: next(ids) if value == _ANY_ID else value for name, value in match.kwargs.items()}
    own = ResolverMatch.__new__(ResolverMatch)
    own.__dict__.update(match.__dict__, kwargs=arguments, captured_kwargs=arguments)
    return own
