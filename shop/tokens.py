"""Tokens: what they are made of, and under what name the store knows them."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from shop.domain.ports import TokenSecrets

#: So that scanners for leaked secrets can tell ours.
PREFIX = "evg_"


class HmacTokenSecrets(TokenSecrets):
    """Tokens made with the shop's secret key, so that the repeat of a request makes the same one on any instance."""

    def __init__(self, key: str) -> None:
        self._key = key.encode()

    def make(self, request: str, user: str) -> str:
        made = hmac.digest(self._key, f"token:{request}:{user}".encode(), "sha256")
        return PREFIX + urlsafe_b64encode(made).rstrip(b"=").decode()

    def token_digest(self, secret: str) -> str:
        return sha256(secret.encode()).hexdigest()
