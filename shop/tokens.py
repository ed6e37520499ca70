"""The secrets of bearer tokens and API keys: how they are made, recognised, digested and sealed."""

import secrets
from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID
from zlib import crc32

from cryptography.fernet import InvalidToken, MultiFernet

from exactly_once.errors import OutcomeUnknown
from shop.domain.surroundings import Secrets
from shop.sealing import seal_of

#: Prefixes by which scanners for leaked secrets recognise those of this shop.
TOKEN_PREFIX, CART_TOKEN_PREFIX, API_KEY_PREFIX = "evg_", "evc_", "evk_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#: Digits in base 62 of a UUID, of 256 random bits and of a CRC32.
_ID_DIGITS, _RANDOM_DIGITS, _CHECKSUM_DIGITS = 22, 43, 6
_RANDOM_BITS = 256
_API_KEY_CHARS = len(API_KEY_PREFIX) + _ID_DIGITS + _RANDOM_DIGITS + _CHECKSUM_DIGITS


class RandomSecrets(Secrets):
    """256 random bits for each secret. `keys` are the shop's secret key and its former ones: the first one seals, and
    every one opens."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._seal = MultiFernet([seal_of(key) for key in keys])

    def make_token(self) -> str:
        return TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BITS // 8)

    def make_cart_token(self) -> str:
        return CART_TOKEN_PREFIX + secrets.token_urlsafe(_RANDOM_BITS // 8)

    def make_api_key(self, id: str) -> str:
        random = _base62(secrets.randbits(_RANDOM_BITS), _RANDOM_DIGITS)
        text = API_KEY_PREFIX + _base62(UUID(id).int, _ID_DIGITS) + random
        return text + _checksum(text)

    def api_key_id(self, secret: str) -> str | None:
        if len(secret) != _API_KEY_CHARS or not secret.isascii():
            return None
        text, checksum = secret[:-_CHECKSUM_DIGITS], secret[-_CHECKSUM_DIGITS:]
        if not text.startswith(API_KEY_PREFIX) or checksum != _checksum(text):
            return None
        return _uuid(text[len(API_KEY_PREFIX) :][:_ID_DIGITS])

    def digest(self, secret: str) -> str:
        return sha256(secret.encode()).hexdigest()

    def seal(self, secret: str) -> str:
        return self._seal.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        try:
            return self._seal.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise OutcomeUnknown("The outcome was sealed with a secret key that this instance does not have.") from None


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECKSUM_DIGITS)


def _base62(number: int, digits: int) -> str:
    """The number in base 62, with leading zeros."""
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def _uuid(digits: str) -> str | None:
    number = 0
    for digit in digits:
        value = _DIGITS.find(digit)
        if value < 0:
            return None
        number = number * len(_DIGITS) + value
    return str(UUID(int=number)) if number < 2**128 else None
