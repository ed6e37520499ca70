"""The secrets of tokens and API keys."""

import re

import pytest

from exactly_once.errors import OutcomeUnknown
from shop.tokens import RandomSecrets

ID = "019a6e2f-9a10-7c44-8e21-5b6c7d8e9f01"
SECRETS = RandomSecrets(["key"])


def test_two_tokens_differ():
    assert SECRETS.make_token() != SECRETS.make_token()


def test_a_token_has_a_prefix_and_256_random_bits():
    assert re.fullmatch("evg_[A-Za-z0-9_-]{43}", SECRETS.make_token())


def test_an_api_key_has_a_prefix_and_no_character_that_ends_a_word():
    assert re.fullmatch("evk_[A-Za-z0-9]{71}", SECRETS.make_api_key(ID))


@pytest.mark.parametrize("id", [ID, "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"])
def test_an_api_key_contains_its_id(id: str):
    assert SECRETS.api_key_id(SECRETS.make_api_key(id)) == id


def test_two_secrets_of_an_api_key_differ():
    assert SECRETS.make_api_key(ID) != SECRETS.make_api_key(ID)


@pytest.mark.parametrize("place", range(75))
def test_an_api_key_with_another_character_is_recognised_as_a_fake(place: int):
    secret = SECRETS.make_api_key(ID)
    other = "b" if secret[place] == "a" else "a"
    assert SECRETS.api_key_id(secret[:place] + other + secret[place + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "evk_", "evg_" + "a" * 43, "evk_" + "\u00e9" * 71, "evk_" + "z" * 71, "x" * 10_000]
)
def test_a_text_of_another_form_is_no_api_key(text: str):
    assert SECRETS.api_key_id(text) is None


def test_a_digest_does_not_contain_the_secret():
    secret = SECRETS.make_token()
    assert SECRETS.digest(secret) == SECRETS.digest(secret) != SECRETS.digest(secret + "x")
    assert secret not in SECRETS.digest(secret)
    assert len(SECRETS.digest("\xfc not of ours")) == 64


def test_a_sealed_secret_is_opened_by_every_instance_with_the_key():
    sealed = SECRETS.seal("secret")
    assert "secret" not in sealed
    assert RandomSecrets(["key"]).open(sealed) == "secret"


def test_a_former_key_opens_and_the_present_one_seals():
    before, during, after = RandomSecrets(["old"]), RandomSecrets(["new", "old"]), RandomSecrets(["new"])
    assert during.open(before.seal("secret")) == "secret"
    assert after.open(during.seal("secret")) == "secret"


@pytest.mark.parametrize(
    "sealed", [RandomSecrets(["other"]).seal("secret"), "", "nonsense"], ids=["of another key", "empty", "nonsense"]
)
def test_what_no_key_opens_is_an_unknown_outcome(sealed: str):
    with pytest.raises(OutcomeUnknown):
        SECRETS.open(sealed)
