"""Each kind of mail in a browser: on a desktop and on a phone, by day and by night."""

from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Browser, Page

from shop.domain.events import EventType
from shop.work.mail_texts import MAILS
from tests.system.accessibility import PHONE_WIDTH_PX, axe_violations, overflow_px

#: Without best practices of pages: a mail has no landmarks.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa")
MAX_WIDTH_PX = 600
#: One of these has each part of the one template.
EXAMINED = (EventType.PURCHASE_PLACED, EventType.PURCHASE_PARTIALLY_REFUNDED)


def card_px(page: Page) -> float:
    """The width of what has the text."""
    width: float = page.locator("table.card").evaluate("element => element.getBoundingClientRect().width")
    return width


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", PHONE_WIDTH_PX)])
def test_every_mail_is_for_all_who_read_it(browser: Browser, tmp_path: Path, scheme: str, width: int):
    call_command("preview_mails", tmp_path)
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, requests, faults = context.new_page(), [], []
    page.on("request", lambda request: requests.append(request.url))
    for type in MAILS:
        page.goto((tmp_path / f"{type}.html").as_uri())
        faults += [(type, fault) for fault in axe_violations(page, rules=RULES)] if type in EXAMINED else []
        faults += [(type, "too wide")] if overflow_px(page) > 0 or card_px(page) > MAX_WIDTH_PX else []
        faults += [] if page.get_by_role("link", name="See the purchase").is_visible() else [(type, "no link")]
    context.close()
    assert faults == []
    # Nothing but the mails themselves: there is nothing to be blocked.
    assert requests == [(tmp_path / f"{type}.html").as_uri() for type in MAILS]
