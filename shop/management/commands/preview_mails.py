"""`manage.py preview_mails`: write each kind of mail into files, to look at them."""

import argparse
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from shop.work.mail_samples import samples

DESCRIPTION = """\
Writes each kind of mail about purchases into a directory, as <event>.html and <event>.txt: about an invented purchase,
so that neither a shop nor a mail server has to run. Open index.html in a browser.
"""


class Command(BaseCommand):
    help = DESCRIPTION
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = argparse.RawDescriptionHelpFormatter
        parser.add_argument("directory", type=Path, help="where the files are written; made where there is none")

    def handle(self, **options: Any) -> None:
        directory: Path = options["directory"]
        try:
            links = _write(directory)
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be written: {error.strerror}.") from None
        self.stdout.write(f"{len(links)} mails: open {directory / 'index.html'}")


def _write(directory: Path) -> list[str]:
    """Write the mails and a page with links to them. Return the links."""
    directory.mkdir(parents=True, exist_ok=True)
    links = []
    for sample in samples():
        (directory / f"{sample.type}.html").write_text(sample.text.html, "utf-8")
        (directory / f"{sample.type}.txt").write_text(f"{sample.text.subject}\n\n{sample.text.plain}", "utf-8")
        name = f"{sample.type}"
        links.append(f'<li>{name}: <a href="{name}.html">HTML</a>, <a href="{name}.txt">plain text</a></li>')
    page = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails</title><ul>{"".join(links)}</ul></html>'
    (directory / "index.html").write_text(page, "utf-8")
    return links
