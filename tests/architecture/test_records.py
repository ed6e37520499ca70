"""What a new field or a new kind of record must not leave out. CONTRIBUTING.md has the steps; each test here fails for
one that was forgotten."""

import re
from dataclasses import fields
from inspect import get_annotations
from types import SimpleNamespace
from typing import Any, get_args

from django.urls import URLPattern, URLResolver, get_resolver

from chaos.contents import Contents
from operations.backup.backups import Backups
from operations.store_audit import audit_of
from shop.api import api_keys as api_api_keys
from shop.api import examples, purchase_bodies
from shop.api import products as api_products
from shop.api import shipping_methods as api_methods
from shop.api import users as api_users
from shop.api import vouchers as api_vouchers
from shop.api.urls import router
from shop.domain.api_keys import ApiKey
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.users import User
from shop.domain.vouchers import Voucher
from shop.repositories.existence import Kind
from shop.repositories.keys import Keys
from shop.repositories.records import API_KEY, SHIPPING_METHOD, TABLES, VOUCHER, Table, prefixes
from tests.architecture.sources import ROOT
from tests.fakes import FakeStore, fake_shop
from tests.samples import an_api_key, in_catalogue, issued, offered, placed, registered, units

ENTITIES: dict[str, Any] = {
    "users": User,
    "products": Product,
    "purchases": Purchase,
    "api_keys": ApiKey,
    "vouchers": Voucher,
    "shipping_methods": ShippingMethod,
}
#: Fields of tables whose values are parts of other attributes.
PARTS = {kind: {"currency"} if kind in ("products", "purchases", "shipping_methods") else set() for kind in ENTITIES}
#: Every record has these. A field that is added later needs a default, for the records that lack it.
FIELDS_OF_SCHEMA_2 = {
    "users": {"id", "email", "email_key", "first_name", "last_name", "role", "created_at", "updated_at", "version"},
    "products": {
        *("id", "sku", "name", "description", "category", "company", "date_manufactured"),
        *("price", "currency", "stock", "created_at", "updated_at", "version"),
    },
    "purchases": {
        *("id", "user", "status", "items", "total", "currency", "created_at", "updated_at", "version", "history"),
    },
    "api_keys": {"id", "name", "scopes", "networks", "created_at", "expires_at"},
    "vouchers": {
        *("id", "code", "kind", "value", "currency", "minimum", "starts_at", "ends_at", "limit", "limit_per_customer"),
        *("is_paused", "redeemed", "created_at", "updated_at", "version"),
    },
    "shipping_methods": {
        *("code", "name", "price", "currency", "countries", "is_active", "created_at", "updated_at", "version"),
    },
}
ANSWERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "users": (api_users.UserResponse, api_users.user_document, examples.USER),
    "products": (api_products.ProductResponse, api_products.product_document, examples.PRODUCT),
    "purchases": (purchase_bodies.PurchaseResponse, purchase_bodies.purchase_document, examples.PURCHASE),
    "api_keys": (api_api_keys.ApiKeyResponse, api_api_keys.api_key_document, examples.API_KEY),
    "vouchers": (api_vouchers.VoucherResponse, api_vouchers.voucher_document, examples.VOUCHER),
    "shipping_methods": (
        api_methods.ShippingMethodResponse,
        api_methods.shipping_method_document,
        examples.SHIPPING_METHOD,
    ),
}
#: Records that are no part of the trade: the audit, backups' counts and the checker of the fault table pass them over.
CREDENTIALS = {"api_keys": API_KEY}
#: What the shop offers beside its products.
OFFERS: dict[str, Table[Any]] = {"vouchers": VOUCHER, "shipping_methods": SHIPPING_METHOD}
EVERY: dict[str, Table[Any]] = {**TABLES, **CREDENTIALS, **OFFERS}
#: What answers call an attribute, where that is another word.
NAMES = {"is_active": "active"}
#: What the key of a record ends in, where that is no id.
NAMED_BY = dict.fromkeys(OFFERS, "code")
LAYERS = (
    "shop/domain/{}.py",
    "shop/services/{}.py",
    "shop/repositories/{}.py",
    "shop/repositories/records/{}.py",
    "shop/api/{}.py",
    "operations/store_audit/{}.py",
    "tests/fakes/{}.py",
    "tests/contract/test_{}.py",
    "tests/unit/api/test_{}.py",
)
EMPTY = SimpleNamespace(source="nowhere", names=frozenset, replies=lambda commands: iter([None for _ in commands]))


def attributes(kind: str) -> set[str]:
    return {field.name for field in fields(ENTITIES[kind])}


