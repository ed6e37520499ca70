"""Every script that changes something of the shop emits an event, behind everything that it may refuse."""

import re

import pytest

from shop.domain.events import EventType
from tests.architecture.sources import offenders, scripts
from tests.architecture.test_scripts import PARTS, WRITES

#: What changes nothing of the shop that another system could want to know: secrets and their use, pending mails,
#: records about requests, when payments are checked, what sends events on, the steps behind an erasure or an end that
#: was an event, and imports and exports as such: what an import changes is an event of its own.
SILENT = (
    "api_key_",
    "audit_",
    "delivery_",
    "payment_postpone",
    "purchase_forget",
    "refusals_",
    "registration_begin",
    "reset_",
    "secret_",
    "token_",
    "transfer_",
    "user_erase",
    "user_set_password",
)
EMITTED = re.compile(r"\bemit\('([a-z_.]+)'")
REFUSED = re.compile(r"\b(?:refuse|reply)\('")


def emits(script) -> bool:
    return "emit(" in script.code or any("emit(" in PARTS[f"parts/{part}.lua"].code for part in script.names("Uses"))


def test_every_change_of_the_shop_emits_an_event():
    assert [path for path, script in WRITES.items() if not path.startswith(SILENT) and not emits(script)] == []


def test_nothing_that_is_said_to_be_silent_emits():
    assert [path for path, script in WRITES.items() if path.startswith(SILENT) and "emit(" in script.code] == []


def refused_after_an_event(text: str) -> bool:
    """Whether a refusal follows an event, before the script answers."""
    rests = (text[emitted.end() :].partition("return answer")[0] for emitted in EMITTED.finditer(text))
    return any(REFUSED.search(rest) for rest in rests)


def test_no_script_refuses_what_it_has_emitted_an_event_of():
    assert offenders(WRITES, lambda path: refused_after_an_event(WRITES[path].body)) == {}


@pytest.mark.parametrize("way_out", ["refuse('NO')", "reply('NO')"])
def test_a_refusal_behind_an_event_is_found(way_out):
    assert refused_after_an_event(f"emit('cart.created', id, {{}})\nreturn {way_out}")
    assert not refused_after_an_event(f"{way_out}\nemit('cart.created', id, {{}})")


def test_every_event_of_a_script_has_a_type():
    found = {kind for text in scripts().values() for kind in EMITTED.findall(re.sub(r"--.*", "", text))}
    # What ends in a dot is completed by the status of a transition.
    whole = {kind for kind in found if not kind.endswith(".")}
    assert whole <= set(EventType)
    assert {kind for kind in found - whole if not any(type.startswith(kind) for type in EventType)} == set()
