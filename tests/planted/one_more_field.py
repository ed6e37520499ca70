"""A later version of the shop: users, products and purchases have one more field, `grade`. What is made by this version
has the grade `later`; what lacks the field has its default, `standard`."""

from dataclasses import dataclass

import orjson

from shop.domain.products import Product
from shop.domain.purchases import Purchase
from shop.domain.users import User
from shop.repositories import records
from shop.repositories.records.fields import Field

DEFAULT, LATER = "standard", "later"


@dataclass(frozen=True, kw_only=True, slots=True)
class LaterUser(User):
    grade: str = LATER


@dataclass(frozen=True, kw_only=True, slots=True)
class LaterProduct(Product):
    grade: str = LATER


@dataclass(frozen=True, kw_only=True, slots=True)
class LaterPurchase(Purchase):
    grade: str


# Before the other modules are imported, which may take the names of the fields from the tables.
for table in records.TABLES.values():
    table.fields += (Field(name="grade", default=DEFAULT),)
for module, name, later in (
    (records.users, "User", LaterUser),
    (records.products, "Product", LaterProduct),
    (records.purchases, "Purchase", LaterPurchase),
):
    setattr(module, name, later)
document = records.products._document
records.products.DOCUMENT_FIELDS += ("grade",)
records.products._document = lambda texts: {**document(texts), "grade": texts["grade"]}

from shop.api import products as api_products  # noqa: E402
from shop.api import purchase_bodies  # noqa: E402
from shop.api import purchases as api_purchases  # noqa: E402
from shop.api import users as api_users  # noqa: E402
from shop.repositories import purchases as repository  # noqa: E402
from shop.services import products as product_services  # noqa: E402
from shop.services import users as user_services  # noqa: E402

for services, name, later in ((user_services, "User", LaterUser), (product_services, "Product", LaterProduct)):
    setattr(services, name, later)
_new_purchase = repository._new_purchase


def new_purchase(*known):
    flat = orjson.loads(_new_purchase(*known))
    flat[flat.index("grade") + 1] = LATER
    return orjson.dumps(flat).decode()


def with_the_grade(document):
    return lambda entity: {**document(entity), "grade": entity.grade}


repository._new_purchase = new_purchase
api_users.user_document = with_the_grade(api_users.user_document)
api_products.product_document = with_the_grade(api_products.product_document)
vars(api_purchases)["purchase_document"] = with_the_grade(purchase_bodies.purchase_document)

from evergreen.wsgi import application  # noqa: E402

__all__ = ["application"]
