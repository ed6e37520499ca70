"""`manage.py doctor`: everything that can be wrong, and what to do about it."""

import argparse
import json
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
from operations import bootstrap, deployment
from operations.console import console
from operations.deployment import DeploymentMisconfigured
from operations.doctor.diagnosis import Diagnosis, Level

STYLES = {Level.OK: "green", Level.UNKNOWN: "cyan", Level.WARNING: "bold yellow", Level.PROBLEM: "bold red"}
EXITS = {Level.OK: 0, Level.UNKNOWN: 0, Level.WARNING: 1, Level.PROBLEM: 2}
NOTHING_CONFIGURED = 3
DESCRIPTION = """\
Looks over the store that the environment names, and the stack that runs here, if one does: Sentinels and what they
know, quorum, the one primary, replicas and how far behind, versions, clocks, data directories, persistence, memory,
the settings on which promises depend, limits, processes, ports, API instances and nginx. It reads and writes as a
client does; that write changes nothing but the revision of the store.

One line for each thing that is wrong, with what to do; and one for each check that finds nothing. The levels:
  ok        nothing is wrong
  unknown   it cannot be determined from here
  warning   it needs attention
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
            local = deployment.current()
        except (ConfigurationError, DeploymentMisconfigured) as error:
            text = f"{error}\nOr start a stack here first: make run"
            raise CommandError(text, returncode=NOTHING_CONFIGURED) from None
        diagnoses = list(chain(bootstrap.diagnose_store(), local.diagnose()))
        if options["json"]:
            self.stdout.write(_as_json(diagnoses))
        else:
            console().print(_as_text(diagnoses))
        raise SystemExit(max(EXITS[diagnosis.level] for diagnosis in diagnoses))


def _as_json(diagnoses: Sequence[Diagnosis]) -> str:
    counts = Counter(diagnosis.level for diagnosis in diagnoses)
    levels = {level: counts[level] for level in Level}
    return json.dumps({**levels, "diagnoses": [asdict(diagnosis) for diagnosis in diagnoses]}, indent=2)


def _as_text(diagnoses: Sequence[Diagnosis]) -> RenderableType:
    counts = Counter(diagnosis.level for diagnosis in diagnoses)
    summary = f"\n{counts[Level.PROBLEM]} problems, {counts[Level.WARNING]} warnings, {counts[Level.UNKNOWN]} unknown"
    return Group(*map(_line, diagnoses), Text(summary))


def _line(diagnosis: Diagnosis) -> Text:
    clause = f"{diagnosis.subject} {diagnosis.finding}" if diagnosis.subject else diagnosis.finding
    text = f"{clause}: {diagnosis.remedy}" if diagnosis.remedy else clause
    return Text.assemble((f"{diagnosis.level:<8}", STYLES[diagnosis.level]), f" {diagnosis.check:<17}{text}")
