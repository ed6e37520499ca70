"""The scripts of the catalogue agree with Python on what both spell."""

import re

import pytest

from operations.backup.temp_server import COMPACT
from operations.store_audit.columns import NUMBER_BASE, ZONE_PRODUCTS
from shop.repositories.keys import BITMAP_SUFFIX
from tests.architecture.sources import ROOT, scripts

CATALOGUE = {
    path: text for path, text in scripts().items() if re.match(r"(parts/)?(product_|bitmaps|index_sets)", path)
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BITMAP_SUFFIX", repr(BITMAP_SUFFIX).replace("\\x01", "\\1")),
        ("NUMBER_BASE", str(NUMBER_BASE)),
    ],
)
def test_scripts_and_audit_have_the_same_constants(name, value):
    assert re.findall(rf"^local {name} = (.*)$", CATALOGUE["parts/index_sets.lua"], re.MULTILINE) == [value]


def test_script_migration_and_audit_have_zones_of_the_same_size():
    migration = (ROOT / "shop" / "repositories" / "migrations" / "schema_3_catalogue.lua").read_text("utf-8")
    sizes = re.findall(r"^local ZONE_PRODUCTS = (\d+)$", CATALOGUE["parts/product_zones.lua"], re.MULTILINE)
    assert sizes == [str(ZONE_PRODUCTS)]
    assert f"= 300, {NUMBER_BASE}, {ZONE_PRODUCTS}, 16\n" in migration


def test_the_key_of_a_set_s_bitmap_is_explained():
    suffix = repr(BITMAP_SUFFIX).strip("'")
    assert f"`<set>{suffix}`" in (ROOT / "docs" / "keyspace.md").read_text("utf-8")


def test_a_copy_is_as_compact_as_a_data_node():
    lines = (ROOT / "deploy" / "redis" / "redis.conf").read_text("utf-8").splitlines()
    settings = [f"{name.removeprefix('--')} {value}" for name, value in zip(COMPACT[::2], COMPACT[1::2], strict=True)]
    assert [setting for setting in settings if setting not in lines] == []
