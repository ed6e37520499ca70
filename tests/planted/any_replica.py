"""Reads come from any replica that answers, however far it is behind."""

from exactly_once.reads import Reader

assert hasattr(Reader, "_is_recent")
Reader._is_recent = lambda *_: True  # type: ignore[method-assign]

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
