"""Schema 3: each category and company has an ordered index for each order of the catalogue, and the order of creation
has zones in the place of blocks and sort prefixes."""

from importlib import resources

from exactly_once import Migration, Step

_FOLDER = resources.files("shop.repositories.migrations")

MIGRATION = Migration(
    version=3,
    steps=(
        Step(
            name="blocks and sort prefixes of the order of creation",
            body=(_FOLDER / "schema_3_blocks.lua").read_text(encoding="utf-8"),
            args={"column": "products:created_at_sort_prefixes", "blocks": "products:created_at_blocks"},
        ),
        Step(
            name="ordered indexes of categories and companies, and zones",
            body=(_FOLDER / "schema_3_catalogue.lua").read_text(encoding="utf-8"),
            args={
                "ids": "products:ids",
                "product_prefix": "product:",
                "orders": "created_at price name",
                "sort_keys_format": "products:%s_of",
                "category_format": "products:category:%s\1by_%s",
                "company_format": "products:company:%s\1by_%s",
                "zones": "products:created_at_zone_map",
            },
        ),
    ),
)
