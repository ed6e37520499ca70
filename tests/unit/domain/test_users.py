import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.domain.users import email_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ａｄａ@example.com", "ada@example.com"),
        ("Straße@x.de", "strasse@x.de"),
    ],
)
def test_email_keys_ignore_case_and_compatibility_forms(one, other):
    assert email_key(one) == email_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("adá@x.de", "ada@x.de"), ("a.da@x.de", "ada@x.de"), ("ada+1@x.de", "ada@x.de")]
)
def test_accents_dots_and_tags_make_another_email(one, other):
    assert email_key(one) != email_key(other)


@given(st.text(max_size=40))
def test_the_key_of_a_key_is_the_key(email):
    assert email_key(email_key(email)) == email_key(email)


@given(st.text(max_size=40))
def test_email_keys_ignore_unicode_composition(email):
    assert email_key(unicodedata.normalize("NFD", email)) == email_key(unicodedata.normalize("NFC", email))
