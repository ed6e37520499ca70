"""What text the shop takes, and how it compares."""

import re
import unicodedata

SHORT, REASON, LONG = 200, 500, 10_000
#: Longer words are found by their first letters.
LONGEST_EDGE = 24

# Cc: control characters, Cs: lone surrogates. A description may have lines.
_FORBIDDEN = frozenset({"Cc", "Cs"})
_LINES = frozenset("\n\r\t")
_WORD = re.compile(r"[^\W_]+")


def normalised(text: str) -> str:
    """The text in Unicode's composed form (NFC): equal to the eye is equal in the store."""
    return unicodedata.normalize("NFC", text)


def is_clean(text: str, *, lines: bool = False) -> bool:
    """Whether the text has neither control characters nor lone surrogates; `lines` lets line breaks and tabs pass."""
    if text.isascii() and text.isprintable():
        return True
    return not any(unicodedata.category(letter) in _FORBIDDEN and not (lines and letter in _LINES) for letter in text)


def folded(text: str) -> str:
    """The text as it compares: without case, accents and compatibility forms."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFKD", "".join(c for c in decomposed if not unicodedata.combining(c)).casefold())


def words(text: str) -> frozenset[str]:
    """The folded words of a text, each cut to the longest edge that is indexed."""
    return frozenset(word[:LONGEST_EDGE] for word in _WORD.findall(folded(text)))


def edges(found: frozenset[str]) -> frozenset[str]:
    """Every beginning of every word."""
    return frozenset(word[:length] for word in found for length in range(1, len(word) + 1))
