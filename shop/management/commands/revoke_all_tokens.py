"""`manage.py revoke_all_tokens`: sign every user out."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap
from shop.management.prompts import UNAVAILABLE, write_request
from shop.services.tokens import token_revoke_every


class Command(BaseCommand):
    """Revokes the tokens of every user, staff included. API keys stay."""

    help = "Revoke the token of every user. API keys stay: `manage.py api_key revoke` revokes them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--yes", action="store_true", required=True, help="every user has to sign in again")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            token_revoke_every(shop=bootstrap.get_shop(), request=write_request("revoke_all_tokens"))
        except SchemaFault as error:
            raise CommandError(str(error)) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE) from None
        self.stdout.write("Every token is revoked: every user has to sign in again.")
