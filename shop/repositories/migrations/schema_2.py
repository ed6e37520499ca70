"""Schema 2: the counter of writes and the catalogue's orders have other names, and the recorded outcomes of a user are
an ordered set by expiry, which purchases are in too."""

from importlib import resources

from exactly_once import Migration, Step

FORMER_REVISION = "fence"
_FOLDER = resources.files("shop.repositories.migrations")


def _body(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text(encoding="utf-8")


MIGRATION = Migration(
    version=2,
    steps=(
        Step(
            name="the revision",
            body=_body("schema_2_revision"),
            args={"former": FORMER_REVISION, "present": "revision"},
        ),
        Step(
            name="names of the catalogue's orders",
            body=_body("schema_2_orders"),
            args={
                "orders": "created_at price name",
                "prefix": "products:",
                "former_column": "_ranks",
                "column": "_sort_prefixes",
                "former_blocks": "_zones",
                "blocks": "_blocks",
            },
        ),
        Step(
            name="blocks of the catalogue's orders and outcomes of users",
            body=_body("schema_2_keys"),
            args={
                "block_pattern": "^products:([%l_]+)_zones:(.*)$",
                "block_format": "products:%s_blocks:%s",
                "outcomes_pattern": "^user:([^:]+):requests$",
                "record_pattern": "^request:",
                "outcomes_prefix": "outcomes:",
            },
        ),
    ),
)
