"""Categories and companies over HTTP, as the catalogue lists them."""

from typing import Any

from drf_spectacular.utils import extend_schema_serializer

from shop.api import fields
from shop.api.serializer_examples import example
from shop.domain.products import Facet


@extend_schema_serializer(component_name="Facet", examples=example({"name": "Fruit", "count": 12}))
class FacetResponse(fields.ResponseBody):
    """The name of a category or company, and the number of its products."""

    name = fields.Text(allow_blank=True)
    count = fields.Integer(minimum=0)


def facet_document(facet: Facet) -> dict[str, Any]:
    return {"name": facet.name, "count": facet.count}
