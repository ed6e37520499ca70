"""Movements of a stock over HTTP."""

import pytest

from shop.domain.callers import Scope
from shop.domain.ports import Shop
from shop.domain.products import Product
from shop.domain.users import User
from tests.samples import an_api_key, placed, units
from tests.unit.api.client import ApiClient, errors, problem


def movements(client: ApiClient, product: Product, query: str = "") -> list[tuple[str, int, str, str | None]]:
    found = client.get(f"/products/{product.id}/movements/{query}").json()["results"]
    return [(each["kind"], each["quantity"], each["reference"], each["by"]) for each in found]


def test_every_change_of_a_stock_is_listed_the_newest_first(
    shop: Shop, staff: ApiClient, boss: User, ada: User, apple: Product
):
    purchase = placed(shop, ada.id, units(apple, 2))
    staff.post(f"/products/{apple.id}/stock/", {"delta": 5, "reason": "A delivery."})
    adjustment, *others = movements(staff, apple)
    assert (adjustment[:2], adjustment[3]) == (("adjustment", 5), boss.id)
    assert others == [("sale", -2, purchase.id, None), ("opening", 10, apple.id, None)]


def test_a_page_leads_to_older_movements(staff: ApiClient, apple: Product):
    for _ in range(3):
        staff.post(f"/products/{apple.id}/stock/", {"delta": 1, "reason": "Found."})
    first = staff.get(f"/products/{apple.id}/movements/?page_size=3").json()
    rest = staff.get(first["next"].partition("/api/v1")[2]).json()
    assert [each["quantity"] for each in first["results"] + rest["results"]] == [1, 1, 1, 10]
    assert rest["next"] is None


def test_the_movements_of_a_withdrawn_product_are_listed(staff: ApiClient, apple: Product):
    staff.delete(f"/products/{apple.id}/")
    assert len(movements(staff, apple)) == 1


def test_a_missing_product_has_no_movements(staff: ApiClient):
    found = staff.get("/products/01900000-0000-7000-8000-000000000000/movements/")
    assert problem(found) == (404, "not-found")


def test_an_unknown_filter_is_refused(staff: ApiClient, apple: Product):
    assert errors(staff.get(f"/products/{apple.id}/movements/?kind=sale")) == [("kind", "unknown-field")]


@pytest.mark.parametrize(("scope", "status"), [(Scope.STOCK_READ, 200), (Scope.STOCK_WRITE, 403)])
def test_a_key_needs_the_scope_to_read_a_stock(shop: Shop, apple: Product, scope: Scope, status: int):
    machine = ApiClient({"Authorization": f"Bearer {an_api_key(shop, scope).secret}"})
    assert machine.get(f"/products/{apple.id}/movements/").status_code == status
