"""`manage.py doctor`: everything that can be wrong, and what to do about it."""

import argparse
import json
import os
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Group, RenderableType
from rich.text import Text

from configuration import ConfigurationError
from devstack import doctor, report, stack_record
from devstack.settings import Misconfigured
from operations import bootstrap
from operations.doctor.diagnosis import Diagnosis, Level

STYLES = {Level.OK: "green", Level.UNSEEN: "cyan", Level.WARNING: "bold yellow", Level.PROBLEM: "bold red"}
EXITS = {Level.OK: 0, Level.UNSEEN: 0, Level.WARNING: 1, Level.PROBLEM: 2}
NOTHING_CONFIGURED = 3
DESCRIPTION = """\
Looks over the store that the environment names, and the stack that runs here, if one does: Sentinels and what they
know, quorum, the one primary, replicas and how far behind, versions, clocks, data directories, persistence, memory,
the settings on which promises depend, processes, ports, API instances and nginx. It changes nothing.

One line for each thing that is wrong, with what to do; and one for each check that finds nothing. The levels:
  ok        nothing is wrong
  unseen    it cannot be looked at from here
  warning   it should be seen to
  problem   something is lost already, or will be at the next fault

exit status: 0 neither warning nor problem; 1 warnings; 2 problems; 3 no store is configured
"""


class Command(BaseCommand):
    help = DESCRIPTION

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("--json", action="store_true", help="as JSON")

    def handle(self, **options: Any) -> None:
        try:
            settings.CONFIGURATION.require()
            layout = stack_record.layout(os.environ)
        except (ConfigurationError, Misconfigured) as fault:
            text = f"{fault}\nOr start a stack here first: make run"
            raise CommandError(text, returncode=NOTHING_CONFIGURED) from None
        found = list(chain(bootstrap.inspection(), doctor.inspect(layout)))
        if options["json"]:
            self.stdout.write(_as_json(found))
        else:
            report.console().print(_shown(found))
        raise SystemExit(max(EXITS[line.level] for line in found))


def _as_json(found: Sequence[Diagnosis]) -> str:
    counts = Counter(line.level for line in found)
    return json.dumps(
        {**{level: counts[level] for level in Level}, "violations": [asdict(line) for line in found]}, indent=2
    )


def _shown(found: Sequence[Diagnosis]) -> RenderableType:
    counts = Counter(line.level for line in found)
    verdict = f"\n{counts[Level.PROBLEM]} problems, {counts[Level.WARNING]} warnings, {counts[Level.UNSEEN]} unseen"
    return Group(*map(_line, found), Text(verdict))


def _line(line: Diagnosis) -> Text:
    what = f"{line.subject} {line.found}" if line.subject else line.found
    said = f"{what}: {line.remedy}" if line.remedy else what
    return Text.assemble((f"{line.level:<8}", STYLES[line.level]), f" {line.check:<17}{said}")
