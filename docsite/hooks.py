"""Hooks of MkDocs: pages that are made from other files, and links between files made links between pages."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify  # type: ignore[import-untyped]

from docsite import api_reference, decisions, repository

#: What the theme's script would load from there, for browsers without ResizeObserver and for Mermaid, is not needed.
OTHER_HOST = "https://unpkg.com/"

SEARCH = '<div class="md-search" data-md-component="search" role="dialog"'
VARIABLE = re.compile(r"(?<=<td><code>)[A-Z_]+(?=</code>)")
EMPTY_HEADING = re.compile(r"<th([^>]*)></th>")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Make anchors as GitHub makes them, and list the pages that are made here."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    made = _sections()
    for section in config.nav or ():
        section.update({name: made[name] for name in section.keys() & made.keys()})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from other files."""
    for page, text in pages(files):
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Lead links between files to pages."""
    return repository.rewritten(page.file.src_uri, markdown)


def on_page_content(html: str, **_: Any) -> str:
    """Make a heading without a text, of a table, a cell: it names no column. Let long names of variables break."""
    html = EMPTY_HEADING.sub(r"<td\1></td>", html)
    return VARIABLE.sub(lambda name: name[0].replace("_", "_<wbr>"), html)


def on_post_page(output: str, **_: Any) -> str:
    """Give the search of the theme a name, for screen readers."""
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"', 1)


def on_post_build(config: MkDocsConfig) -> None:
    """Take the other host out of the theme's script."""
    for path in Path(config.site_dir).glob("assets/javascripts/bundle.*.js"):
        path.write_text(path.read_text("utf-8").replace(OTHER_HOST, ""), "utf-8")
    for path in Path(config.site_dir).rglob("*.map"):
        path.unlink()


def pages(files: Files) -> Iterator[tuple[str, str]]:
    """The pages that are made, each with its text."""
    yield "adr/index.md", decisions.index()
    yield from api_reference.pages().items()
    documents = {path: (repository.ROOT / path).read_text("utf-8") for path in repository.COPIED}
    yield from ((repository.COPIED[path], text) for path, text in documents.items())
    documents |= {repository.DOCS + file.src_uri: file.content_string for file in files.documentation_pages()}
    linked = {link for path, text in documents.items() for link in repository.links(path, text)}
    for path in sorted(linked):
        page = repository.page_of(path) or ""
        if page.startswith("source/"):
            yield page, repository.source_page(path)


def _sections() -> dict[str, list[str]]:
    """The sections of the navigation that are made."""
    adrs = [f"adr/{name}" for name in decisions.names()]
    return {"API": list(api_reference.pages()), "Decisions": ["adr/index.md", *adrs]}
