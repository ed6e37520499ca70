"""One module spells keys, one document explains them."""

import inspect
import re

import pytest

from shop.domain.products import ProductOrder
from shop.repositories.keys import Keys
from tests.architecture.sources import ROOT, modules, scripts, strings

TAG = "{store}:"
#: Whoever can reach the store, but for the one module that spells keys.
REPOSITORIES = {
    path: module
    for path, module in modules("shop/repositories", "shop/management", "shop/seeding").items()
    if path != "shop/repositories/keys.py"
}


def every_key() -> set[str]:
    """Each key without its tag; what differs from one key to the next is named in angle brackets."""
    keys = Keys("store")
    plain = [value for name, value in vars(keys).items() if not name.startswith("_") and name != "name"]
    methods = [
        method
        for name, method in inspect.getmembers(keys, inspect.ismethod)
        if not name.startswith("_") and name != "key"
    ]
    made = [key for method in methods for key in made_by(method)]
    return {key.removeprefix(TAG) for key in [*plain, *made]}


def made_by(method) -> list[str]:
    parameters = inspect.signature(method).parameters.values()
    if any(parameter.annotation is ProductOrder for parameter in parameters):
        return [method(order) for order in ProductOrder]
    return [method(*(f"<{parameter.name}>" for parameter in parameters))] if parameters else []


def test_every_key_carries_the_shops_hash_tag():
    made = [value for name, value in vars(Keys("store")).items() if not name.startswith("_") and name != "name"]
    assert [key for key in made if not key.startswith(TAG)] == []


@pytest.mark.parametrize("key", sorted(every_key()))
def test_every_key_is_explained(key):
    end = "" if key.endswith(":") else r"(?![\w:<])"
    assert re.search(rf"(?<![\w:]){re.escape(key)}{end}|{{store}}:{re.escape(key)}{end}", explained())


def explained() -> str:
    return (ROOT / "docs" / "keyspace.md").read_text("utf-8")


def beginnings() -> set[str]:
    """How keys begin, as they are spelt: `user:`, `products:`."""
    return {key.partition(":")[0] + ":" for key in every_key() if ":" in key}


@pytest.mark.parametrize("path", sorted(REPOSITORIES))
def test_no_other_module_spells_a_key(path):
    spelt = [text for text in strings(REPOSITORIES[path]) if text.startswith(tuple(beginnings()))]
    assert spelt == []


@pytest.mark.parametrize("path", scripts())
def test_a_script_spells_no_key_and_appends_only_what_is_explained(path):
    code = re.sub(r"--.*", "", scripts()[path])
    parts = [text for text in re.findall(r"'([^']*)'", code) if ":" in text]
    assert [text for text in parts if not text.startswith(":") or text not in explained()] == []
