"""One module spells keys, one document explains them."""

import inspect
import re

from shop.domain.products import ProductOrder
from shop.repositories.keys import Keys
from tests.architecture.sources import ROOT, modules, offenders, scripts, strings

TAG = "{store}:"
#: Migrations spell the names of former schemas.
SPELLING = ("shop/repositories/keys.py", "shop/repositories/migrations/")
#: Whoever can reach the store, but for the modules that spell keys.
REPOSITORIES = {
    path: module
    for path, module in modules("shop/repositories", "shop/management", "shop/seeding").items()
    if not path.startswith(SPELLING)
}
SCRIPTS = scripts()


def every_key() -> set[str]:
    """Each key without its tag, as it is written; what differs from one key to the next is in angle brackets."""
    keys = Keys("store")
    plain = [value for name, value in vars(keys).items() if not name.startswith("_") and name != "name"]
    methods = [
        method
        for name, method in inspect.getmembers(keys, inspect.ismethod)
        if not name.startswith("_") and name != "key"
    ]
    made = [key for method in methods for key in made_by(method)]
    return {key.removeprefix(TAG).replace("\x01", r"\x01") for key in [*plain, *made]}


def made_by(method) -> list[str]:
    parameters = inspect.signature(method).parameters.values()
    if any(parameter.annotation is ProductOrder for parameter in parameters):
        return [method(*(_argument(parameter, order) for parameter in parameters)) for order in ProductOrder]
    return [method(*(_argument(parameter) for parameter in parameters))] if parameters else []


def _argument(parameter: inspect.Parameter, order: ProductOrder | None = None) -> str | ProductOrder:
    return order if order and parameter.annotation is ProductOrder else f"<{parameter.name}>"


def test_every_key_carries_the_shops_hash_tag():
    made = [value for name, value in vars(Keys("store")).items() if not name.startswith("_") and name != "name"]
    assert [key for key in made if not key.startswith(TAG)] == []


def test_every_key_is_explained():
    text = explained()
    assert [key for key in sorted(every_key()) if not is_explained(key, text)] == []


def is_explained(key: str, text: str) -> bool:
    end = "" if key.endswith(":") else r"(?![\w:<])"
    return bool(re.search(rf"(?<![\w:]){re.escape(key)}{end}|{{store}}:{re.escape(key)}{end}", text))


def explained() -> str:
    return (ROOT / "docs" / "keyspace.md").read_text("utf-8")


def beginnings() -> set[str]:
    """How keys begin, as they are spelt: `user:`, `products:`."""
    return {key.partition(":")[0] + ":" for key in every_key() if ":" in key}


def test_no_other_module_spells_a_key():
    starts = tuple(beginnings())
    assert offenders(REPOSITORIES, lambda path: spelt(path, starts)) == {}


def spelt(path: str, starts: tuple[str, ...]) -> list[str]:
    return [text for text in strings(REPOSITORIES[path]) if text.startswith(starts)]


def test_a_script_spells_no_key_and_appends_only_what_is_explained():
    text = explained()
    assert offenders(SCRIPTS, lambda path: [part for part in appended(path) if is_unexplained(part, text)]) == {}


def appended(path: str) -> list[str]:
    """The parts of keys in the code of a script."""
    code = re.sub(r"--.*", "", SCRIPTS[path])
    return [part for part in re.findall(r"'([^']*)'", code) if ":" in part]


def is_unexplained(part: str, text: str) -> bool:
    return not part.startswith(":") or part not in text
