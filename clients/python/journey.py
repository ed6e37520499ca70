"""A whole journey through the shop with the built package: `python journey.py http://127.0.0.1:8080`.

The token of a user with the role staff is the first line of the standard input."""

import sys
import uuid

from evergreen_client import connect, entries, sign_in
from evergreen_client.generated.api.products import (
    products_create,
    products_list,
    products_partial_update,
    products_retrieve,
)
from evergreen_client.generated.api.purchases import purchases_create
from evergreen_client.generated.api.users import users_create
from evergreen_client.generated.models import (
    InsufficientStockProblem,
    NewProduct,
    NewPurchase,
    NewPurchaseLineByProduct,
    NewPurchaseLineBySku,
    PatchedProductChange,
    PreconditionFailedProblem,
    Product,
    Purchase,
    Registration,
    User,
)

PASSWORD = "correct horse battery staple"


def check(is_so: bool, *what: object) -> None:
    """End the journey where it is not so."""
    if not is_so:
        raise SystemExit(f"not as expected: {what}")


def main() -> None:
    """Register, sign in, read all pages, buy, and meet each answer that a client must know."""
    shop = sys.argv[1]
    anyone, staff = connect(shop), connect(shop, sys.stdin.readline().strip())
    email = f"{uuid.uuid4()}@example.com"
    user = users_create.sync(client=anyone, body=Registration(email=email, password=PASSWORD))
    check(isinstance(user, User) and user.email == email, user)
    customer = sign_in(shop, email, PASSWORD)

    products = [create_product(staff) for _ in range(3)]
    skus = [product.sku for product in entries(products_list.sync, client=anyone, page_size=2)]
    check(len(skus) == len(set(skus)) and {product.sku for product in products} <= set(skus), skus)

    tea = products[0]
    body, key = NewPurchase(items=[NewPurchaseLineBySku(sku=tea.sku, quantity=2)]), uuid.uuid4().hex
    first = purchases_create.sync_detailed(client=customer, body=body, idempotency_key=key)
    replay = purchases_create.sync_detailed(client=customer, body=body, idempotency_key=key)
    check(isinstance(first.parsed, Purchase) and first.parsed.status == "placed", first)
    check("Idempotent-Replayed" not in first.headers and replay.headers["Idempotent-Replayed"] == "true", replay)
    check(replay.content == first.content, replay)

    too_many = NewPurchase(items=[NewPurchaseLineByProduct(product=tea.id, quantity=9)])
    refused = purchases_create.sync(client=customer, body=too_many)
    check(isinstance(refused, InsufficientStockProblem), refused)
    shortage = refused.shortages[0]
    check((shortage.product, shortage.requested, shortage.available) == (tea.id, 9, 3), shortage)

    read = products_retrieve.sync_detailed(tea.id, client=anyone)
    etag = read.headers["ETag"]
    again = products_retrieve.sync_detailed(tea.id, client=anyone, if_none_match=etag)
    check(again.status_code == 304, again)
    changed = products_partial_update.sync(tea.id, client=staff, body=PatchedProductChange(name="Black"), if_match=etag)
    check(isinstance(changed, Product) and changed.version == 2, changed)
    late = products_partial_update.sync(tea.id, client=staff, body=PatchedProductChange(name="White"), if_match=etag)
    check(isinstance(late, PreconditionFailedProblem) and late.version == 2, late)
    print("the journey is complete")


def create_product(staff: object) -> Product:
    """A new product with five units."""
    body = NewProduct(sku=str(uuid.uuid4()), name="Green tea", price="4.20", currency="EUR", stock=5)
    product = products_create.sync(client=staff, body=body)
    check(isinstance(product, Product), product)
    return product


if __name__ == "__main__":
    main()
