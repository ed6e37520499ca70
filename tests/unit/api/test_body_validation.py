"""Bodies validate as DRF's serializers do, in fewer steps."""

from collections.abc import Mapping
from typing import Any

import pytest
from django.core.validators import ProhibitNullCharactersValidator
from rest_framework.exceptions import ValidationError
from rest_framework.serializers import Serializer
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from shop.api.fields import String
from shop.api.new_purchases import LineBody, NewPurchase
from shop.api.products import NewProduct, ProductChange, StockChange
from shop.api.purchases import Refund
from shop.api.users import Registration, UserChangeBody
from shop.domain.errors import FieldError, Invalid

ID = "0191f0c2-7a1e-7c3d-8b5a-0123456789ab"
LINE = {"product": ID, "quantity": 2}
PRODUCT = {"sku": "APPLE", "name": "Apple", "price": "1.20", "currency": "EUR"}
BODIES = [NewProduct, ProductChange, StockChange, NewPurchase, LineBody, Refund, Registration, UserChangeBody]
CASES: list[tuple[type, Any]] = [
    (NewPurchase, {"items": [LINE, {**LINE, "product": ID.upper()}]}),
    (NewPurchase, {"items": []}),
    (NewPurchase, {"items": {}}),
    (NewPurchase, {"items": None}),
    (NewPurchase, {"items": "x"}),
    (NewPurchase, {}),
    (NewPurchase, {"items": [LINE, 5, None, [], {**LINE, "more": 1}, {}]}),
    (NewPurchase, {"items": [LINE], "id": ID, "": 1}),
    (NewPurchase, {"items": [{"product": f"{ID}\x00", "quantity": True}, {"product": "", "quantity": 0.5}]}),
    (NewPurchase, {"items": [LINE] * 101}),
    (NewPurchase, [LINE]),
    (NewPurchase, "items"),
    (NewProduct, PRODUCT),
    (NewProduct, {**PRODUCT, "id": ID, "version": 1}),
    (NewProduct, {**PRODUCT, "name": None, "price": 1.2, "currency": 5, "date_manufactured": "2026-02-30"}),
    (NewProduct, {**PRODUCT, "name": " ", "description": "a\x00b", "sku": "a b", "stock": -1}),
    (NewProduct, {**PRODUCT, "date_manufactured": None, "description": ""}),
    (ProductChange, {**PRODUCT, "sku": "OTHER", "unknown": 1}),
    (ProductChange, {"name": "Apple"}),
    (StockChange, {"delta": 5, "reason": "A delivery."}),
    (Refund, {"restock": "yes"}),
    (Registration, {"email": "no address", "password": ""}),
]


def validated(validate) -> Any:
    try:
        return validate()
    except Invalid as error:
        return error.errors


def as_drf(body: type, *, partial: bool) -> Any:
    """The same body with the loop of DRF's Serializer beside the check of the names, and with DRF's validators."""

    class Reference(body):
        def to_internal_value(self, data: Any) -> dict[str, Any]:
            forbidden = self.forbidden_fields(data) if isinstance(data, Mapping) else {}
            try:
                values = Serializer.to_internal_value(self, data)
            except ValidationError as error:
                raise ValidationError({**forbidden, **error.detail}) from None  # type: ignore[dict-item]
            if forbidden:
                raise ValidationError(forbidden)
            return values

        run_validators = Serializer.run_validators

    reference = Reference(partial=partial)
    for field in reference.fields.values():
        if isinstance(field, String):
            field.validators = [ProhibitNullCharactersValidator(), ProhibitSurrogateCharactersValidator()]
    return reference


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(("body", "data"), CASES)
def test_the_values_and_the_errors_are_those_of_drf(body: type, data: Any, partial: bool):
    result = validated(lambda: body(partial=partial).parse(data))
    assert result == validated(lambda: as_drf(body, partial=partial).parse(data))


@pytest.mark.parametrize("body", BODIES)
def test_no_field_of_a_body_has_another_source_than_its_name(body: type):
    assert [name for name, field in body().fields.items() if field.source != name] == []


def test_errors_of_names_come_before_those_of_values():
    result = validated(lambda: NewProduct().parse({"version": 1, "colour": "red", **PRODUCT, "price": "x"}))
    assert [error.pointer for error in result] == ["/colour", "/version", "/price"]
    assert all(isinstance(error, FieldError) for error in result)
