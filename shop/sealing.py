"""Encryption of what the store holds for a while and must not reveal, with keys derived from the shop's secret keys."""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet
from django.utils.crypto import salted_hmac

_SEAL_SALT, _NAME_SALT = "shop.tokens.seal", "shop.sealing.name"
_NAME_CHARS = 16


def seal_of(key: str) -> Fernet:
    """Return the cipher of a secret key: AES-128-CBC and HMAC-SHA256."""
    return Fernet(urlsafe_b64encode(salted_hmac(_SEAL_SALT, "", secret=key, algorithm="sha256").digest()))


def key_name(key: str) -> str:
    """Return a name of a secret key that does not reveal it."""
    return salted_hmac(_NAME_SALT, "", secret=key, algorithm="sha256").hexdigest()[:_NAME_CHARS]
