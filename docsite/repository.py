"""Where a file of the repository is on the site, and its links as the site needs them.

Documents link to each other as GitHub resolves it: by paths between files. The site has the same links, to its own
pages; what a document links to outside docs/ becomes a page too, so that the site needs no other host.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"
#: Documents outside docs/ that the site shows, and directories that have a page.
INCLUDED = {
    "README.md": "index.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security-policy.md",
    "exactly_once/README.md": "project/engine.md",
    "clients/python/README.md": "project/python-client.md",
    "clients/openapi.json": "api/index.md",
    "docs/adr": "adr/index.md",
}
#: Those of them that are made from a file. The home page is a page of docs/.
COPIED = {path: page for path, page in INCLUDED.items() if page != "index.md" and path.endswith(".md")}
MAX_SOURCE_BYTES = 400_000

_FENCED = re.compile(r"^(?P<fence>`{3,}).*?^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_LINK = re.compile(r"(?<=\]\()(?P<link>[^()\s]+)(?=\))")
#: A link whose text is the path of a document.
_NAMED = re.compile(r"\[(?P<name>[\w./-]+\.md)\]\((?P<link>[^()\s]+)\)")
_EXTERNAL = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")
_LANGUAGES = {".py": "python", ".ts": "typescript", ".yml": "yaml", ".json": "json"}


def page_of(path: str) -> str | None:
    """The page that shows this file of the repository; None where there is no such file."""
    if path in INCLUDED:
        return INCLUDED[path]
    if path.startswith(DOCS):
        return path.removeprefix(DOCS)
    # MkDocs leaves files out whose names begin with a dot.
    return f"source/{path}.md".replace("/.", "/") if (ROOT / path).is_file() else None


def path_of(page: str) -> str:
    """The file of the repository that this page was made from."""
    return {page: path for path, page in COPIED.items()}.get(page, DOCS + page)


def links(path: str, text: str) -> Iterator[str]:
    """The files of the repository that this document links to, by their paths."""
    for link in _LINK.finditer(_prose(text)):
        if not _EXTERNAL.match(link[0]):
            yield _resolved(path, link[0])


def rewritten(page: str, text: str) -> str:
    """The text of this page, with links to pages. A link to a file that is missing stays, and fails the build. A link
    whose text is the name of a document gets the title of that document."""
    return _outside_code(text, lambda prose: _LINK.sub(lambda link: _link_of_site(page, link[0]), _titled(page, prose)))


def source_page(path: str) -> str:
    """The page that shows this file as it is."""
    text = (ROOT / path).read_text("utf-8")
    if len(text) > MAX_SOURCE_BYTES:
        return f"# {path}\n\nToo large for a page: {len(text):,} characters.\n"
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    language = _LANGUAGES.get(Path(path).suffix, "text")
    return f"---\nsearch:\n  exclude: true\n---\n\n# {path}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"


def _link_of_site(page: str, link: str) -> str:
    if _EXTERNAL.match(link):
        return link
    target, anchor = page_of(_resolved(path_of(page), link)), link.partition("#")[1:]
    if target is None:
        return link
    return posixpath.relpath(target, posixpath.dirname(page) or ".") + "".join(anchor)


def _resolved(path: str, link: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link.partition("#")[0]))


def _prose(text: str) -> str:
    """The text without code, in which nothing is a link."""
    return _CODE.sub("", _FENCED.sub("", text))


def _titled(page: str, prose: str) -> str:
    def title(named: re.Match[str]) -> str:
        path = _resolved(path_of(page), named["link"])
        if not path.endswith(named["name"]) or not (ROOT / path).is_file():
            return named[0]
        first = (ROOT / path).read_text("utf-8").splitlines()[0]
        return f"[{first.removeprefix('# ')}]({named['link']})"

    return _NAMED.sub(title, prose)


def _outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text, changed outside fenced code."""
    parts, end = [], 0
    for fenced in [*_FENCED.finditer(text), None]:
        start = fenced.start() if fenced else len(text)
        parts.append(change(text[end:start]))
        if fenced:
            parts.append(fenced[0])
            end = fenced.end()
    return "".join(parts)
