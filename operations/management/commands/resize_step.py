"""`manage.py resize_step`: the steps of `deploy/scale` and `deploy/swarm/scale` that ask the Sentinels. ADR 60."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.resizing import NotReached
from configuration import ConfigurationError
from exactly_once.client import Address, ErrorReply
from operations import bootstrap


class Command(BaseCommand):
    help = "A step of a change of the numbers of data nodes and Sentinels, which deploy/scale takes."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        steps = parser.add_subparsers(dest="step", required=True)
        quorum = steps.add_parser("quorum", help="have each Sentinel take a majority of so many for its quorum")
        quorum.add_argument("count", type=int)
        agreed = steps.add_parser("agreed", help="wait until the Sentinels know each other and name one primary")
        for parser_of_step in (quorum, agreed):
            parser_of_step.add_argument("--first", type=int, help="the first so many of REDIS_SENTINEL alone")
        spare = steps.add_parser("spare", help="wait until every data node but this one is in step")
        spare.add_argument("node", type=Address.parse)
        down = steps.add_parser("down", help="wait until every Sentinel finds this data node down")
        down.add_argument("node", type=Address.parse)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
            self._take(options["step"], options)
        except ConfigurationError as error:
            raise CommandError(str(error), returncode=2) from None
        except (NotReached, ErrorReply) as error:
            raise CommandError(f"{error} Repeat the command when that is mended.", returncode=1) from None

    def _take(self, step: str, options: dict[str, Any]) -> None:
        if step == "quorum":
            bootstrap.sentinel_group(options["first"]).set_quorum(options["count"])
        elif step == "agreed":
            bootstrap.sentinel_group(options["first"]).wait_until_agreed()
        elif step == "spare":
            bootstrap.wait_until_spare(options["node"])
        else:
            bootstrap.sentinel_group().wait_until_down(options["node"])
