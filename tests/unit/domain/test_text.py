import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.text import LONGEST_EDGE, edges, folded, is_clean, normalised, words

texts = st.text(max_size=40)


@given(texts)
def test_folding_what_is_folded_changes_nothing(text):
    assert folded(folded(text)) == folded(text)


@given(texts)
def test_however_a_letter_is_composed_it_folds_to_the_same(text):
    assert folded(unicodedata.normalize("NFD", text)) == folded(unicodedata.normalize("NFC", text))


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
def test_case_accents_and_compatibility_forms_do_not_count(text, same):
    assert folded(text) == folded(same)


def test_different_letters_fold_differently():
    assert len({folded(letter) for letter in "abcøłßжλ"}) == 8


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
def test_a_text_is_found_by_every_beginning_of_its_words(text):
    indexed = edges(words(text))
    assert all(word[:length] in indexed for word in words(text) for length in range(1, len(word) + 1))


@given(st.text("abcé", min_size=LONGEST_EDGE + 1, max_size=100))
def test_a_long_word_is_found_by_all_of_it_and_by_its_longest_edge(word):
    assert words(word) <= edges(words(word))
    assert max(map(len, edges(words(word)))) == LONGEST_EDGE


def test_a_word_has_as_many_edges_as_letters():
    assert edges(frozenset({"abc"})) == {"a", "ab", "abc"}


def test_no_words_have_no_edges():
    assert edges(frozenset()) == frozenset()


@pytest.mark.parametrize("text", ["", "plain", "Ünïcödé", "👩‍👩‍👧", "العربية", "a\u00a0b"])
def test_what_people_write_is_clean(text):
    assert is_clean(text)


@pytest.mark.parametrize("text", ["a\x00b", "bell\x07", "esc\x1b[0m", "c1\x85", "del\x7f", "\ud800", "a\udfff"])
def test_control_characters_and_lone_surrogates_are_not_clean(text):
    assert not is_clean(text)
    assert not is_clean(text, lines=True)


@pytest.mark.parametrize("text", ["two\nlines", "carriage\r\nreturn", "a\ttab"])
def test_lines_are_clean_only_where_they_are_let_pass(text):
    assert is_clean(text, lines=True)
    assert not is_clean(text)


@given(texts)
def test_a_text_is_equal_to_itself_decomposed(text):
    assert normalised(unicodedata.normalize("NFD", text)) == normalised(text)


def test_composing_keeps_what_merely_looks_alike():
    assert normalised("ﬁ") != normalised("fi")
