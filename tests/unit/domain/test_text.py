import unicodedata
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain import text as text_module
from shop.domain.text import (
    MAX_MARKS_IN_A_ROW,
    MAX_PREFIX_CHARS,
    MAX_TEXT_CHARS,
    UnusableText,
    fold,
    fold_case,
    is_clean,
    is_visible,
    normalize,
    prefixes,
    refuse_unbounded,
    words,
)

texts = st.text(max_size=40)


@given(texts)
def test_folding_is_idempotent(text):
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_folding_ignores_unicode_composition(text):
    assert fold(unicodedata.normalize("NFD", text)) == fold(unicodedata.normalize("NFC", text))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Éclair", "eclair"),
        ("Straße", "STRASSE"),
        ("ﬁsh", "fish"),
        ("ＡＢＣ", "abc"),
        ("Ångström", "angstrom"),
        ("Ὅμηρος", "ομηροσ"),
    ],
)
def test_folding_ignores_case_accents_and_compatibility_forms(text, same):
    assert fold(text) == fold(same)


def test_different_letters_fold_differently():
    assert len({fold(letter) for letter in "abcøłßжλ"}) == 8


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Crème-brûlée 2kg", {"creme", "brulee", "2kg"}),
        ("SKU_12.34/AB", {"sku", "12", "34", "ab"}),
        ("Ben & Jerry's", {"ben", "jerry", "s"}),
        (" - _ &", set()),
        ("Apfel apfel APFEL", {"apfel"}),
        ("Борщ 東京", {"борщ", "東京"}),
    ],
)
def test_the_words_of_a_text_are_its_runs_of_letters_and_digits(text, found):
    assert words(text) == found


@given(texts)
def test_the_prefixes_of_a_text_are_those_of_its_words(text):
    indexed = prefixes(words(text))
    assert all(word[:length] in indexed for word in words(text) for length in range(1, len(word) + 1))


@given(st.text("abcé", min_size=MAX_PREFIX_CHARS + 1, max_size=100))
def test_a_long_word_is_found_by_itself_and_by_its_longest_prefix(word):
    assert words(word) <= prefixes(words(word))
    assert max(map(len, prefixes(words(word)))) == MAX_PREFIX_CHARS


def test_a_word_has_as_many_prefixes_as_letters():
    assert prefixes(frozenset({"abc"})) == {"a", "ab", "abc"}


def test_no_words_have_no_prefixes():
    assert prefixes(frozenset()) == frozenset()


@pytest.mark.parametrize("text", ["", "plain", "Ünïcödé", "👩‍👩‍👧", "العربية", "a\u00a0b"])
def test_ordinary_text_is_clean(text):
    assert is_clean(text)


@pytest.mark.parametrize("text", ["a\x00b", "bell\x07", "esc\x1b[0m", "c1\x85", "del\x7f", "\ud800", "a\udfff"])
def test_control_characters_and_lone_surrogates_are_not_clean(text):
    assert not is_clean(text)
    assert not is_clean(text, lines=True)


@pytest.mark.parametrize("text", ["two\nlines", "carriage\r\nreturn", "a\ttab"])
def test_line_breaks_are_clean_only_where_allowed(text):
    assert is_clean(text, lines=True)
    assert not is_clean(text)


@given(texts)
def test_a_text_is_equal_to_itself_decomposed(text):
    assert normalize(unicodedata.normalize("NFD", text)) == normalize(text)


def test_nfc_keeps_compatibility_characters_apart():
    assert normalize("ﬁ") != normalize("fi")


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails a test that normalises, or looks at a category."""

    monkeypatch.setattr(text_module, "unicodedata", SimpleNamespace(combining=unicodedata.combining))


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("function", [normalize, is_clean, fold, fold_case, words])
@pytest.mark.parametrize("letter", ["a", "\u00e9", "\u0315", "\u0000"])
def test_no_function_works_on_more_than_10000_characters(function, letter):
    with pytest.raises(UnusableText, match="Use at most 10000 characters") as raised:
        function(letter * (MAX_TEXT_CHARS + 1))
    assert raised.value.code == "max-length"


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("function", [normalize, fold, fold_case, words])
@pytest.mark.parametrize("marks", ["\u0315\u0316", "\u0f73\u0f75", "\uff9e\u093c", "\u0344\u0345"])
def test_no_function_normalises_more_than_30_marks_in_a_row(function, marks):
    with pytest.raises(UnusableText, match="at most 30 combining marks in a row") as raised:
        function("a" + marks * 15 + marks[0])
    assert raised.value.code == "combining-marks"


def test_thirty_marks_in_a_row_are_accepted_again_after_a_letter():
    run = "a" + "\u0315\u0316" * (MAX_MARKS_IN_A_ROW // 2)
    assert len(normalize(run * 300)) == 9_300


def test_a_text_whose_composed_form_is_too_long_is_refused():
    with pytest.raises(UnusableText):
        normalize("\ufb2c" * 100, 200)


def test_a_text_whose_composed_form_has_too_many_marks_is_refused():
    with pytest.raises(UnusableText):
        normalize("a" + "\u0344" * 30)


def test_every_character_that_decomposes_into_marks_counts_as_one():
    letters = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    marks = [letter for letter in letters if unicodedata.combining(unicodedata.normalize("NFKD", letter)[0])]
    assert len(marks) > 900
    for mark in marks:
        with pytest.raises(UnusableText):
            refuse_unbounded(mark * (MAX_MARKS_IN_A_ROW + 1))


@pytest.mark.parametrize(
    "text", ["", " ", "\u200b", "\u2060\ufeff", "\u3164", "\u115f\u1160", "\uffa0", "\u2800", "\u034f\ufe0f"]
)
def test_a_text_of_spaces_format_characters_and_blanks_does_not_show(text):
    assert not is_visible(text)


@pytest.mark.parametrize("text", ["a", "\u200ba", ".", "\U0001f98a", "한", "\u0627\u200c"])
def test_a_text_with_a_letter_a_sign_or_a_symbol_shows(text):
    assert is_visible(text)
