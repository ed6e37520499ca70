"""`manage.py api_key`: keys for machines."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from exactly_once.errors import SchemaFault, Unavailable
from shop import bootstrap
from shop.domain.api_keys import (
    DEFAULT_OVERLAP_HOURS,
    MAX_LIFETIME,
    MAX_OVERLAP_HOURS,
    ApiKey,
    IssuedApiKey,
    parse_network,
)
from shop.domain.callers import Scope
from shop.domain.errors import Invalid, NotFound, TooManyApiKeys
from shop.domain.pages import MAX_PAGE_SIZE
from shop.management.prompts import UNAVAILABLE, usable_text, write_request
from shop.services.api_keys import api_key_create, api_key_list, api_key_revoke, api_key_roll
from shop.services.reauthentication import unconfirmed

#: The exit status where there is no such key, or there are too many.
REFUSED = 3


class Command(BaseCommand):
    """Creates, lists, rolls and revokes API keys."""

    help = "Manage the API keys with which machines call the shop."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="create a key, and print its secret this once")
        create.add_argument("--name", required=True, help="what the key is for")
        create.add_argument("--scope", required=True, action="append", choices=[*Scope], help="may be repeated")
        create.add_argument("--network", action="append", default=[], help="a CIDR block; may be repeated")
        create.add_argument("--days", required=True, type=int, help=f"until it expires: 1 to {MAX_LIFETIME.days}")
        actions.add_parser("list", help="list the keys, without their secrets")
        roll = actions.add_parser("roll", help="replace the secret of a key, and print the new one this once")
        roll.add_argument("id")
        roll.add_argument(
            "--overlap-hours",
            type=int,
            default=DEFAULT_OVERLAP_HOURS,
            help=f"how long the former secret stays valid: 0 to {MAX_OVERLAP_HOURS}",
        )
        revoke = actions.add_parser("revoke", help="revoke a key")
        revoke.add_argument("id")

    def handle(self, *_: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
            "create": _create,
            "list": _list,
            "roll": _roll,
            "revoke": _revoke,
        }
        try:
            for line in actions[options["action"]](options):
                self.stdout.write(line)
        except (NotFound, TooManyApiKeys) as error:
            raise CommandError(str(error), returncode=REFUSED) from None
        except Invalid as error:
            raise CommandError(" ".join(each.detail for each in error.errors)) from None
        except SchemaFault as error:
            raise CommandError(str(error)) from None
        except Unavailable:
            raise CommandError(UNAVAILABLE) from None


def _create(options: dict[str, Any]) -> Iterator[str]:
    shop = bootstrap.get_shop()
    result = api_key_create(
        shop=shop,
        request=write_request("api_key_create"),
        confirm=unconfirmed,
        name=usable_text("name", options["name"]),
        scopes=[Scope(scope) for scope in options["scope"]],
        networks=[_network(text) for text in options["network"]],
        expires_at=shop.clock.now() + timedelta(days=min(options["days"], MAX_LIFETIME.days + 1)),
    )
    yield _issued(result.value)


def _list(options: dict[str, Any]) -> Iterator[str]:
    page = api_key_list(shop=bootstrap.get_shop(), size=MAX_PAGE_SIZE, position=None)
    for key in page.results:
        yield json.dumps(_described(key))


def _roll(options: dict[str, Any]) -> Iterator[str]:
    if not 0 <= options["overlap_hours"] <= MAX_OVERLAP_HOURS:
        raise CommandError(f"Use 0 to {MAX_OVERLAP_HOURS} hours of overlap.")
    result = api_key_roll(
        shop=bootstrap.get_shop(),
        request=write_request("api_key_roll"),
        confirm=unconfirmed,
        id=options["id"],
        overlap=timedelta(hours=options["overlap_hours"]),
        expires_at=None,
    )
    yield _issued(result.value)


def _revoke(options: dict[str, Any]) -> Iterator[str]:
    api_key_revoke(shop=bootstrap.get_shop(), request=write_request("api_key_revoke"), id=options["id"])
    yield f"The API key {options['id']} is revoked."


def _network(text: str) -> str:
    try:
        return parse_network(text)
    except ValueError:
        raise CommandError(f"{text!r} is no CIDR block, as 192.0.2.0/24 is.") from None


def _issued(issued: IssuedApiKey) -> str:
    return json.dumps({**_described(issued.key), "secret": issued.secret})


def _described(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": key.scopes,
        "networks": key.networks,
        "expires_at": key.expires_at.isoformat(),
        "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
    }
