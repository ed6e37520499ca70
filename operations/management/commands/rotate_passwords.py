"""`manage.py rotate_passwords`: new passwords for every user of the store, while everything sells."""

from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agents.secrets import Secrets
from configuration import PROGRAM, ConfigurationError
from exactly_once.client import Address, Nodes
from operations.password_rotation import Rotation, RotationFailed
from shop import bootstrap


class Command(BaseCommand):
    help = "Replace the passwords of every user of data nodes and Sentinels. Nothing is interrupted."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--secrets",
            type=Path,
            metavar="DIRECTORY",
            help="where the passwords and lists are; by default beside EVERGREEN_REDIS_PASSWORD_FILE",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
        except ConfigurationError as error:
            raise CommandError(f"{error}\nOr start a stack here first: make run", returncode=2) from None
        directory = options["secrets"] or Path(settings.EVERGREEN_REDIS_PASSWORD_FILE).parent
        report = bootstrap.container().cluster.report()
        if report.status != "ok":
            raise CommandError(f"Not every data node and Sentinel is there: `{PROGRAM} doctor` says what is not.")
        with closing(Nodes(credentials=bootstrap.credentials())) as nodes:
            rotation = Rotation(
                files=Secrets(directory),
                store=settings.EVERGREEN_STORE,
                primary_name=settings.REDIS_MASTER_NAME,
                data_nodes=[Address.parse(node.address) for node in report.nodes],
                sentinels=[Address.parse(sentinel.address) for sentinel in report.sentinels],
                nodes=nodes,
            )
            try:
                rotation.run(lambda line: self.stdout.write(f"{line}."))
            except (RotationFailed, OSError) as error:
                raise CommandError(str(error)) from error
