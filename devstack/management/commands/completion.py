"""`manage.py completion bash`: a script that completes commands, verbs and process names."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import get_commands
from django.core.management.base import BaseCommand

from configuration import PROGRAM
from devstack import completion
from devstack.layout import Layout
from devstack.settings import Settings
from devstack.verbs import VERBS

APPLICATIONS = {"shop", "operations", "devstack"}


class Command(BaseCommand):
    help = f'Print a script that completes commands, verbs and process names: eval "$({PROGRAM} completion bash)"'
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("shell", choices=completion.SHELLS)

    def handle(self, *args: Any, **options: Any) -> None:
        commands = sorted(name for name, application in get_commands().items() if application in APPLICATIONS)
        names = Layout(settings=Settings(run=Path())).names
        self.stdout.write(completion.script(options["shell"], commands, VERBS, names))
