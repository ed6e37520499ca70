"""JSON as HTML: indented, with a span for each kind of token."""

import re
from typing import Any

import orjson
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from shop.api.rendering import JSONRenderer

#: Characters that are highlighted, and that are shown at all: a page of 100 purchases may have half a million.
MAX_HIGHLIGHTED_CHARS, MAX_SHOWN_CHARS = 24_000, 100_000

_INDENTED = {"indent": 2}
_TOKEN = re.compile(
    r'(?P<key>"(?:[^"\\]|\\.)*")(?=:)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>true|false|null)|(?P<number>-?\d[\d.eE+-]*)'
)


def json_text(data: Any) -> tuple[SafeString, int]:
    """Return the JSON of a body as HTML, and how many of its characters are left out at its end."""
    raw = JSONRenderer().render(data, renderer_context=_INDENTED).decode()
    shown = raw[:MAX_SHOWN_CHARS]
    return highlighted(shown), len(raw) - len(shown)


def indented(data: Any) -> str:
    """Return the JSON of a value for a text field."""
    return orjson.dumps(data, option=orjson.OPT_INDENT_2).decode()


def highlighted(text: str) -> SafeString:
    """Return the text as HTML. Tokens behind the last whole line of MAX_HIGHLIGHTED_CHARS have no span."""
    parts, end = [], 0
    for match in _TOKEN.finditer(text, 0, _highlighted_chars(text)):
        parts.append((text[end : match.start()], match.lastgroup, match[0]))
        end = match.end()
    tokens = format_html_join("", '{}<span class="json-{}">{}</span>', parts)
    return format_html("{}{}", tokens, text[end:])


def _highlighted_chars(text: str) -> int:
    """How much of the text is highlighted: whole lines. In a string that is cut, each escaped quote could begin a
    token, and the search for its end would go on to the end of the text each time."""
    if len(text) <= MAX_HIGHLIGHTED_CHARS:
        return len(text)
    return text.rfind("\n", 0, MAX_HIGHLIGHTED_CHARS) + 1
