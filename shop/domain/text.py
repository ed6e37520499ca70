"""Limits, normalization and comparison of text."""

import re
import unicodedata

MAX_SHORT_CHARS, MAX_REASON_CHARS, MAX_LONG_CHARS = 200, 500, 10_000
#: No function of this module processes more characters.
MAX_TEXT_CHARS = 10_000
#: UAX #15's stream-safe text format. Putting marks into their canonical order costs the square of their number, and
#: CPython holds the GIL meanwhile.
MAX_MARKS_IN_A_ROW = 30
#: Words are indexed and searched by prefixes of at most this length.
MAX_PREFIX_CHARS = 24

# Cc: control characters, Cs: lone surrogates. A description may have lines.
_FORBIDDEN = frozenset({"Cc", "Cs"})
_LINES = frozenset("\n\r\t")
# Spaces, marks without a letter, format characters such as U+200B, and what Unicode has not assigned.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Cs", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters and a symbol without a glyph: the Hangul fillers and the empty Braille pattern.
_BLANK = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_WORD = re.compile(r"[^\W_]+")
# No character below it is a mark.
_FIRST_MARK = "\u0300"
# Of combining class 0 themselves, but decomposed into marks.
_DECOMPOSED_INTO_MARKS = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")


class UnusableText(ValueError):
    """The text is too long, or has too many combining marks in a row. The message says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def refuse_unbounded(text: str, max_chars: int = MAX_TEXT_CHARS) -> None:
    """Refuse a text that is too long or has too many marks in a row, at a cost linear in `max_chars`.

    Raises:
        UnusableText: with code "max-length" or "combining-marks".
    """
    _refuse_long(text, min(max_chars, MAX_TEXT_CHARS))
    if max(text, default="") >= _FIRST_MARK and _has_many_marks(text):
        raise UnusableText("combining-marks", f"Use at most {MAX_MARKS_IN_A_ROW} combining marks in a row.")


def normalize(text: str, max_chars: int = MAX_TEXT_CHARS) -> str:
    """Normalize to NFC, so that texts that look equal are stored equal.

    Raises:
        UnusableText: longer than `max_chars`, before or after, or too many combining marks in a row.
    """
    refuse_unbounded(text, max_chars)
    composed = unicodedata.normalize("NFC", text)
    # A few letters and marks become several.
    refuse_unbounded(composed, max_chars)
    return composed


def is_clean(text: str, *, lines: bool = False) -> bool:
    """Whether the text has neither control characters nor lone surrogates; `lines` lets line breaks and tabs pass.

    Raises:
        UnusableText: too long.
    """
    _refuse_long(text, MAX_TEXT_CHARS)
    if text.isascii() and text.isprintable():
        return True
    return not any(unicodedata.category(letter) in _FORBIDDEN and not (lines and letter in _LINES) for letter in text)


def is_visible(text: str) -> bool:
    """Whether the text has a character that shows.

    Raises:
        UnusableText: too long.
    """
    _refuse_long(text, MAX_TEXT_CHARS)
    return any(unicodedata.category(letter) not in _INVISIBLE and letter not in _BLANK for letter in text)


def fold(text: str) -> str:
    """Fold for search and sorting: without case, accents and compatibility forms.

    Raises:
        UnusableText.
    """
    refuse_unbounded(text)
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFKD", "".join(c for c in decomposed if not unicodedata.combining(c)).casefold())


def fold_case(text: str) -> str:
    """Fold case and compatibility forms, and leave accents.

    Raises:
        UnusableText.
    """
    refuse_unbounded(text)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def words(text: str) -> frozenset[str]:
    """Return the folded words of a text, each cut to MAX_PREFIX_CHARS."""
    return frozenset(word[:MAX_PREFIX_CHARS] for word in _WORD.findall(fold(text)))


def prefixes(words: frozenset[str]) -> frozenset[str]:
    """Return all prefixes of all words."""
    return frozenset(word[:length] for word in words for length in range(1, len(word) + 1))


def _refuse_long(text: str, max_chars: int) -> None:
    if len(text) > max_chars:
        raise UnusableText("max-length", f"Use at most {max_chars} characters.")


def _has_many_marks(text: str) -> bool:
    marks = 0
    for letter in text:
        marks = marks + 1 if unicodedata.combining(letter) or letter in _DECOMPOSED_INTO_MARKS else 0
        if marks > MAX_MARKS_IN_A_ROW:
            return True
    return False
