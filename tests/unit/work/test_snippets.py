"""What docs/webhooks.md says to receivers is right."""

import re
from datetime import UTC, datetime

import pytest

from shop.work.webhooks import signed_headers
from tests.architecture.sources import ROOT

SECRET = "whsec_" + "A" * 43 + "="


def snippet(language):
    text = (ROOT / "docs" / "webhooks.md").read_text("utf-8")
    return re.search(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)[1]


@pytest.fixture
def receive():
    names = {}
    exec(snippet("python"), names)
    return names["receive"]


def test_the_python_of_the_guide_takes_what_the_shop_signed(receive):
    headers = dict(signed_headers("1-0", b'{"id":"1-0"}', [SECRET], datetime.now(UTC)))
    assert receive(SECRET, headers, b'{"id":"1-0"}') == (204, {"id": "1-0"})


@pytest.mark.parametrize("change", ["body", "secret", "age"])
def test_the_python_of_the_guide_refuses_anything_else(receive, change):
    at = datetime(2026, 1, 1, tzinfo=UTC) if change == "age" else datetime.now(UTC)
    headers = dict(signed_headers("1-0", b"{}", [SECRET], at))
    secret = "whsec_" + "B" * 43 + "=" if change == "secret" else SECRET
    assert receive(secret, headers, b"[]" if change == "body" else b"{}") == (400, None)
