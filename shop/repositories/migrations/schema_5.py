"""Schema 5: each pair of a company and a category has an ordered index for each order of the catalogue."""

from importlib import resources

from exactly_once import Migration, Step

_FOLDER = resources.files("shop.repositories.migrations")

MIGRATION = Migration(
    version=5,
    steps=(
        Step(
            name="ordered indexes of companies and categories",
            body=(_FOLDER / "schema_5_pairs.lua").read_text(encoding="utf-8"),
            args={
                "ids": "products:ids",
                "product_prefix": "product:",
                "orders": "created_at price name",
                "sort_keys_format": "products:%s_of",
                "index_format": "products:company:%s\1category:%s\1by_%s",
            },
        ),
    ),
)
