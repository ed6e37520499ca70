"""The documentation site: built strictly and without a network, whole, and searchable from a directory."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from configuration import ROOT
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px

TIMEOUT_S = 120
#: Elements that a browser loads something for by itself, and their attribute.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
EXTERNAL = re.compile(r"(?:[a-z]+:)?//")
#: Nothing listens there: what the build would fetch is missed.
NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
WIDE_PX = 1280
#: What the theme's script puts around the buttons that copy code: landmarks without names.
THEME = {"exclude": [[".md-code__nav"]]}


class Elements(HTMLParser):
    """What a page loads, where its links lead, and its anchors."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        of = {name: value or "" for name, value in attributes}
        self.anchors |= {of["id"]} if "id" in of else set()
        if of.get(LOADED.get(tag, "")):
            self.loaded.append(of[LOADED[tag]])
        if tag == "a" and of.get("href"):
            self.links.append(of["href"])


def build(configuration: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict"]
    return subprocess.run(
        [*command, "--config-file", str(configuration), "--site-dir", str(target)],
        cwd=ROOT,
        env={**os.environ, **NO_NETWORK, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the site; its build has found nothing wrong."""
    target = tmp_path_factory.mktemp("site")
    built = build(ROOT / "mkdocs.yml", target)
    assert built.returncode == 0, built.stderr
    return target


@pytest.fixture(scope="module")
def pages(site: Path) -> Mapping[Path, Elements]:
    """Every page, but that of missing addresses, whose links begin at the root of a server."""
    paths = (path for path in site.rglob("*.html") if path.name != "404.html")
    return {path: Elements(path.read_text("utf-8")) for path in paths}


@pytest.fixture
def requested() -> list[str]:
    """The addresses that the browser asked for."""
    return []


@pytest.fixture
def page(browser: Browser, requested: list[str]) -> Iterator[Page]:
    context = browser.new_context(offline=True)
    opened = context.new_page()
    opened.set_default_timeout(TIMEOUT_S * 1000)
    opened.on("request", lambda sent: requested.append(sent.url))
    yield opened
    context.close()


def test_every_link_leads_to_a_page_and_an_anchor_of_it(site: Path, pages: Mapping[Path, Elements]):
    def is_broken(path: Path, link: str) -> bool:
        address, _, anchor = link.partition("#")
        target = (path.parent / address).resolve() if address else path
        target = target / "index.html" if target.is_dir() else target
        return not target.exists() or (bool(anchor) and target in pages and anchor not in pages[target].anchors)

    ours = {
        path: [each for each in elements.links if not EXTERNAL.match(each) and not each.startswith("mailto:")]
        for path, elements in pages.items()
    }
    assert sum(map(len, ours.values())) > 1000
    assert [(str(path), link) for path, links in ours.items() for link in links if is_broken(path, link)] == []


def test_a_page_loads_nothing_from_another_host(pages: Mapping[Path, Elements]):
    assert {link for elements in pages.values() for link in elements.loaded if EXTERNAL.match(link)} == set()


def test_the_site_has_every_document_and_every_operation(site: Path, pages: Mapping[Path, Elements]):
    documents = [path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")]
    assert [document for document in documents if site / document not in pages] == []
    assert {"purchases_create", "products_list"} <= {name for page in pages.values() for name in page.anchors}


def test_a_page_out_of_the_navigation_a_broken_link_and_a_broken_anchor_fail_the_build(tmp_path: Path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    (tmp_path / "docs" / "forgotten.md").write_text("# Forgotten\n\n[a](missing.md) [b](logs.md#missing)\n", "utf-8")
    inherited = f"INHERIT: {ROOT}/mkdocs.yml\nhooks: [{ROOT}/docsite/hooks.py]\n"
    theme = f"theme: {{name: material, custom_dir: {ROOT}/docsite/theme}}\n"
    (tmp_path / "mkdocs.yml").write_text(inherited + theme, "utf-8")
    built = build(tmp_path / "mkdocs.yml", tmp_path / "site")
    assert built.returncode == 1
    assert 'not included in the "nav" configuration:\n  - forgotten.md' in built.stderr
    assert "'forgotten.md' contains a link 'missing.md'" in built.stderr
    assert "'forgotten.md' contains a link 'logs.md#missing'" in built.stderr


def test_search_finds_a_page_from_a_directory_without_a_network(page: Page, site: Path, requested: list[str]):
    page.goto((site / "index.html").as_uri())
    page.locator("[data-md-component=search-query]").fill("idempotency key")
    found = page.locator(".md-search-result__link").first
    found.wait_for()
    found.click()
    page.wait_for_url(re.compile(r".*\.html\?h=.*"))
    assert page.locator("mark").count() > 0
    assert {url.partition(":")[0] for url in requested} <= {"file", "data", "blob"}


@pytest.mark.parametrize("name", ["quick-start.html", "api/audit.html"])
@pytest.mark.parametrize(("width_px", "scheme"), [(WIDE_PX, "light"), (PHONE_WIDTH_PX, "dark")])
def test_a_page_is_accessible_and_fits_its_window(
    page: Page, site: Path, name: str, width_px: int, scheme: Literal["light", "dark"]
):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width_px, "height": 900})
    page.goto((site / name).as_uri())
    assert axe_violations(page, context=THEME) == []
    assert overflow_px(page) == 0
