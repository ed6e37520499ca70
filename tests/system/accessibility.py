"""What a page owes to all who use it: axe-core's rules of WCAG 2 A and AA, and no scrolling sideways on a phone."""

from collections.abc import Sequence
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

PHONE_WIDTH_PX = 390
#: Tags of axe-core's rules.
WCAG_AA = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")


def axe_violations(page: Page, *, context: Any = None, rules: Sequence[str] = WCAG_AA) -> list[str]:
    """Rule and element of each violation; in the page's present colour scheme. `rules` are tags or
    names of rules, `context` is as axe-core has it: for
    instance {"exclude": [["#third-party"]]}."""
    options = {"runOnly": list(rules), "resultTypes": ["violations"]}
    found = Axe().run(page, context=context, options=options).response["violations"]
    return [f"{rule['id']}: {node['target']} {node['failureSummary']}" for rule in found for node in rule["nodes"]]


def overflow_px(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    pixels: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return pixels
