"""`manage.py certificates`: make, renew and check the certificates between the tiers."""

from argparse import ArgumentTypeError
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from operations import certificates, deployment
from operations.certificates import Subject
from operations.deployment import CertificateDirectory, DeploymentMisconfigured

ACTIONS = ("create", "renew", "check")


class Command(BaseCommand):
    help = (
        "create: make the authority and the certificates that are missing. renew: replace every certificate, and have "
        f"the processes use it. check: exit 1 where one ends within {certificates.WARNING_DAYS} days."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("action", choices=ACTIONS)
        parser.add_argument("--directory", type=Path, help="instead of that of the stack that runs here")
        parser.add_argument(
            "--subject",
            type=_subject,
            action="append",
            default=[],
            metavar="NAME=ADDRESS",
            help="a process that gets a certificate, and its addresses, separated by commas; may be repeated",
        )

    def handle(self, *args: Any, action: str, directory: Path | None, subject: list[Subject], **options: Any) -> None:
        chosen = _chosen(directory, subject)
        now = datetime.now(UTC)
        if action == "check":
            self._check(chosen.path, now)
        elif action == "create":
            self._report("made", certificates.create(chosen.path, chosen.subjects, now))
        else:
            self._report("made", certificates.create(chosen.path, (), now))
            self._report("renewed", certificates.renew(chosen.path, chosen.subjects, now))
            self._report("in use", chosen.reload())

    def _check(self, path: Path, now: datetime) -> None:
        found = list(certificates.expiries(path))
        if not found:
            raise CommandError(f"{path} has no certificates: manage.py certificates create", returncode=1)
        ending = [each for each in found if each.days_left(now) < certificates.WARNING_DAYS]
        for each in ending:
            left = each.days_left(now)
            state = f"ends in {left:.0f} days" if left > 0 else "has ended"
            self.stdout.write(f"{each.name} {state} ({each.at:%Y-%m-%d}): manage.py certificates renew")
        if ending:
            raise CommandError(f"{len(ending)} of {len(found)} certificates in {path} end soon.", returncode=1)
        first = min(found, key=lambda each: each.at)
        self.stdout.write(f"{len(found)} certificates in {path}; {first.name} is the first to end, on {first.at:%F}")

    def _report(self, what: str, names: Sequence[str]) -> None:
        for name in names:
            self.stdout.write(f"{name}: {what}")


def _chosen(directory: Path | None, subjects: list[Subject]) -> CertificateDirectory:
    """The directory and the subjects of the command line; what it leaves out, those of the stack."""
    if directory:
        return CertificateDirectory(path=directory, subjects=subjects)
    try:
        found = deployment.current().certificates()
    except DeploymentMisconfigured as error:
        raise CommandError(str(error), returncode=2) from None
    if found is None or subjects:
        raise CommandError("Name the directory by --directory, and who gets a certificate by --subject.", returncode=2)
    return found


def _subject(text: str) -> Subject:
    name, _, addresses = text.partition("=")
    try:
        return Subject.parse(name, addresses)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no subject: write NAME=ADDRESS, as in redis-1=172.20.0.11") from None