def samples() -> dict[str, object]:
    shop = fake_shop()
    user, product = registered(shop), in_catalogue(shop)
    return {
        "users": user,
        "products": product,
        "purchases": placed(shop, user.id, units(product, 1)),
        "api_keys": an_api_key(shop).key,
        "vouchers": issued(shop),
        "shipping_methods": offered(shop),
    }


def document() -> str:
    return (ROOT / "docs" / "keyspace.md").read_text("utf-8")


def test_every_kind_of_record_is_known_to_these_tests():
    assert EVERY.keys() == ENTITIES.keys() == FIELDS_OF_SCHEMA_2.keys() == ANSWERS.keys()


def test_every_attribute_of_an_entity_has_a_row_in_its_table():
    assert {kind: set(table.names) - PARTS[kind] for kind, table in EVERY.items()} == {
        kind: attributes(kind) for kind in EVERY
    }


def test_a_field_that_is_younger_than_the_schema_has_a_default():
    lacking = {kind: {field.name for field in table.fields if not field.has_default} for kind, table in EVERY.items()}
    assert lacking == FIELDS_OF_SCHEMA_2


def row_of(kind: str) -> str:
    """What finds the row of a kind of record in the document of keys."""
    return rf"^\| `{kind[:-1]}:<{NAMED_BY.get(kind, 'id')}>` \| hash \|(.*)\|$"


def test_the_keyspace_lists_the_fields_of_every_table():
    listed = {kind: set(re.findall(r"`(\w+)`", re.search(row_of(kind), document(), re.M)[1])) for kind in EVERY}
    assert listed == {
        kind: {*(field.name for field in table.fields), *table.script_fields} for kind, table in EVERY.items()
    }


def test_the_api_answers_with_every_attribute():
    found = samples()
    assert {
        kind: {NAMES.get(name, name) for name in attributes(kind)} - set(represent(found[kind]))
        for kind, (_, represent, _) in ANSWERS.items()
    } == {kind: set() for kind in EVERY}


def test_answer_schema_and_example_have_the_same_fields():
    found = samples()
    answered = {kind: set(represent(found[kind])) for kind, (_, represent, _) in ANSWERS.items()}
    assert {kind: set(serializer().fields) for kind, (serializer, _, _) in ANSWERS.items()} == answered
    assert {kind: set(example) for kind, (_, _, example) in ANSWERS.items()} == answered


def test_every_kind_has_a_module_in_every_layer():
    paths = [path.format(kind) for kind in TABLES for path in LAYERS]
    others = [path for path in LAYERS if not path.startswith("operations/")]
    paths += [path.format(kind) for kind in (*CREDENTIALS, *OFFERS) for path in others]
    assert [path for path in paths if not (ROOT / path).is_file()] == []


def test_every_kind_has_a_prefix_of_keys_and_can_be_looked_for():
    assert prefixes(Keys("store")).keys() == TABLES.keys() == set(get_args(Kind))


def test_the_audit_goes_through_every_kind():
    assert audit_of(EMPTY, Keys("store"), lambda what: None).counts == dict.fromkeys(TABLES, 0)


def test_a_backup_counts_every_kind():
    assert Backups(keys=Keys("store"), store="store", program="")._counts(EMPTY) == dict.fromkeys(TABLES, 0)


def test_the_shop_and_its_fake_have_every_kind():
    assert EVERY.keys() - get_annotations(Shop).keys() == set()
    assert EVERY.keys() - {field.name for field in fields(FakeStore)} == set()


def test_the_checker_of_the_fault_table_reads_every_kind():
    assert TABLES.keys() - get_annotations(Contents).keys() == set()


def test_every_kind_has_a_collection_in_the_api():
    assert TABLES.keys() - {prefix for prefix, _, _ in router.registry} == set()


def test_the_log_knows_every_word_of_a_path():
    known = re.search(
        r"\(\?<known_path>/\(\?:\(\?:([^()]*?)\|\(\?:mail:", (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    )[1]
    assert words(get_resolver().url_patterns) - set(known.split("|")) == set()


def words(patterns: list[URLPattern | URLResolver]) -> set[str]:
    """The words of every path, without what stands for an id or another part that differs."""
    found: set[str] = set()
    for pattern in patterns:
        text = re.sub(r"\(\?P<.*?\)(?=/|\\?Z?\$|$)|<[^>]*>", "", str(pattern.pattern))
        found |= set(re.findall(r"[a-z][a-z0-9-]*", text.replace("\\Z", "")))
        if isinstance(pattern, URLResolver):
            found |= words(pattern.url_patterns)
    return found
