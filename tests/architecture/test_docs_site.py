"""What the documentation site is made of: diagrams are those of their texts, and links lead to pages."""

import hashlib
import re

import pytest

from docsite import diagrams, repository
from shop.domain.events import EventType
from shop.domain.purchases import TRANSITIONS
from tests.architecture.sources import ROOT
from tests.architecture.test_docs import DOCUMENTS

EDGE = re.compile(r"^\s*(\w+) -> (\w+)", re.MULTILINE)
IMAGE = re.compile(r"!\[([^\]]*)\]\(([^()\s]+)\)")


@pytest.mark.parametrize("source", diagrams.sources(), ids=lambda path: path.stem)
def test_a_diagram_is_that_of_its_text(source):
    assert diagrams.drawn(source.read_text("utf-8")) == source.with_suffix(".svg").read_text("utf-8")


def test_every_diagram_is_shown_and_every_image_has_a_text():
    images = [(text, link.rpartition("/")[2]) for each in DOCUMENTS.values() for text, link in IMAGE.findall(each)]
    assert {path.with_suffix(".svg").name for path in diagrams.sources()} <= {name for _, name in images}
    assert [name for text, name in images if len(text) < 20] == []


def test_the_diagram_of_a_purchase_has_the_transitions_of_the_code():
    text = (diagrams.DIAGRAMS / "purchase.dot").read_text("utf-8")
    assert set(EDGE.findall(text)) == {(source, target) for source in TRANSITIONS for target in TRANSITIONS[source]}


def test_the_table_of_events_has_every_type():
    rows = [line for line in DOCUMENTS["docs/events.md"].splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+\.\w+)`", row.split("|")[1])}
    assert named == set(EventType)


@pytest.mark.parametrize(
    ("page", "link", "of_site"),
    [
        ("deploy.md", "[a](../CHANGELOG.md#unreleased)", "[a](project/changelog.md#unreleased)"),
        ("deploy.md", "[a](../deploy/.env.example)", "[a](source/deploy/env.example.md)"),
        ("project/changelog.md", "[a](docs/audit.md)", "[a](../audit.md)"),
        ("adr/0001-x.md", "[a](../../deploy/nginx.conf)", "[a](../source/deploy/nginx.conf.md)"),
        ("architecture.md", "[a](adr/)", "[a](adr/index.md)"),
        ("architecture.md", "[logs.md](logs.md)", "[Logs](logs.md)"),
        ("architecture.md", "[a](missing.txt) [b](https://example.com) [c](#x)", None),
        ("architecture.md", "```\n[a](../CHANGELOG.md)\n```", None),
    ],
)
def test_a_link_between_files_becomes_one_between_pages(page, link, of_site):
    assert repository.rewritten(page, link) == (of_site or link)


def test_the_worker_of_the_search_is_the_published_file():
    text = (ROOT / "docsite" / "theme" / "assets" / "iframe-worker.js").read_text("utf-8")
    digest = re.search(r"[0-9a-f]{64}", text)[0]
    assert hashlib.sha256(text.partition("*/\n")[2].encode()).hexdigest() == digest
