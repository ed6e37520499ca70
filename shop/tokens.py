"""Bearer tokens: how their secrets are derived, and the digest that the store has of them."""

from base64 import urlsafe_b64encode
from hashlib import sha256

from django.utils.crypto import salted_hmac

from shop.domain.ports import TokenSecrets

#: Lets scanners for leaked secrets recognize a token of this shop.
PREFIX = "evg_"
_SALT = "shop.tokens"


class HmacTokenSecrets(TokenSecrets):
    """Tokens derived from the shop's secret key: a retry on any instance gets the token of the first try."""

    def __init__(self, key: str) -> None:
        self._key = key

    def make(self, request: str, user: str) -> str:
        digest = salted_hmac(_SALT, f"{request}:{user}", secret=self._key, algorithm="sha256").digest()
        return PREFIX + urlsafe_b64encode(digest).rstrip(b"=").decode()

    def token_digest(self, secret: str) -> str:
        return sha256(secret.encode()).hexdigest()
