"""The documents: links lead somewhere, paths exist, lines are wrapped, and words are those of docs/glossary.md."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, offenders

MAX_COLUMNS = 100
#: Links and paths in these are checked, their words and lines are not.
EXEMPT = {"docs/keyspace.md", "docs/configuration.md"}
#: Words for which the field has others: the left column of the list of names that were changed.
PRIVATE_WORDS = re.compile(
    r"\b(fences?|crowd(ed)?|rush|timeout_s|in turn|turns|pictures?|drawing|doors?|announcements|assembly|presence|"
    r"stock law|breach(es)?|scratch|request trail|hasten|unmarks|sifted|foremost|unseen|"
    r"whoever|nobody|somebody|anybody|kept|told)\b",
    re.IGNORECASE,
)
OLD_NAMES = re.compile(r"carried_out_by|requests_crowded|X-Evergreen-(Patience|Anyway)|evergreen\.(stack|exporter)\b")
#: Made by deploy/init.
GENERATED = (
    *("deploy/.env", "deploy/local/", "deploy/swarm/.env", "deploy/swarm/local", "deploy/swarm/local/secrets"),
    "deploy/kubernetes/local",
)
ADR_SECTIONS = ["Status", "Context", "Decision", "Alternatives", "Consequences"]

FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`]+`")
LINK = re.compile(r"\]\(([^()\s]+)\)")
URL = re.compile(r"https?://\S+")
ANCHOR = re.compile(r'<a id="([^"]+)">')
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
#: A path from the root of the project, with `*` for any name.
PATH = re.compile(r"`((?:[a-z_]+/)+[\w.*-]*|[a-z_]+(?:/[\w*-]+)+\.\w+)`")
PROGRAM = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")


def documents() -> dict[str, str]:
    """Every Markdown file of the project, without its fenced code, by path."""
    folders = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")]
    paths = [*ROOT.glob("*.md"), *(path for folder in folders for path in folder.rglob("*.md"))]
    return {str(path.relative_to(ROOT)): FENCED.sub("", path.read_text("utf-8")) for path in sorted(paths)}


DOCUMENTS = documents()
PROSE = [name for name in DOCUMENTS if name not in EXEMPT]
ADRS = [name for name in DOCUMENTS if name.startswith("docs/adr/")]


def anchors(text: str) -> set[str]:
    """The anchors of a document: those of its headings, as GitHub makes them, and its own."""
    headings = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in HEADING.findall(text)}
    return headings | set(ANCHOR.findall(text))


def broken_links(name: str) -> list[str]:
    links = [link for link in LINK.findall(CODE.sub("", DOCUMENTS[name])) if not URL.match(link)]
    return [link for link in links if not resolves(name, link)]


def resolves(name: str, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (ROOT / name).parent / path if path else ROOT / name
    if not target.exists() or not anchor:
        return target.exists()
    return anchor in anchors(DOCUMENTS[str(target.resolve().relative_to(ROOT))])


def missing_paths(name: str) -> list[str]:
    paths = [path for path in PATH.findall(DOCUMENTS[name]) if is_ours(path)]
    modules = [module for module in PROGRAM.findall(DOCUMENTS[name]) if (ROOT / module.split(".")[0]).is_dir()]
    return [path for path in paths if not any(ROOT.glob(path))] + [name for name in modules if not is_module(name)]


def is_ours(path: str) -> bool:
    return (ROOT / path.split("/")[0]).is_dir() and path not in GENERATED


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def long_lines(name: str) -> list[str]:
    lines = [line for line in DOCUMENTS[name].splitlines() if not line.lstrip().startswith("|")]
    prose = [line for line in lines if not line.startswith("    ")]
    return [line for line in prose if len(line) > MAX_COLUMNS and len(line.split()) > 1]


def private_words(name: str) -> set[str]:
    text = DOCUMENTS[name]
    prose = CODE.sub("", URL.sub("", LINK.sub("]", text)))
    return {match[0] for match in (*PRIVATE_WORDS.finditer(prose), *OLD_NAMES.finditer(text))}


def glossary_terms() -> Iterator[str]:
    yield from re.findall(r"^\| <a id=\"[^\"]+\"></a>\*\*([^*]+)\*\*", DOCUMENTS["docs/glossary.md"], re.MULTILINE)


def adr_faults(name: str) -> list[str]:
    text, number = DOCUMENTS[name], int(Path(name).name[:4])
    faults = [] if re.match(rf"# {number}\. \S", text) else [f"does not begin with '# {number}. '"]
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    return faults + ([] if sections == ADR_SECTIONS else [f"has the sections {sections}"])


def test_every_relative_link_and_anchor_resolves():
    assert offenders(DOCUMENTS, broken_links) == {}


def test_every_path_and_module_that_is_named_exists():
    assert offenders(DOCUMENTS, missing_paths) == {}


def test_prose_is_wrapped():
    assert offenders(PROSE, long_lines) == {}


def test_no_document_uses_a_private_word():
    assert offenders([name for name in PROSE if name != "CHANGELOG.md"], private_words) == {}


def test_every_decision_has_the_same_form():
    assert offenders(ADRS, adr_faults) == {}


def test_no_two_decisions_share_a_number():
    assert len({Path(name).name[:4] for name in ADRS}) == len(ADRS)


def test_the_glossary_is_in_alphabetical_order():
    terms = [term.lower() for term in glossary_terms()]
    assert terms == sorted(terms)
    assert terms


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [("## What a read promises", "what-a-read-promises"), ("### `stack up`, and `down`", "stack-up-and-down")],
)
def test_an_anchor_is_made_as_github_makes_it(heading, anchor):
    assert anchor in anchors(heading)
